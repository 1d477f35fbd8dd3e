"""Claims that are plain arithmetic: (227 - 11) / 4 + 1 = 55."""

from __future__ import annotations

import ast
import math
import operator
import re
from fractions import Fraction

from minidl.teach.claims.judging import Claim
from minidl.teach.claims.number import SCALES, Number, read
from minidl.teach.claims.readings import SLIP, Reading
from minidl.teach.strings import claims as words

TERM = r"(?:[\d\s.,+*/^()x-]|floor|ceil)*"
WHOLE = re.compile(rf"({TERM}\d{TERM})(?:=|~|is about|is|gives|equals)\s*~?\s*(-?\s*\d[^=]*)$")
OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}
SIZES = ((224, 227), (227, 224))
LARGEST = 10**12  # beyond it a number is no size
LONGEST = 200
BITS = 400


def arithmetic(text: str, plain: str) -> Claim | None:
    """Return the claim that a sum of numbers has a value; None if the text is something else."""
    match = WHOLE.fullmatch(plain.strip().rstrip(". "))
    if not match or not re.search(r"[+*/^x]|\d\s*-", match[1]):
        return None
    sign, digits = (-1, match[2].lstrip("- ")) if match[2].startswith("-") else (1, match[2])
    found = read(digits, 0)
    value = evaluated(match[1])
    if found is None or value is None or not _is_unit(digits[found[1] :]):
        return None
    is_share = digits[found[1] :].strip() == "%"
    scaled = SCALES.get(digits[found[1] :].strip(), 0)
    number = found[0].times(sign * 1000**scaled)
    value *= 100 if is_share else 1
    number = Number(match[2].strip(), number.value, abs(number.step))
    readings = [Reading(value, lines=(f"{match[1].strip()} = {_shown(value)}",))]
    for wrong, right in SIZES:
        other = evaluated(re.sub(rf"(?<!\d){wrong}(?!\d)", str(right), match[1]))
        if other is not None and other != value and not is_share:
            how = words.SIZE_FOR_SIZE.format(wrong=wrong, right=right)
            line = f"with {right}: {_shown(other)}"
            readings.append(Reading(other, SLIP, how, how, (line,)))
    return Claim(text, "arithmetic", number, tuple(readings), "equal", "%" if is_share else "")


def _is_unit(rest: str) -> bool:
    return (
        not rest.strip()
        or rest.strip() in SCALES
        or rest.strip()
        in (
            "%",
            "pixels",
            "weights",
            "parameters",
            "macs",
            "numbers",
            "개",
            "픽셀",
            "x",
            "배",
        )
    )


def _shown(value: Fraction) -> str:
    return f"{int(value):,}" if value.denominator == 1 else f"{float(value):,.6g}"


def evaluated(text: str) -> Fraction | None:
    """Return the value of a sum of numbers; None if it is no sum."""
    if len(text) > LONGEST:
        return None
    code = re.sub(r"(?<=\d),(?=\d{3}(?!\d))", "", text).replace("x", "*").replace("^", "**")
    try:
        return _value(ast.parse(code.strip(), mode="eval").body)
    except (SyntaxError, ValueError, KeyError, ZeroDivisionError, RecursionError, MemoryError):
        return None


def _value(node: ast.AST) -> Fraction:
    if isinstance(node, ast.Constant) and isinstance(node.value, (int, float)):
        return Fraction(str(node.value))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) == 1:
        return Fraction({"floor": math.floor, "ceil": math.ceil}[node.func.id](_value(node.args[0])))
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        return -_value(node.operand)
    if isinstance(node, ast.BinOp) and type(node.op) in OPERATORS:
        left, right = _value(node.left), _value(node.right)
        if isinstance(node.op, ast.Pow) and (abs(right) > 9 or abs(left) > LARGEST):
            raise ValueError
        if isinstance(node.op, ast.Pow) and (right.denominator != 1 or right < 0):
            if left <= 0:
                raise ValueError
            return Fraction(float(left) ** float(right))
        value = Fraction(OPERATORS[type(node.op)](left, right))
        if value.numerator.bit_length() > BITS or value.denominator.bit_length() > BITS:
            raise ValueError
        return value
    raise ValueError
