"""Networks, one paper family a file, and the registry that finds them by name."""

from minidl.models._registry import get_model, list_models
from minidl.models.lenet import lenet5_modern

__all__ = ["get_model", "lenet5_modern", "list_models"]
