"""All operations with a planted bug."""

from tests.gradcheck import planted_conv, planted_layers, planted_simple
from tests.gradcheck.planting import BUGS, function, unary

__all__ = ["BUGS", "function", "planted_conv", "planted_layers", "planted_simple", "unary"]
