"""From a sentence to its tokens: networks, layers, numbers with their units, quantities, and words.

Nothing is left out: a word that no table knows becomes a token of its own, so that whoever reads the tokens can refuse.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from typing import Any

from minidl.teach.claims import patterns as written
from minidl.teach.claims import vocabulary as known
from minidl.teach.claims.networks import FAMILIES, HANGUL, spellings
from minidl.teach.claims.number import SCALES, Number, exact, read
from minidl.teach.claims.unclear import Unclear

SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")
SIZE, POLYNOMIAL, LAYER, SKIPPED, BREAK, WORD = map(
    re.compile,
    (written.SIZE, written.POLYNOMIAL, written.LAYER, written.SKIPPED, written.BREAK, written.WORD),
)
SCALE = re.compile(r"\s*-?(" + "|".join(sorted(SCALES, key=len, reverse=True)) + r")(?![a-z0-9^])")
FAMILY = re.compile(rf"(?<![a-z0-9-])(?:{FAMILIES})(?:[\s_-]*[a-z]?\d[a-z\d]*)?(?![a-z0-9])")
ORDINAL = re.compile(r"(?<![a-z])" + written.ORDINAL)
COMPILED = {kind: re.compile(pattern) for kind, pattern in written.ALL.items()}
UNITS = [(unit, re.compile(pattern), counted) for unit, pattern, counted in written.UNITS]
MINUS = re.compile(r"(?<![\w)])-(?=\d)")
ENDING = re.compile(known.ENDING)


@dataclass(frozen=True)
class Token:
    """A piece of a sentence: its kind, what it is worth, how it is written, and where it stands."""

    kind: str
    value: Any
    text: str
    at: int
    unit: str = ""


def normalised(text: str, keep_case: bool = False) -> str:
    """Return a text in one spelling: small letters, plain signs, names of networks in Latin letters.

    Example:
        >>> normalised("VGG–16: 3×3 → 27C², 알렉스넷")
        'vgg - 16: 3x3 -> 27c^2, alexnet'
    """
    text = re.sub("[⁰¹²³⁴⁵⁶⁷⁸⁹]+", lambda match: "^" + match[0].translate(SUPERSCRIPTS), text)
    text = re.sub(r"\^\{(\d+)\}", r"^\1", text)
    for sign, plain in written.SIGNS.items():
        text = text.replace(sign, plain)
    text = unicodedata.normalize("NFKC", text)
    text = text if keep_case else text.lower()
    text = "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)
    for name, latin in HANGUL.items():
        text = text.replace(name, latin)
    return " ".join(text.split())


@cache
def _phrases() -> tuple[re.Pattern[str], dict[str, tuple[str, Any]]]:
    """Return one pattern of all phrases, the longest first, and what each of them is."""
    found: dict[str, tuple[str, Any]] = {}
    tables = (("quantity", known.QUANTITIES), ("qualifier", known.QUALIFIERS), ("relation", known.RELATIONS))
    for kind, table in (*tables, ("comparing", known.COMPARING), ("fraction", known.FRACTIONS)):
        for value, phrases in table.items():
            for phrase in map(str.strip, phrases.split("|")):
                found.setdefault(phrase, (kind, value))
    for word, n in known.SPELLED.items():
        found.setdefault(word, ("spelled", n))
    pieces = []
    for phrase in sorted(found, key=len, reverse=True):
        before = r"(?<![a-z0-9])" if phrase[0].isascii() and phrase[0].isalpha() else ""
        after = r"(?![a-z0-9])" if phrase[-1].isascii() and phrase[-1].isalpha() else ""
        if phrase in known.SPELLED and not phrase.isascii():
            after = r"(?=\s)" if len(phrase) == 1 else r"(?=\s|보다|[는은이가을를와과의로]|$)"
        pieces.append(before + re.escape(phrase).replace(r"\ ", r"\s+") + after)
    return re.compile("|".join(pieces)), found


@cache
def _networks() -> tuple[re.Pattern[str], list[str]]:
    """Return one pattern of all networks, each a group, and their names."""
    names, pieces = [], []
    for pattern, name in spellings():
        names.append(name)
        pieces.append(f"({pattern})")
    whole = rf"(?<![a-z0-9-])(?:{'|'.join(pieces)})(?![a-z0-9]|-\d|\.\d)"
    return re.compile(whole), names


def tokens(text: str, cased: str = "") -> list[Token]:
    """Return the tokens of a sentence that is `normalised`; `cased` is the same with its capital letters.

    Example:
        >>> [(token.kind, token.text) for token in tokens(normalised("VGG-16 has 138M weights"))]
        [('network', 'vgg-16'), ('word', 'has'), ('number', '138m'), ('quantity', 'weights')]
    """
    found: list[Token] = []
    at = 0
    while at < len(text):
        skipped = SKIPPED.match(text, at)
        if skipped and skipped.end() > at:
            at = skipped.end()
            continue
        made, at = _next(text, at)
        if found and found[-1].value in known.EXACT and isinstance(made[0].value, Number):
            made[0] = replace(made[0], value=made[0].value.to_the_last())
        found += made
    return [_as_written(token, cased) for token in found] if cased and len(cased) == len(text) else found


def _as_written(token: Token, cased: str) -> Token:
    """Return a number with its unit as the user wrote it: 138M, not 138m."""
    if not isinstance(token.value, Number):
        return token
    text = cased[token.at : token.at + len(token.text)]
    return replace(token, text=text, value=replace(token.value, text=text))


def _next(text: str, at: int) -> tuple[list[Token], int]:
    """Return the tokens at a place, and where they end."""
    pattern, names = _networks()
    if match := pattern.match(text, at):
        return [Token("network", names[(match.lastindex or 1) - 1], match[0], at)], match.end()
    if match := COMPILED["year"].match(text, at):
        return [Token("word", "year", match[0], at)], match.end()
    if match := ORDINAL.match(text, at):
        what = match[2]
        kind = "conv" if "conv" in what or "합성곱" in what else "any" if what in ("layer", "층") else "linear"
        return [Token("ordinal", (written.NTH[match[1]], kind), match[0], at)], match.end()
    for kind in written.KINDS:
        if match := COMPILED[kind].match(text, at):
            return [Token("thing", kind, match[0], at)], match.end()
    if match := FAMILY.match(text, at):
        return [Token("family", match[0], match[0], at)], match.end()
    for kind in written.FEATURES:
        if match := COMPILED[kind].match(text, at):
            values = [known.SPELLED.get(one) or int(one) for one in match.groups() if one]
            return [Token("feature", (kind, *values), match[0], at)], match.end()
    if match := LAYER.match(text, at):
        return [Token("layer", _layer(match), match[0], at)], match.end()
    phrase = _phrases()
    quantity = phrase[0].match(text, at)
    if quantity and text[at].isdigit():  # 1x1 convolutions
        return [Token(*phrase[1][" ".join(quantity[0].split())], quantity[0], at)], quantity.end()
    if text[at].isdigit():
        return _figure(text, at)
    if quantity:
        return [Token(*phrase[1][" ".join(quantity[0].split())], quantity[0], at)], quantity.end()
    if match := BREAK.match(text, at):
        return [Token("break", match[0].strip(), match[0], at)], match.end()
    if MINUS.match(text, at):  # there is nothing negative to be counted
        return [Token("unknown", "minus", "-", at)], at + 1
    word = WORD.match(text, at)
    end = word.end() if word else at + 1
    return [_word(text[at:end], at)], end


def _word(word: str, at: int) -> Token:
    bare = word.strip("'.-")
    is_known = bare in known.HARMLESS | known.DESCRIBING or bare in known.HARMLESS_KOREAN or bare in known.ADVERBS
    is_known = is_known or bool(ENDING.fullmatch(bare))
    return Token("word" if is_known or not bare else "unknown", bare, word, at)


def _layer(match: re.Match[str]) -> str:
    """Return the name of a layer as ledgers have it."""
    if match[1]:
        return f"{match[1]}{match[2]}_{match[3]}"
    if match[4]:
        return f"{match[4]}{match[5]}"
    if match[6] or match[7]:
        return f"inception{match[6] or match[7]}"
    if match[11]:
        return "aux1" if match[11] == "first" else "aux2"
    return match[8] or f"aux{match[10]}"


def _figure(text: str, at: int) -> tuple[list[Token], int]:
    """Read what begins with a digit: a polynomial, a size, or a number with its scale and unit."""
    if match := POLYNOMIAL.match(text, at):
        return [Token("polynomial", int(match[1]), match[0], at)], match.end()
    size = SIZE.match(text, at)
    found = read(text, at)
    if size and (found is None or size.end() > found[1]):
        sides = tuple(int(side) for side in re.findall(r"\d+", size[0]))
        return [Token("size", sides, size[0], at)], size.end()
    if found is None:  # a digit in a script that is no number here
        return [Token("unknown", text[at], text[at], at)], at + 1
    number, end = found
    number, end, unit, counted = _unit(text, number, end)
    shown = text[at:end].strip()
    made = [Token("number", Number(shown, *_rest(number)), shown, at, unit)]
    if counted:
        made.append(Token("quantity", counted, shown, at))
    if plus := re.compile(r"\s*\+(?!\s*\d)").match(text, end):
        made.append(Token("relation", "least", plus[0], end))
        end = plus.end()
    return made, end


def _rest(number: Number) -> tuple[Any, ...]:
    return number.value, number.step, number.scale, number.binary


def _unit(text: str, number: Number, end: int) -> tuple[Number, int, str, str]:
    """Read a scale and a unit behind a number; return the number with them, where it ends, the unit, the quantity."""
    for unit, pattern, counted in UNITS:
        match = pattern.match(text, end)
        if not match or match.end() == end:
            continue
        prefix = match[1] if match.re.groups else None
        if prefix and number.scale:
            raise Unclear(f"{number.text}{text[end : match.end()]} has two scales: which is meant?")
        scale = 0 if not prefix else written.PREFIX.get(prefix) or SCALES[prefix]
        is_binary = unit == "mebi" or (match.re.groups > 1 and bool(match[2]))
        factor = (1024 if is_binary else 1000) ** scale
        made = number.times(factor)
        made = Number(made.text, made.value, made.step, scale or number.scale, is_binary)
        return made, match.end(), "bytes" if unit == "mebi" else unit, counted
    if not number.scale and (match := SCALE.match(text, end)):
        scale = SCALES[match[1]]
        made = number.times(1000**scale)
        scaled = Number(made.text, made.value, made.step, scale)
        return _unit(text, scaled, match.end()) if not match[1].endswith("s") else (scaled, match.end(), "", "")
    return number, end, "", ""


def spelled(token: Token) -> Number:
    """Return the number of a word such as three, twice or half."""
    if token.kind == "spelled":
        return exact(token.text, token.value)
    if token.value == "half":
        return Number(token.text, Fraction(1, 2), Fraction(1, 10))
    return exact(token.text, {"twice": 2, "thrice": 3}[token.value])
