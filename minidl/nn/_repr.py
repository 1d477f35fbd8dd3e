"""What stands between the parentheses of a layer's repr."""

from __future__ import annotations

from typing import Any


def changed(layer: Any, **defaults: Any) -> str:
    """Return ", name=value" for each of the layer's settings that differs from its default."""
    values = {name: getattr(layer, name) for name in defaults}
    return "".join(f", {name}={value!r}" for name, value in values.items() if value != defaults[name])
