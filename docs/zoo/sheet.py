"""The sheet as a page of Markdown."""

from __future__ import annotations

import re
from typing import Any

from docs.zoo.figures import Figures, claims, elsewhere, families, figures, learner_families, learner_parameters
from minidl import models
from minidl.models._learners import LEARNERS

HEAD = """\
# The zoo, and how true it is to its papers

<!-- Written by `python -m docs.zoo`; change docs/zoo/zoo.toml or the networks, not this page. -->

Every network of minidl beside what its paper says of it, what torchvision or timm have, and what lecture slides tell.
minidl's figures are computed from the networks themselves (`minidl models NAME` shows them layer by layer), those of
torchvision and timm were read off theirs; papers and slides are quoted, each with its place. Where minidl's figure does
not round to the one that is claimed, the difference stands behind it: "5 million (+40 %)" means that minidl counts 40 %
more. A dash means that nothing is said, or nothing that is certain.

- **parameters**: all that is learnt; where auxiliary heads exist, the number without them stands in parentheses.
- **MACs**: multiply-accumulates of convolutions and linear layers for one picture in evaluation; biases do not count.
  Papers often call them FLOPs, which in minidl are additions and multiplications counted each once: twice as many.
- **depth**: convolutions and linear layers on the longest way from the picture to the logits. The two layers of a
  squeeze-and-excitation lie on it, though the names of networks do not count them.
- **input**: side of the pictures.

## Who comes from whom

![Family tree of the networks: the idea that each of them added](zoo/family-tree.svg)
"""
OTHER_TASKS = """\
## Networks for other tasks

They tell no classes apart, so pictures, depth and multiply-adds of one picture say nothing of them. `minidl train NAME`
trains them, `minidl summary NAME` shows what their layers cost.
"""
TITLES = ("network", "according to", "parameters", "MACs", "depth", "input", "where")
COLUMNS = ("parameters", "macs", "depth", "input", "source")
UNITS = {"": 1, "M": 10**6, "million": 10**6, "G": 10**9, "billion": 10**9}
# Keras's and the authors' φ for B0 to B7.
PHI = (0, 0.5, 1, 2, 3, 4, 5, 6)
ALPHA, BETA, GAMMA = 1.2, 1.1, 1.15


def page() -> str:
    """Write the page."""
    parts = [HEAD, _contents()]
    for family, names in families().items():
        parts += [_section(family, names)]
        if family == "EfficientNet" and "efficientnet_b7" in names:
            parts += [_compound_scaling()]
    parts += [OTHER_TASKS, *(_learner_section(family, names) for family, names in learner_families().items())]
    return "\n".join(parts)


def _learner_section(family: str, names: list[str]) -> str:
    known = claims()["learner"][family]
    papers = dict.fromkeys(f"{LEARNERS[name].paper.citation} ({LEARNERS[name].paper.year})." for name in names)
    lines = [f"### {family}", "", *papers, "", f"The idea: {known['idea']}.", ""]
    lines += [_row(("network", "task", "parameters", "of the paper", "where")), "|---|---|--:|--:|---|"]
    for name in names:
        said, counted = known.get("networks", {}).get(name, {}), learner_parameters(name)
        claim = said.get("parameters", "–")
        off = difference(claim, counted)
        claim += "" if off is None else f" ({100 * off:+.2g} %)".replace("-", "−")
        lines += [_row((f"`{name}`", LEARNERS[name].task, f"{counted:,}", claim, said.get("source", "")))]
    for note in known.get("notes", []):
        lines += ["", _filled(note)]
    return "\n".join([*lines, ""])


def _contents() -> str:
    links = (f"[{family}](#{_anchor(family)})" for family in families())
    return "## Families\n\n" + " ·\n".join(links) + "\n"


def _anchor(title: str) -> str:
    """Make the name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _section(family: str, names: list[str]) -> str:
    known = claims()["family"].get(family, {})
    lines = [f"### {family}", "", *dict.fromkeys(_citation(name) for name in names), ""]
    if "idea" in known:
        lines += [f"The idea: {known['idea']}.", ""]
    lines += [_row(TITLES), "|---|---|--:|--:|--:|--:|---|"]
    for name in names:
        lines += [_row(cells) for cells in _rows(name)]
    for note in known.get("notes", []):
        lines += ["", _filled(note)]
    return "\n".join([*lines, ""])


def _citation(name: str) -> str:
    """Return what to read, as a sentence with its year."""
    entry = models.describe(name)
    when = "" if str(entry.year) in entry.paper else f" ({entry.year})"
    return f"{entry.paper[0].upper()}{entry.paper[1:]}{when}."


def _rows(name: str) -> list[tuple[str, ...]]:
    """Return the lines of a network: paper, minidl, torchvision or timm, slides, as far as they say something."""
    own, claimed = figures(name), claims()["network"].get(name, {})
    parameters = f"{own.parameters:,}" + (f" ({own.evaluated:,})" if own.evaluated != own.parameters else "")
    said: list[tuple[str, dict[str, Any]]] = []
    if "paper" in claimed:
        said += [("paper", claimed["paper"])]
    ours = {"parameters": parameters, "macs": f"{own.macs:,}", "depth": own.depth, "input": own.input, "source": ""}
    said += [("**minidl**", ours)]
    if there := elsewhere().get(name):
        macs = f"{there['macs_conv_linear']:,}"
        theirs = {"parameters": f"{there['params']:,}", "macs": macs, "input": there["input_size"], "source": ""}
        said += [(there["by"], theirs)]
    if "slides" in claimed:
        said += [("slides", claimed["slides"])]
    return [
        (f"`{name}`" if index == 0 else "", by, *(_cell(own, by, column, what.get(column)) for column in COLUMNS))
        for index, (by, what) in enumerate(said)
    ]


def _cell(own: Figures, by: str, column: str, said: Any) -> str:
    """Write what is said, and behind a claim by how much minidl's figure misses it."""
    if said is None:
        return "–"
    counted = {"parameters": own.evaluated, "macs": own.macs} if by in ("paper", "slides") else {}
    off = difference(str(said), counted[column]) if column in counted else None
    return f"{said}" if off is None else f"{said} ({100 * off:+.2g} %)".replace("-", "−")


def difference(said: str, counted: int) -> float | None:
    """Return by which share a count differs from a claim; None if it rounds to it, or no number is claimed.

    Example:
        >>> difference("138 million", 138_357_544) is None
        True
        >>> round(difference("5 million", 6_998_552), 3)
        0.4
    """
    match = re.fullmatch(r"(\d[\d,]*)(\.\d+)? ?(M|million|G|billion)?", said)
    if match is None:
        return None
    whole, digits, unit = match.group(1).replace(",", ""), (match.group(2) or "")[1:], UNITS[match.group(3) or ""]
    claimed, step = float(f"{whole}.{digits or 0}") * unit, unit / 10 ** len(digits)
    return None if abs(counted - claimed) <= step / 2 else counted / claimed - 1


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _filled(note: str) -> str:
    """Put the computed figures into a note, and commas into long numbers."""
    others = {
        name: figures(what["network"], what.get("size"))
        for name, what in claims()["figures"].items()
        if what["network"] in models.list_models()
    }
    text = note.format_map(
        {name: figures(name) for name in re.findall(r"{(\w+)\.", note) if name not in others} | others
    )
    return re.sub(r"(?<![\d.,])\d{5,}(?![\d.,]*\d)", lambda match: f"{int(match.group()):,}", text)


def _compound_scaling() -> str:
    """Write the released triples beside what the paper's formula gives."""
    rows = [("network", "width", "depth", "input", "φ", f"β^φ ({BETA})", f"α^φ ({ALPHA})", f"224·γ^φ ({GAMMA})")]
    rows += [("---", *["--:"] * 7)]
    for index, phi in enumerate(PHI):
        name = f"efficientnet_b{index}"
        table = models.describe(name).variant.table
        computed = (BETA**phi, ALPHA**phi, 224 * GAMMA**phi)
        rows += [
            (
                f"`{name}`",
                *(str(table[word]) for word in ("width", "depth")),
                str(models.describe(name).input_size),
                f"{phi:g}",
                *(f"{number:.{digits}f}" for number, digits in zip(computed, (2, 2, 0))),
            )
        ]
    text = (
        "**Compound scaling.** The paper scales B0's width by β^φ, its depth by α^φ and its pictures by γ^φ, with "
        "α = 1.2, β = 1.1, γ = 1.15. The released networks are these triples, rounded further and further up; and "
        "φ = 1 gives the numbers of B2, not of B1, which stands between:"
    )
    return "\n".join([text, "", *map(_row, rows), ""])
