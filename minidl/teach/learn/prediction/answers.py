"""Read what somebody answers: a shape, or a number with or without a unit."""

from __future__ import annotations

import re
from typing import Any

Value = int | tuple[int, ...]
UNITS = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "ki": 2**10, "mi": 2**20, "gi": 2**30}
NUMBER = re.compile(r"(\d+(?:\.\d+)?)\s*(k|m|g|ki|mi|gi)?\s*(?:b|bytes?|macs?)?", re.IGNORECASE)


class Answer:
    """A value, or a rounded one: with a unit, as many digits count as were written.

    Example:
        >>> Answer("118M").is_value(118_013_952), Answer("118.1M").is_value(118_013_952), Answer("64 x 7 x 7").sizes
        (True, False, (64, 7, 7))
    """

    def __init__(self, text: str):
        self.text = " ".join(text.split())
        self.sizes = (
            tuple(map(int, re.findall(r"\d+", self.text))) if re.fullmatch(r"[\d\s,x×*()·]+", self.text) else ()
        )
        plain = re.sub(r"(?<=\d)[,_' ](?=\d{3}(?!\d))", "", self.text)
        found = NUMBER.fullmatch(plain)
        self.number = float(found[1]) if found else None
        self.unit = UNITS[(found[2] or "").lower()] if found else 1
        self.digits = len(found[1].partition(".")[2]) if found else 0

    def is_value(self, value: Value) -> bool:
        """Tell whether a value is meant; one number stands for a pair of equal ones."""
        if isinstance(value, tuple):
            return self.sizes == value or (len(value) == 2 and self.sizes == value[:1] == value[1:])
        if self.number is None:
            return False
        if self.unit == 1:
            return self.number == value
        return abs(value / self.unit - self.number) <= 0.5000001 * 10.0**-self.digits

    def is_readable(self, value: Value) -> bool:
        """Tell whether it is a shape where one is asked for, else a number."""
        return bool(self.sizes) if isinstance(value, tuple) else self.number is not None


def written(value: Any) -> str:
    """Write a shape or a number.

    Example:
        >>> written((64, 7, 7)), written(1234567)
        ('64×7×7', '1,234,567')
    """
    return "×".join(map(str, value)) if isinstance(value, tuple) else f"{value:,}"
