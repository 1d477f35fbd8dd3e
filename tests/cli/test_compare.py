"""`minidl compare`: sums side by side, ratios to the first, and what each change costs."""

import json

import pytest

from minidl import cli, cost
from tests.cli.test_errors import fails
from tests.cli.test_summary import NET


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIDL_TRACEBACK", raising=False)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")


def compare(capsys, *arguments):
    assert cli.run(["compare", *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


def test_alexnet_and_zfnet(capsys):
    lines = compare(capsys, "alexnet", "zfnet").splitlines()
    rows = {line.split("  ")[0]: line.split()[-3:] for line in lines[:7]}
    assert rows["parameters"] == ["60,965,224", "62,357,608", "1.02"]
    assert rows["MACs for one input"] == ["724,406,816", "1,168,032,896", "1.61"]
    assert "alexnet → zfnet" in lines
    assert any("11×11 stride 4 → 7×7 stride 2" in line for line in lines)
    assert lines[-1].split()[-5:] == ["+1,392,384", "+443,626,080", "+885,961,920", "+6.8", "MiB"]


def test_three_networks_are_each_compared_with_the_first(capsys):
    found = json.loads(compare(capsys, "resnet18", "resnet34", "resnet18", "--json", "--depth", "1", "--batch", "2"))
    assert [one["name"] for one in found["networks"]] == ["resnet18", "resnet34", "resnet18"]
    assert {one["batch"] for one in found["networks"]} == {2}
    bigger, same = found["differences"]
    assert [change["path"] for change in bigger["changes"]] == ["layer1", "layer2", "layer3", "layer4"]
    assert same["changes"] == []
    for column in ("parameters", "macs", "flops", "activation_bytes"):
        more = found["networks"][1][column] - found["networks"][0][column]
        assert sum(change[column] for change in bigger["changes"]) == more
    out = compare(capsys, "resnet18", "resnet34", "resnet18", "--depth", "1")
    assert "resnet18 (3) / resnet18 (1)" in out
    assert out.splitlines()[-1] == "all 43 layers are alike"


def test_what_takes_two_sentences_stands_beside_another(capsys):
    found = json.loads(compare(capsys, "transformer", "transformer_base", "--input", "7x5", "--json"))
    assert [one["input"] for one in found["networks"]] == [{"source": [7], "target": [5]}] * 2
    first, second = found["networks"]
    assert sum(change["macs"] for change in found["differences"][0]["changes"]) == second["macs"] - first["macs"]
    lines = compare(capsys, "transformer", "transformer_base", "--depth", "1").splitlines()
    (row,) = (line for line in lines if line.startswith("input"))
    assert row.count("source 20, target 20") == 2


def test_measured_times_have_ratios(capsys, monkeypatch):
    monkeypatch.setattr(cost, "this_machine", lambda dtype: cost.Machine(100e9, 10e9, dtype))
    lines = compare(capsys, "lenet5", "lenet5_modern", "--measure").splitlines()
    (row,) = (line.split() for line in lines if line.startswith("forward, measured ms"))
    assert float(row[5]) == pytest.approx(float(row[4]) / float(row[3]), rel=0.02)
    assert {
        f"{name} {way}, 1 × 1×32×32" for name in ("lenet5", "lenet5_modern") for way in ("forward", "backward")
    } <= {*lines}
    found = json.loads(compare(capsys, "lenet5", "lenet5_modern", "--measure", "--json"))
    assert [one["name"] for one in found["measured"]] == ["lenet5", "lenet5_modern"]


def test_markdown_and_networks_of_ones_own(capsys):
    lines = compare(capsys, "net.py:Net", "net.py:build", "--input", "3x32x32", "--markdown").splitlines()
    assert lines[0] == "| sum | Net (1) | Net (2) | Net (2) / Net (1) |"
    assert lines[1] == "| --- | --: | --: | --: |"
    assert "## Net → Net" in lines
    assert sum(line.startswith("| conv | conv2d: output 4×14×14 → 8×14×14 | +304 |") for line in lines) == 1


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("vgg16", "compare: takes two networks or more; received vgg16 alone"),
        ("vgg16 vgg61", "get_model: there is no network 'vgg61'; did you mean vgg19 or vgg16"),
        ("vgg16 net.py:Net", "compare: net.py:Net does not tell the size of its input; give it: --input 3x32x32"),
        ("resnet18 vgg16 --input 16", "vgg16: expects pictures of at least 32 pixels a side, these are 16×16"),
        ("resnet18 vgg16 --dtype int8", "stored: dtype must be one of 'float8', 'bfloat16'"),
        ("resnet18 vgg16 --json --markdown", "Invalid value: one form at a time, not --json and --markdown"),
        ("", "Missing argument 'A B [C…]'"),
    ],
)
def test_what_cannot_be_compared_is_one_line(capsys, arguments, line):
    assert fails(capsys, 2, "compare", *arguments.split()).startswith(line)
