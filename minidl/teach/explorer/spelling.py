"""Settings as they are typed on the command line: 3x6x6, 2x1, 0,1,0,1, ceil_mode=true."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from minidl._checks import shown
from minidl.teach.explorer.settings import FLAGS, PAIRS

FORMS = {"input": "CxHxW, such as 3x6x6", "padding": "1, 1x2 (rows x columns) or top,bottom,left,right"}
WHOLE = re.compile(r"-?\d+")
TRUTH = {"true": True, "false": False}


def read(typed: Mapping[str, str | int | None], more: Sequence[str] = ()) -> dict[str, Any]:
    """Return settings from what was typed for each; None was not typed. `more` are texts NAME=VALUE.

    Raises:
        ValueError: if one of them cannot be read, with the form that it has.

    Example:
        >>> read({"input": "3x6x6", "kernel": "3", "padding": "0,1,0,1", "groups": None}, ["eps=0.001"])
        {'input': (3, 6, 6), 'kernel': 3, 'padding': ((0, 1), (0, 1)), 'eps': 0.001}
    """
    given: dict[str, str | int] = {name: value for name, value in typed.items() if value is not None}
    for one in more:
        name, sign, value = one.partition("=")
        if not sign:
            raise ValueError(f"explore: --set takes NAME=VALUE, such as eps=0.001; received {shown(one)}")
        given[name.strip().replace("-", "_")] = value.strip()
    return {name: value if isinstance(value, int) else _read(name, value) for name, value in given.items()}


def _read(name: str, text: str) -> Any:
    sizes = re.split(r"[x×X]", text)
    sides = text.split(",")
    if name == "input" and len(sizes) == 3 and all(map(WHOLE.fullmatch, sizes)):
        return tuple(map(int, sizes))
    if name == "padding" and len(sides) == 4 and all(map(WHOLE.fullmatch, sides)):
        top, bottom, left, right = map(int, sides)
        return (top, bottom), (left, right)
    if name in (*PAIRS, "padding") and len(sizes) <= 2 and all(map(WHOLE.fullmatch, sizes)):
        return int(sizes[0]) if len(sizes) == 1 else (int(sizes[0]), int(sizes[1]))
    if name in (*PAIRS, "padding", "input"):
        form = FORMS.get(name, "3 or 3x5 (rows x columns)")
        raise ValueError(f"explore: {name} is written {form}; received {name}={shown(text)}")
    if name in FLAGS and text.lower() in TRUTH:
        return TRUTH[text.lower()]
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
