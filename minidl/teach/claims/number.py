"""Numbers as people write them in notes: what they are worth, and how many of their digits are meant.

The zeros at the end of a whole number are no digits: 60M says one digit, 60,965,224 says eight, 3.50 says three. `step`
is the worth of the last digit that is meant, so that a number holds for all that would be rounded to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from fractions import Fraction

from minidl.teach.claims.unclear import Unclear

SCALES = {
    **dict.fromkeys(("k", "thousand", "kilo"), 1),
    **dict.fromkeys(("m", "million", "millions", "mega", "mio"), 2),
    **dict.fromkeys(("g", "b", "bn", "billion", "billions", "giga"), 3),
    **dict.fromkeys(("t", "trillion", "tera"), 4),
}
KOREAN_LARGE = {"만": 10**4, "억": 10**8, "조": 10**12}
KOREAN_SMALL = {"천": 10**3, "백": 10**2, "십": 10}
PLAIN = r"(?:\d{1,3}(?:,\d{3})+(?![\d,]*\d)|\d+)(?:\.\d+)?"
LARGE = re.compile(rf"((?:{PLAIN}\s*(?:[천백십]\s*|(?=[만억조])))+|[천백십])([만억조])\s*")
PIECE = re.compile(rf"({PLAIN})?\s*([천백십])?\s*")
POWER = re.compile(rf"({PLAIN})\s*(?:e\s*\+?(\d+)|[x*]\s*10\s*\^\s*(\d+))(?![\d.])")
LARGEST = 30  # digits of a number, and its powers of ten
FIGURE = re.compile(PLAIN)


@dataclass(frozen=True)
class Number:
    """A number of a claim.

    Attributes:
        text: as it is written.
        value: what it is worth.
        step: what a one more in its last digit is worth.
        scale: how often a thousand is in its scale: 2 for M and MB; 0 without one.
        binary: whether a thousand of the scale is 1024, as in MiB.
    """

    text: str
    value: Fraction
    step: Fraction
    scale: int = 0
    binary: bool = False

    @property
    def digits(self) -> int:
        """How many digits are meant."""
        return len(str(abs(int(self.value / self.step))))

    def agrees(self, x: Fraction | int) -> bool:
        """Tell whether a value is this number when it is rounded to its digits."""
        return -self.step <= 2 * (x - self.value) < self.step

    def is_cut(self, x: Fraction | int) -> bool:
        """Tell whether a value is this number when its further digits are left away."""
        return self.digits > 1 and self.value <= x < self.value + self.step

    def off(self, x: Fraction | int) -> Fraction:
        """Return by which share of a value this number is too large."""
        return Fraction(self.value - x) / x if x else Fraction(0 if not self.value else 1)

    def times(self, factor: Fraction | int) -> Number:
        """Return the number in another unit."""
        return Number(self.text, self.value * factor, self.step * factor, self.scale, self.binary)

    def to_the_last(self) -> Number:
        """Return the number with the zeros at its end meant as digits: exactly 138,000,000."""
        match = FIGURE.match(self.text)
        digits = match[0].replace(",", "") if match else ""
        zeros = 0 if "." in digits else len(digits) - len(digits.rstrip("0"))
        return replace(self, step=self.step / 10**zeros) if self.value else self

    def in_binary(self) -> Number:
        """Return the number with 1024 for every 1000 of its scale."""
        return self.times(Fraction(1024, 1000) ** self.scale)


def exact(text: str, value: int) -> Number:
    """Return a number that is meant to its last digit."""
    return Number(text, Fraction(value), Fraction(1))


def figure(text: str) -> tuple[Fraction, Fraction]:
    """Return (value, step) of digits such as 1,638,400 or 3.50."""
    digits = text.replace(",", "")
    if len(digits) > LARGEST:
        raise Unclear("a number of so many digits is none of anything in a network")
    whole, _, rest = digits.partition(".")
    value = Fraction(digits)
    if rest:
        return value, Fraction(1, 10 ** len(rest))
    zeros = len(whole) - len(whole.rstrip("0")) if value else 0
    return value, Fraction(10**zeros)


def read(text: str, at: int) -> tuple[Number, int] | None:
    """Read the number that begins at a place of a text in small letters; return it and where it ends.

    Units are not read, but for the scale: 138m, 1.5 billion, 3.6x10^9, 6천만, 1억 3천8백만.
    """
    korean = _korean(text, at)
    if korean is not None:
        return korean
    match = POWER.match(text, at)
    if match and int((match[2] or match[3])[:4]) > LARGEST:
        raise Unclear(f"{match[0]} is no number of anything in a network")
    if match:
        value, step = figure(match[1])
        factor = 10 ** int(match[2] or match[3])
        return Number(match[0], value * factor, step * factor), match.end()
    match = FIGURE.match(text, at)
    if not match:
        return None
    value, step = figure(match[0])
    return Number(match[0], value, step), match.end()


def _korean(text: str, at: int) -> tuple[Number, int] | None:
    """Read 6천만, 15억, 1억 3,835만, 3만 6928: groups of ten thousand."""
    value, step, end = Fraction(0), Fraction(0), at
    last = 10**16
    while match := LARGE.match(text, end):
        factor = KOREAN_LARGE[match[2]]
        if factor >= last:
            break
        of_group, step_of_group = _small(match[1])
        value, step, end, last = value + of_group * factor, step_of_group * factor, match.end(), factor
    if end == at:
        thousand = re.compile(rf"({PLAIN})\s*([천백])(?![가-힣만억])").match(text, at)
        if not thousand:
            return None
        of, one = figure(thousand[1])
        factor = KOREAN_SMALL[thousand[2]]
        return Number(thousand[0], of * factor, one * factor), thousand.end()
    rest = FIGURE.match(text, end)
    if rest and Fraction(rest[0].replace(",", "")) < last:
        of, one = figure(rest[0])
        value, step, end = value + of, one, rest.end()
    written = text[at:end].rstrip()
    return Number(written, value, step), at + len(written)


def _small(text: str) -> tuple[Fraction, Fraction]:
    """Read what stands before 만 or 억: 6천, 3천8백, 3,835, 천."""
    value, step = Fraction(0), Fraction(1)
    at = 0
    text = text.strip()
    while at < len(text):
        match = PIECE.match(text, at)
        if not match or match.end() == at:
            break
        of, one = figure(match[1]) if match[1] else (Fraction(1), Fraction(1))
        factor = KOREAN_SMALL.get(match[2] or "", 1)
        value, step, at = value + of * factor, one * factor, match.end()
    return value, step
