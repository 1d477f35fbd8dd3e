"""The fidelity sheet and the family tree are what the command writes, and every equation on the page holds."""

import ast
import itertools
import operator
import re
from fractions import Fraction
from xml.etree import ElementTree

import numpy as np
import pytest

from docs.zoo import outputs, sheet, tree
from docs.zoo.figures import HERE, claims, families, figures, learner_families
from minidl import models
from minidl.models._learners import LEARNERS

PAGE = (HERE.parent / "zoo.md").read_text(encoding="utf-8")
SVG = "{http://www.w3.org/2000/svg}"


def test_both_files_are_as_the_command_writes_them():
    for path, text in outputs().items():
        assert path.read_text(encoding="utf-8") == text, f"{path.name} is old; write it anew: python -m docs.zoo"


# ---------------------------------------------------------------------- the sheet


def test_every_network_is_on_the_page():
    assert re.findall(r"^\| `(\w+)` \| (?:paper|\*\*minidl\*\*) \|", PAGE, re.M) == [
        name for names in families().values() for name in names
    ]
    assert sorted(name for names in families().values() for name in names) == models.list_models()
    assert PAGE.count("| **minidl** |") == len(models.list_models())


def test_every_family_has_an_idea_and_every_claim_a_source():
    for family in families():
        assert claims()["family"][family]["idea"], f"{family}: give its idea and its parents in docs/zoo/zoo.toml"
    for name, claimed in claims()["network"].items():
        for by, what in claimed.items():
            assert by in ("paper", "slides"), name
            assert set(what) <= set(sheet.COLUMNS), name
            assert what["source"], name
            assert len(what) > 1, name


def test_nothing_is_claimed_of_networks_that_are_not_there():
    assert set(claims()["network"]) <= set(models.list_models())
    assert set(claims()["family"]) == set(families())
    assert {what["network"] for what in claims()["figures"].values()} <= set(models.list_models())


def test_parents_are_families():
    known = claims()["family"] | claims()["learner"]
    for name, family in known.items():
        assert set(family["from"]) <= set(known) - {name}


def test_families_for_other_tasks_are_on_the_page_and_in_the_tree():
    assert set(claims()["learner"]) == set(learner_families())
    for name, learner in LEARNERS.items():
        assert re.search(rf"^\| `{name}` \| {learner.task} \| [\d,]+ \|", PAGE, re.M), name
        assert learner.paper.family in [family.name for family in tree.rows()]
    for family, names in learner_families().items():
        claimed = claims()["learner"][family].get("networks", {})
        assert set(claimed) <= set(names)
        assert all(what["source"] for what in claimed.values())
    assert "| `transformer_base` | sequence | 63,082,496 | 65 million (−3 %) | Table 3 |" in PAGE


def test_computed_figures():
    assert figures("googlenet").parameters - figures("googlenet").evaluated == 3_188_840 + 3_190_888
    assert figures("alexnet_owt", 227).macs > figures("alexnet_owt").macs
    assert "| `googlenet` | paper | 12 times fewer than AlexNet | 1.5 billion (+5.5 %) | 22 | 224 |" in PAGE
    assert "|  | **minidl** | 13,378,280 (6,998,552) | 1,582,671,872 | 22 | 224 |  |" in PAGE


@pytest.mark.parametrize(
    ("said", "counted", "off"),
    [
        ("138 million", 138_499_999, None),
        ("138 million", 138_600_000, 600 / 138_000),
        ("3.8 G", 3_840_000_000, None),
        ("3.8 G", 4_180_000_000, 0.1),
        ("569 M", 568_500_000, None),
        ("0.39 G", 380_000_000, -1 / 39),
        ("60,000", 60_000, None),
        ("1,248,424", 1_248_425, 1 / 1_248_424),
        ("12 times fewer than AlexNet", 5, None),
    ],
)
def test_differences_from_a_claim(said, counted, off):
    assert sheet.difference(said, counted) == (off if off is None else pytest.approx(off, rel=1e-9))


OPERATORS = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def value_of(text):
    """Compute an expression of the page exactly."""

    def walk(node):
        if isinstance(node, ast.BinOp):
            return OPERATORS[type(node.op)](walk(node.left), walk(node.right))
        return Fraction(str(node.value))

    plain = re.sub(r"(?<=\d),(?=\d{3})", "", text).replace("·", "*").replace("^", "**")
    return walk(ast.parse(plain.strip(), mode="eval").body)


def holds(equation):
    """Tell whether an equation holds: = exactly, ≈ to the digits on its right side."""
    left, sign, right = re.fullmatch(r"([^=≈]+)([=≈])([^=≈]+)", equation).groups()
    if sign == "=":
        return value_of(left) == value_of(right)
    digits = len(right.strip().partition(".")[2])
    return abs(value_of(left) - value_of(right)) <= Fraction(1, 2 * 10**digits)


EQUATIONS = [code for code in re.findall(r"`([^`\n]+)`", PAGE) if "=" in code or "≈" in code]


@pytest.mark.parametrize("equation", EQUATIONS)
def test_equations_hold(equation):
    assert holds(equation)


@pytest.mark.parametrize(
    ("equation", "right"),
    [
        ("55·55·96 = 290,400", True),
        ("55·55·96 = 253,440", False),
        ("(224 - 11) / 4 + 1 = 54.25", True),
        ("(224 - 11) / 4 + 1 = 54", False),
        ("60,965,224 / 6,998,552 ≈ 8.7", True),
        ("60,965,224 / 6,998,552 ≈ 8.8", False),
        ("2^20 = 1,048,576", True),
    ],
)
def test_the_test_of_equations(equation, right):
    assert holds(equation) is right


def test_there_are_equations_and_no_unfilled_figures():
    assert len(EQUATIONS) >= 40
    assert not re.search(r"{\w+\.\w+", PAGE)


def test_a_number_gets_its_commas_once():
    text = sheet._filled("`12345·2 = 24690`, 1234, 1,234,567, 0.12345 and {alexnet.parameters}")
    assert text == "`12,345·2 = 24,690`, 1234, 1,234,567, 0.12345 and 60,965,224"


# ---------------------------------------------------------------------- the family tree


def family_list(rng, n):
    """Return n families with parents drawn from those before them."""
    found = []
    for index in range(n):
        count = min(index, int(rng.integers(0, 4)))
        parents = rng.choice(index, size=count, replace=False) if count else []
        found.append(tree.Family(f"f{index}", 2000 + index, "idea", tuple(f"f{parent}" for parent in parents)))
    return found


@pytest.mark.parametrize("found", [tree.rows(), *(family_list(np.random.default_rng(seed), 25) for seed in range(20))])
def test_no_line_runs_over_a_dot_or_along_another_line(found):
    lanes, lines = tree.arrange(found)
    cells = [(row, lane) for row, lane in enumerate(lanes)]
    cells += [(row, line.via) for line in lines for row in range(line.parent + 1, line.child)]
    assert len(set(cells)) == len(cells)
    assert len(lines) == sum(len(family.parents) for family in found)
    for line in lines:
        assert line.parent < line.child
        assert found[line.parent].name in found[line.child].parents
        assert not line.first or line.via == lanes[line.child]


def test_a_family_above_its_parent_is_an_error():
    found = [tree.Family("child", 2000, "idea", ("parent",)), tree.Family("parent", 2000, "idea", ())]
    with pytest.raises(ValueError, match=r"^child \(2000\) stands above a parent of it in parent$"):
        tree.arrange(found)


def test_the_picture_shows_every_family_inside_its_borders():
    root = ElementTree.fromstring(tree.picture())
    width, height = (float(number) for number in root.get("viewBox").split()[2:])
    found = tree.rows()
    names = [span.text for span in root.iter(f"{SVG}tspan") if span.get("class") == "name"]
    assert names == [family.name for family in found]
    assert len(list(root.iter(f"{SVG}circle"))) == len(found)
    assert len(list(root.iter(f"{SVG}path"))) == sum(len(family.parents) for family in found)
    lines = [text for text in root.iter(f"{SVG}text") if text.get("class") == "idea"]
    assert " ".join(text.text for text in lines) == " ".join(family.idea for family in found)
    for text in lines:
        assert float(text.get("x")) + len(text.text) * tree.LETTER <= width
    tops = [float(text.get("y")) for text in root.iter(f"{SVG}text")]
    assert all(below - above >= 16 for above, below in itertools.pairwise(tops))
    assert tops[-1] < height
    dots = [float(dot.get("cx")) for dot in root.iter(f"{SVG}circle")]
    assert max(dots) + 6 < min(float(text.get("x")) for text in lines)


def test_the_picture_knows_light_and_dark():
    assert "@media (prefers-color-scheme: dark)" in tree.picture()
    for kind in ("name", "year", "idea", "dot", *(f"c{index}" for index in range(tree.COLOURS))):
        assert tree.STYLE.count(f".{kind} ") + tree.STYLE.count(f".{kind}, ") == 2, kind
