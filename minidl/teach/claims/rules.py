"""Rules of thumb that notes state of layers in general: each has its own sentence, and is worked out for it."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from math import prod

import numpy as np

from minidl.teach.claims.judging import Claim
from minidl.teach.claims.networks import Meant, ledger_of, spellings
from minidl.teach.claims.number import Number, exact, figure
from minidl.teach.claims.readings import CONVENTION, PLAIN, SLIP, Reading

FIGURE = r"(\d+(?:\.\d+)?)"
COUNTED = {"once": 1, "one": 1, "twice": 2, "two": 2, "three": 3, "four": 4, "한": 1, "두": 2, "세": 3, "네": 4}
TIMES = rf"(once|twice|{FIGURE}\s*(?:times|x|번|배)|한 번|두 번|세 번|네 번)"


def _times(text: str) -> int:
    return COUNTED.get(text.split()[0]) or int(float(re.findall(r"[\d.]+", text)[0]))


def _doubled(text: str, match: re.Match[str]) -> Claim:
    """Two layers, c and c filters on an input of c channels: 1·1 + 1·1 becomes 1·2 + 2·2."""
    n = _times(match[1])
    how = "for the second layer alone, or if the input of the first has twice the channels, too"
    found = (
        Reading(Fraction(3), lines=("(1·2 + 2·2) / (1·1 + 1·1) = 3 with the input as it is",)),
        Reading(Fraction(4), CONVENTION, "second layer", how, ("2·2 = 4 where channels in and out double",)),
        Reading(Fraction(2), SLIP, "first layer", "for the first layer alone, whose input stays", ("1·2 = 2",)),
    )
    return Claim(text, "twice the filters in two layers: compute", exact(match[1], n), found, "equal", "times")


def _halved(text: str, match: re.Match[str]) -> Claim:
    """Stride 2: each side is half, the area a quarter."""
    is_half = match[1] not in ("quarter", "quarters", "1/4")
    how = "for each side; the area becomes a quarter" if is_half else "for the area; each side becomes half"
    value = Fraction(1, 2 if is_half else 4)
    found = (Reading(value, CONVENTION, "side or area", how, ("side 1/2, area 1/2 · 1/2 = 1/4, rounded down",)),)
    return Claim(text, "stride 2: size of the map", Number(match[1], value, Fraction(1, 100)), found)


def _covered(text: str, match: re.Match[str]) -> Claim:
    """How many windows read a pixel: counted with loops."""
    kernel = int(match["kernel"])
    pad = int(match["pad"]) if match["pad"] else 0
    side, place = int(match["side"]), match["place"]
    padded = np.zeros((side + 2 * pad, side + 2 * pad), dtype=int)
    for i in range(side + 2 * pad - kernel + 1):
        for j in range(side + 2 * pad - kernel + 1):
            padded[i : i + kernel, j : j + kernel] += 1
    inner = padded[pad : pad + side, pad : pad + side]
    value = {"corner": inner[0, 0], "centre": inner[side // 2, side // 2], "center": inner[side // 2, side // 2]}[place]
    lines = tuple(" ".join(map(str, row)) for row in inner) if side <= 9 else ()
    number = exact(match["n"], _times(match["n"]))
    return Claim(
        text, f"{place} pixel, {kernel}×{kernel} windows, padding {pad}", number, (Reading(int(value), lines=lines),)
    )


def _order(text: str, match: re.Match[str]) -> Claim:
    """relu(pool(x)) and pool(relu(x)), on numbers of both signs."""
    x = np.random.default_rng(0).standard_normal((8, 8))
    windows = x.reshape(4, 2, 4, 2)
    is_max = match["pool"] in ("max", "최대")
    pool: Callable[[np.ndarray], np.ndarray] = lambda a: a.max((1, 3)) if is_max else a.mean((1, 3))  # noqa: E731
    apart = int((np.maximum(pool(windows), 0) != pool(np.maximum(windows, 0))).sum())
    lines = (
        "relu(max(a, b)) = max(relu(a), relu(b)), because relu never turns an order around"
        if is_max
        else "relu(mean(1, -1)) = 0, but mean(relu(1), relu(-1)) = 0.5",
        f"on 16 windows of random numbers, {apart} differ",
    )
    return Claim(text, f"relu and {match['pool']} pooling, in either order: results that differ", exact("0", 0),
                 (Reading(apart, lines=lines),))  # fmt: skip


def _axb(text: str, match: re.Match[str]) -> Claim:
    """One multiplication and one addition."""
    is_mac = match["unit"].startswith("mac")
    right, wrong = (1, 2) if is_mac else (2, 1)
    found = (
        Reading(right, lines=("1 multiplication + 1 addition = 2 FLOPs = 1 MAC",)),
        Reading(wrong, SLIP, "flops for macs" if is_mac else "macs for flops", "FLOPs and MACs taken for each other"),
    )
    return Claim(text, f"a·x + b: {match['unit']}", exact(match["n"], int(match["n"])), found)


def _scaled(text: str, match: re.Match[str]) -> Claim:
    """Batch norm of kW·x and of W·x: mean and deviation scale alike."""
    x = np.random.default_rng(0).standard_normal(64)
    apart = max(
        float(np.abs((k * x - (k * x).mean()) / (k * x).std() - (x - x.mean()) / x.std()).max()) for k in (0.5, 3.0)
    )
    lines = ("(kx - k·mean) / (k·std) = (x - mean) / std, for k > 0 and eps = 0", f"largest difference {apart:.1g}")
    return Claim(
        text, "batch norm of scaled weights: difference", exact("0", 0), (Reading(int(apart > 1e-9), lines=lines),)
    )


def _pooled(text: str, match: re.Match[str]) -> Claim | None:
    """Comparisons of max poolings, k·k - 1 for each result, against the MACs of the network."""
    name = next((one for pattern, one in spellings() if re.fullmatch(pattern, match["net"])), None)
    if name is None:
        return None
    rows = ledger_of(Meant(name)).rows
    compares = sum((prod(row.kernel) - 1) * row.numbers for row in rows if row.op == "pool" and row.kernel)
    macs = sum(row.macs for row in rows)
    value = Fraction(compares, macs) * 100
    line = f"{compares:,} comparisons / {macs:,} MACs = {float(value):.3g} %"
    of, step = figure(match["n"])
    number = Number(match["n"] + " %", of, step)
    return Claim(
        text, f"{name}: comparisons of its poolings", number, (Reading(value, PLAIN, lines=(line,)),), "equal", "%"
    )


RULES: tuple[tuple[re.Pattern[str], Callable[[str, re.Match[str]], Claim | None]], ...] = tuple(
    (re.compile(pattern), work)
    for pattern, work in (
        (
            rf"doubling (?:the )?(?:number of )?(?:filters|channels|width)s? (?:of|in) (?:both|two|the two) layers "
            rf"(?:multiplies|increases|makes) (?:the )?(?:compute|computation|cost|macs|operations) "
            rf"(?:by )?(?:a factor of )?({FIGURE})(?: times)?",
            _doubled,
        ),
        (rf"두 층의 (?:필터|채널)(?: 수)?를 두 배로 (?:늘리면|하면) 연산량은? {TIMES}가? (?:된다|됩니다)", _doubled),
        (r"(?:a )?stride (?:of )?2 (halves|quarters) the (?:size|resolution|map|size of the map|feature map)", _halved),
        (
            r"스트라이드(?:가)? 2(?:이면|면) (?:크기|특징 맵|맵의 크기|맵)[은는이가] (절반|1/4)(?:이|로)? ?"
            r"(?:된다|됩니다|줄어든다)",
            _halved,
        ),
        (
            rf"(?:with padding (?P<pad>\d+)|without padding),? "
            rf"a (?P<kernel>\d+)x(?P=kernel) (?:window|kernel|filter) "
            rf"(?:uses|reads|covers|sees) (?:a |the )?(?P<place>corner|centre|center) pixel of a "
            rf"(?P<side>\d+)x(?P=side) "
            rf"(?:picture|image|map|input) (?P<n>once|twice|{FIGURE} times)",
            _covered,
        ),
        (
            r"(?:the )?order of relu and (?P<pool>max|average|avg|mean)[ -]?pooling does(?:n't| not) matter",
            _order,
        ),
        (r"relu와 (?P<pool>최대|평균) 풀링의 순서는 (?:상관없다|상관없습니다|바꿔도 된다|바꾸어도 된다)", _order),
        (
            r"(?:computing )?a\s*\*?\s*x\s*\+\s*b (?:is|takes|needs|costs) (?P<n>\d+) (?P<unit>macs?|flops?)",
            _axb,
        ),
        (r"bn\(k\s?\*?w\) ?= ?bn\(w\)", _scaled),
        (rf"pooling (?:takes|costs|needs|is) (?:only )?(?P<n>{FIGURE}) ?% of "
            rf"(?:the macs of )?(?P<net>[a-z0-9 -]+?)(?:'s macs)?", _pooled),
    )
)  # fmt: skip


def rule(text: str, plain: str) -> Claim | None:
    """Return the claim that a sentence makes of a rule of thumb; None if it is none of them.

    Example:
        >>> claim = rule("Stride 2 halves the map", "stride 2 halves the map")
        >>> claim.about
        'stride 2: size of the map'
    """
    for pattern, work in RULES:
        if match := pattern.fullmatch(plain.rstrip(" .!")):
            return work(text, match)
    return None
