"""`minidl check` on the command line: claims, files of claims, decks, what each says, and the exit status."""

import json

import pytest

from minidl import cli
from minidl.teach.claims import check
from minidl.teach.claims.files import of_markdown

RIGHT, WRONG, UNREAD = "VGG-16 has 138M weights", "VGG-16 has 13.8M weights", "the bird flew 100 miles"


def told(capsys, *arguments):
    """Run the command; return (exit status, output)."""
    status = cli.run(["check", *map(str, arguments)])
    shown = capsys.readouterr()
    assert shown.err == ""
    return status, shown.out


@pytest.mark.parametrize(
    "claims, status",
    [
        ([RIGHT], 0),
        (["VGG-16 needs 15.5 GFLOPs"], 0),  # it depends
        ([WRONG], 1),
        ([UNREAD], 2),
        ([RIGHT, UNREAD], 2),
        ([UNREAD, WRONG, RIGHT], 1),
    ],
)
def test_the_exit_status_tells_whether_one_is_wrong_or_cannot_be_read(capsys, claims, status):
    assert told(capsys, *claims)[0] == status


def test_a_right_number_is_told_with_its_arithmetic_and_how_far_it_is_off(capsys):
    _, out = told(capsys, "AlexNet의 파라미터는 6천만 개")
    assert "conv2  5 · 5 · 96/2 · 256 + 256 = 307,456" in out
    assert "60,965,224; the claim says 6천만, 1.6 % less" in out


def test_a_claim_that_is_not_understood_is_answered_with_the_forms(capsys):
    _, out = told(capsys, UNREAD)
    assert "Forms that are known:" in out
    assert "VGG-16 has 138M weights" in out


def test_as_json(capsys):
    status, out = told(capsys, "--json", WRONG, UNREAD)
    found = json.loads(out)
    assert status == found["status"] == 1
    assert [answer["verdict"] for answer in found["answers"]] == ["WRONG", "NOT READ"]
    assert found["answers"][0]["slip"] == "power of ten"
    assert found["answers"][0]["right"] == "138,357,544"


@pytest.mark.parametrize(
    "text, line, problem",
    [
        ("- clam: VGG-16 has 138M weights", 1, "there is no field 'clam'; did you mean claim? Allowed are claim"),
        ("- ok: 1", 1, "there is no field 'ok'; Allowed are claim, topic, verdict, right, slip"),
        ("- VGG-16 has 138M weights\n- topic: VGG", 2, "the field claim is missing"),
        ("- {claim: VGG-16 has 1 layer, verdict: right}", 1, "verdict must be RIGHT, WRONG, DEPENDS; it is 'right'"),
        ("- {claim: [1, 2]}", 1, "the field claim must be a text"),
        ("- {claim: a, claim: b}", 1, "the field claim stands there twice"),
        ("- [1, 2]", 1, "a claim is a text, or a mapping with the field claim"),
        ("- ''", 1, "the claim is empty"),
        ("claims: 5", 1, "expects a list of claims"),
        ("", 1, "expects a list of claims"),
        ("- a\n- 'b", 2, "is no YAML: found unexpected end of stream"),
        ("[" * 700, 1, "is no YAML: it is nested too deeply"),
    ],
)
def test_a_wrong_file_is_told_with_its_line_and_the_rest_is_still_checked(capsys, tmp_path, text, line, problem):
    file = tmp_path / "claims.yaml"
    file.write_text(text)
    status, out = told(capsys, file, RIGHT)
    assert status == 2
    assert f"{file}: line {line}: {problem}" in out
    assert f"RIGHT    {RIGHT}" in out


def test_the_other_claims_of_a_file_are_checked(capsys, tmp_path):
    file = tmp_path / "claims.yml"
    file.write_text(f"claims:\n- {RIGHT}\n- clam: x\n- {{claim: {WRONG}, verdict: RIGHT}}\n", encoding="utf-8-sig")
    status, out = told(capsys, file)
    assert status == 1
    assert f"{file}: line 3: there is no field 'clam'" in out
    assert f"RIGHT    {file}:2: {RIGHT}" in out
    assert f"WRONG    {file}:4: {WRONG}" in out
    assert "the file expects RIGHT" in out


DECK = """---
title: 7 networks
---
# VGG (2014)

The *famous* **VGG-16** has
138M [weights](x.html). It won nothing. AlexNet was trained for 6 days, see p. 5.

```
VGG-16 has 5 weights
```
1. VGG-16은 $3\\times 3$ 합성곱을 쓴다.
- AlexNet의 파라미터는 6천만 개이다. GoogLeNet의 연산량은 150억 번의 곱셈-덧셈이다.

| network | parameters | top-5 |
|---|---:|---|
| ResNet-50 | 25.6M | 92.9 % |
"""


def test_a_deck_is_read_sentence_by_sentence(capsys, tmp_path):
    file = tmp_path / "deck.md"
    file.write_text(DECK)
    status, out = told(capsys, file, "--brief")
    assert status == 1
    assert f"RIGHT    {file}:6: The famous VGG-16 has 138M weights." in out
    assert f"RIGHT    {file}:13: AlexNet의 파라미터는 6천만 개이다." in out
    assert f"WRONG    {file}:13: GoogLeNet의 연산량은 150억" in out
    assert f"RIGHT    {file}:17: ResNet-50 parameters: 25.6M" in out
    assert "line 7: AlexNet was trained for 6 days" in out
    assert "5 weights" not in out
    assert "7 networks" not in out


def test_sentences_of_a_deck_that_cannot_be_read_are_no_failure(capsys, tmp_path):
    file = tmp_path / "deck.MD"
    file.write_text(f"{RIGHT}. {UNREAD.capitalize()}.")
    assert told(capsys, file)[0] == 0


def test_files_that_cannot_be_read(capsys, tmp_path):
    file = tmp_path / "korean.md"
    file.write_bytes("가중치 138M".encode("cp949"))
    status, out = told(capsys, file)
    assert status == 2
    assert "line 1: is not in UTF-8" in out
    assert cli.run(["check", str(tmp_path / "nix.md")]) == 2
    assert "there is no file" in capsys.readouterr().err
    (tmp_path / "folder.yaml").mkdir()
    assert cli.run(["check", str(tmp_path / "folder.yaml")]) == 2
    assert "folder.yaml: Is a directory" in capsys.readouterr().err


def test_code_comments_and_what_is_struck_through_are_no_sentences_of_a_deck():
    deck = (
        "- VGG-16 has 1M weights\n\n    VGG-16 has 2M weights, in its item\n\n# Code\n\n    VGG-16 has 3M weights\n\n"
        "```\nVGG-16 has 4M weights\n```\n\n\tVGG-16 has 5M weights\n\n<!-- VGG-16 has 6M weights -->\n"
        "It is ~~7M~~ deep. VGG-16&nbsp;has 8M weights\n    and more\n"
    )
    assert [(entry.line, entry.text) for entry in of_markdown(deck)] == [
        (1, "VGG-16 has 1M weights"),
        (3, "VGG-16 has 2M weights, in its item"),
        (16, "VGG-16 has 8M weights and more"),
    ]


def test_a_number_of_many_digits_is_refused_at_once():
    (answer,) = check("VGG-16 has " + "9" * 900 + " weights")  # no pattern tries all ways to cut it into pieces
    assert (answer.verdict, answer.about) == ("NOT READ", "")


@pytest.mark.parametrize("written", ["138M", "138m", "0.138B", "1.38E8", "138 Million", "138,357,544"])
def test_a_number_is_told_as_it_was_written(written):
    (answer,) = check(f"VGG-16 has {written} weights")
    assert (answer.verdict, answer.said) == ("RIGHT", written)


def test_quantities_are_called_by_their_names():
    names = [answer.about for answer in check("ResNet-50 needs 4.1 GMACs, or 8.2 GFLOPs")]
    assert names == ["resnet50: MACs", "resnet50: FLOPs"]


TABLE = """
Network | Params (M) | GMACs | weights [MB] | Year
--- | ---: | --- | --- | ---
**VGG-16** | 138.4 | 15.5 | 553 | none
ResNet-50 | 60.2M | ~4.1 | ? | 2015

A line | with a bar is 1 sentence.

| | AlexNet |
|---|---|
| Parameters (만) | 6,097 |
"""


def test_cells_of_tables_take_the_units_of_their_rows_and_columns():
    assert [(entry.line, entry.text) for entry in of_markdown(TABLE)] == [
        (4, "VGG-16 Params: 138.4M"),
        (4, "VGG-16 MACs: 15.5G"),
        (4, "VGG-16 weights: 553MB"),
        (5, "ResNet-50 Params: 60.2M"),
        (5, "ResNet-50 MACs: ~4.1G"),
        (5, "ResNet-50 Year: 2015"),
        (7, "A line | with a bar is 1 sentence."),
        (11, "Parameters AlexNet: 6,097만"),
    ]
    verdicts = [answer.verdict for entry in of_markdown(TABLE) for answer in check(entry.text)]
    assert verdicts == ["RIGHT", "RIGHT", "RIGHT", "WRONG", "RIGHT", "NOT READ", "NOT READ", "RIGHT"]
