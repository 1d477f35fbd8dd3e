"""Two spellings of one setting of a layer: `axis`, as in NumPy and all over minidl, and PyTorch's `dim`.

Both stand in the signature of the layer, where editors and type checkers look; of operations and methods,
`_answers.spelled` takes care.
"""

from __future__ import annotations

from typing import Any

from minidl._checks import shown


def spelt(layer: str, name: str, value: Any, default: Any, other_name: str, other: Any) -> Any:
    """Return the setting that is called `name` or `other_name`; the other one is None where it is not given.

    Example:
        >>> spelt("Softmax", "axis", -1, -1, "dim", 1)
        1
    """
    if other is None:
        return value
    if value is not default and (type(value) is not type(default) or value != default):
        found = f"{name}={shown(value)}, {other_name}={shown(other)}"
        raise ValueError(f"{layer}: {name} and {other_name} are the same; received {found}; give one")
    return other
