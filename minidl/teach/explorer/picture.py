"""The forward pass as a picture that needs no script: what the page shows where there is none."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from minidl._html import Html, element, join
from minidl.teach.explorer.gather import Scene


def picture(scene: Scene, said: Mapping[str, str]) -> Html:
    """Return the operands and the result of a scene as tables."""
    arrays = {**scene.numbers, "y": scene.engine["y"]}
    shown = (plane_tables(name, array, said) for name, array in arrays.items() if name != "dy")
    return element("div", join(*shown), class_="static")


def plane_tables(name: str, array: np.ndarray, said: Mapping[str, str]) -> Html:
    """Return an array as tables, one for each plane."""
    planes = array.reshape(-1, *((1,) * (2 - array.ndim)), *array.shape[-2:]) if array.ndim < 2 else array
    planes = planes.reshape(-1, *planes.shape[-2:])
    tables = (
        element("table", *(element("tr", *(element("td", short(one)) for one in row)) for row in plane))
        for plane in planes
    )
    size = "×".join(map(str, array.shape)) or "1"
    head = element("figcaption", f"{name} ({size}): {said[f'array.{name}']}")
    return element("figure", head, *tables)


def short(value: float) -> str:
    """Write a number in the few digits that a cell has room for; the page writes it the same way.

    Example:
        >>> short(-25.0), short(0.123456), short(1234.5678)
        ('−25', '0.1235', '1235')
    """
    return f"{value:.4g}".replace("-", "−") if not float(value).is_integer() else f"{value:.0f}".replace("-", "−")
