"""`minidl models`, typed as a user types it."""

import json
import re
import sys

import pytest

from minidl import cli, cost, models, nn
from minidl.cli import models as models_command
from minidl.models._learners import LEARNERS


def run(capsys, *arguments):
    """Run `minidl models` and return its status, lines and error lines."""
    status = cli.run(["models", *map(str, arguments)])
    shown = capsys.readouterr()
    return status, shown.out.splitlines(), shown.err.splitlines()


def columns(lines, title):
    """Return the words of a column of the list, which is as wide as its title and its gap say."""
    start = lines[0].index(title)
    return [line[start:].split("  ")[0].strip() for line in lines[1:]]


def test_the_list_has_every_network_in_the_order_of_history(capsys):
    status, lines, errors = run(capsys)
    assert (status, errors) == (0, [])
    lines, others = lines[: lines.index("")], lines[lines.index("") :]
    assert others[1] == "trained for other tasks, by minidl train NAME:"
    assert columns(others[3:], "name") == list(LEARNERS)
    assert lines[0].split() == ["name", "family", "year", "parameters", "input", "weights"]
    assert sorted(columns(lines, "name")) == models.list_models()
    assert columns(lines, "name")[0] == "lenet5"
    vgg = next(line for line in lines if line.startswith("vgg16 "))
    assert re.split(r"  +", vgg) == ["vgg16", "VGG", "2014", "138,357,544", "3×224×224", "torchvision vgg16"]
    lenet = next(line for line in lines if line.startswith("lenet5 "))
    assert re.split(r"  +", lenet) == ["lenet5", "LeNet", "1998", "60,000", "1×32×32", "-"]


def test_the_list_can_be_narrowed_and_sorted(capsys):
    _, lines, _ = run(capsys, "--filter", "BN", "--family", "vgg", "--sort", "name")
    assert columns(lines, "name") == ["vgg11_bn", "vgg13_bn", "vgg16_bn", "vgg19_bn"]
    _, lines, _ = run(capsys, "--sort", "parameters")
    lines = lines[: lines.index("")]  # below are those of other tasks
    sizes = [int(re.search(r" (\d{4}) +([\d,]+) ", line).group(2).replace(",", "")) for line in lines[1:]]
    assert sizes == sorted(sizes)
    assert len(sizes) == len(models.list_models())
    _, lines, _ = run(capsys, "--sort", "year", "--filter", "res")
    assert columns(lines, "year") == sorted(columns(lines, "year"))
    _, lines, _ = run(capsys, "--sort", "input", "--json", "--filter", "net1")
    sides = [row["input"][1] for row in json.loads("\n".join(lines))]
    assert sides == sorted(sides)


def test_the_transformer_stands_below_and_has_a_page_of_its_parts(capsys):
    _, lines, _ = run(capsys)
    row = next(line for line in lines if line.startswith("transformer_base"))
    assert re.split(r"  +", row)[:4] == ["transformer_base", "sequence", "2017", "63,082,496"]
    status, lines, _ = run(capsys, "transformer")
    assert (status, lines[0]) == (0, "transformer")
    shown = [line.split() for line in lines]
    at = shown.index(["embedding", "1,856"])
    assert shown[at : at + 3] == [["embedding", "1,856"], ["encoder", "67,072"], ["decoder", "100,608"]]
    assert "transformer_tiny, evaluation, one input of source 20, target 20" in lines
    rows = [line.split()[0] for line in run(capsys, "transformer", "--depth", "1")[1] if "operations" in line]
    assert rows[:2] == ["encoder", "decoder"]
    _, lines, _ = run(capsys, "transformer", "--json", "--size", "7")
    found = json.loads("\n".join(lines))
    assert (found["name"], found["parameters"], found["input"]) == (
        "transformer",
        169_536,
        {"source": [7], "target": [7]},
    )
    assert run(capsys, "transformer", "--classes", "3")[0] == 2


def test_what_has_no_parameters_has_a_page_without_a_count(capsys):
    status, lines, _ = run(capsys, "neocognitron")
    assert (status, lines[0]) == (0, "neocognitron")
    assert not any("MACs" in line for line in lines)


def test_the_list_as_json(capsys):
    status, lines, _ = run(capsys, "--family", "lenet", "--json", "--classes", "3")
    first, second = json.loads("\n".join(lines))
    assert status == 0
    assert list(first) == ["name", "family", "year", "parameters", "input", "weights", "paper"]
    assert (first["name"], first["parameters"], first["weights"]) == ("lenet5", 60_000, None)
    assert second["parameters"] == 61_706 - 7 * 85  # three classes for ten
    assert second["input"] == [1, 32, 32]


def test_the_page_of_a_network(capsys):
    status, lines, errors = run(capsys, "googlenet")
    assert (status, errors) == (0, [])
    assert lines[:8] == [
        "googlenet",
        "GoogLeNet as published in 2014: 6,998,552 parameters, with the auxiliary heads 13,378,280.",
        "",
        "paper     Szegedy et al., arXiv:1409.4842, Table 1 (2014)",
        "family    GoogLeNet",
        "variants  googlenet, googlenet_bn",
        "input     3×224×224 (223 to 270)",
        "weights   none published under these names",
    ]
    text = "\n".join(lines)
    assert "torchvision's known slip" in text  # how the variants differ
    assert "Not in the paper, chosen for `googlenet`" in text  # and departs from its paper
    with nn.init.unfilled():
        net = models.googlenet()
    assert text.endswith("\n\n" + str(cost.count(net)))
    assert re.search(r"inception3a.branch2.1.conv +conv2d +128×28×28 +43 +110,720 +86,704,128 +173,408,256 ", text)


def test_fewer_rows_other_sizes_and_classes(capsys):
    _, lines, _ = run(capsys, "resnet18", "--depth", "1", "--size", "64", "--classes", "10")
    assert "resnet18, evaluation, one input of 3×64×64" in lines
    assert next(line for line in lines if line.startswith("layer4")).split()[:4] == [
        *("layer4", "10", "operations", "512×2×2"),
    ]
    last = next(line for line in lines if line.startswith("fc "))
    assert re.search(r"linear +10 +whole picture +5,130 +5,120 ", last)
    assert "input     3×224×224 (1 or more)" in lines
    assert "weights   torchvision resnet18" in lines


def test_a_narrower_network(capsys):
    _, lines, _ = run(capsys, "mobilenet_v1", "--width", "0.25", "--depth", "1")
    assert re.search(r"^total +depth 28 +470,072 ", "\n".join(lines), re.M)


def test_the_page_as_json(capsys):
    status, lines, _ = run(capsys, "alexnet_owt", "--json", "--size", "227")
    found = json.loads("\n".join(lines))
    assert status == 0
    assert (found["name"], found["parameters"], found["input"]) == ("alexnet_owt", 61_100_840, [3, 227, 227])
    assert found["variants"] == ["alexnet", "alexnet_owt"]
    assert found["summary"].startswith("AlexNet of ")
    assert "Deviations of `alexnet`" in found["story"]
    assert sum(layer["macs"] for layer in found["layers"]) == found["macs"]
    assert found["layers"][0] == {
        "path": "features.0",
        "op": "conv2d",
        "output": [64, 56, 56],
        "parameters": 23_296,
        "macs": 64 * 363 * 56 * 56,
        "flops": 2 * 64 * 363 * 56 * 56,
        "activation_bytes": 4 * 64 * 56 * 56,
        "field": {"size": [11, 11], "stride": [4, 4], "offset": [-2, -2], "axes": [2, 3]},
        "gradient_bytes": 4 * 23_296,
        "weight_bytes": 4 * 23_296,
        "moved_bytes": 4 * (23_296 + 64 * 56 * 56 + 3 * 227 * 227),
        "workspace_bytes": 4 * 363 * 56 * 56,
        "batch": 1,
    }


@pytest.mark.parametrize("name", models.list_models())
def test_every_network_has_a_page_without_an_uncounted_operation(name, capsys):
    status, lines, errors = run(capsys, name, "--depth", "1")
    assert (status, errors) == (0, [])
    said = [line.split()[0] for line in lines[len(lines) - lines[::-1].index("") :]]
    assert said[:5] == ["parameters:", "MACs:", "FLOPs:", "activations:", "moved:"]
    assert said[5:] in ([], ["im2col:"])


@pytest.mark.parametrize(
    ("arguments", "status", "line"),
    [
        ("googelnet", 1, "describe: there is no network 'googelnet'; did you mean googlenet or googlenet_bn?"),
        ("vgg16 --size 20", 1, "vgg16: expects pictures of at least 32 pixels a side, these are 20×20; "),
        ("lenet5 --classes 11", 1, "lenet5: there are bitmaps for 10 digits; num_classes=11"),
        ("--filter resnt", 1, "list_models: no network has 'resnt' in its name or family; did you mean ResNet"),
        ("--family resnt", 1, "list_models: there is no family 'resnt'; did you mean ResNet"),
        ("vgg16 --width 0.5", 1, "vgg16: this network has one width; received width_mult=0.5"),
        ("mobilenet_v1 --width 0", 1, "mobilenet_v1: width_mult must be > 0; received"),
        ("--size 32", 2, "Invalid value: only for one network: --size; give its name: minidl models NAME --size"),
        ("--depth 1", 2, "Invalid value: only for one network: --depth"),
        ("vgg16 --filter v --family x", 2, "Invalid value: only for the list: --filter, --family; leave out vgg16"),
        ("vgg16 --size 0", 2, "Invalid value for '--size'"),
        ("--sort size", 2, "Invalid value for '--sort'"),
    ],
)
def test_mistakes_are_one_line(arguments, status, line, capsys):
    found, lines, errors = run(capsys, *arguments.split())
    assert (found, lines, len(errors)) == (status, [], 1)
    assert errors[0].startswith(f"minidl: {line}")


def test_a_terminal_that_knows_ascii_only(launch, environment):
    environment["PYTHONIOENCODING"] = "ascii"
    for arguments in (("--family", "vgg"), ("vgg16",)):
        process = launch("models", *arguments)
        out, errors = process.communicate(timeout=60)
        assert (process.returncode, errors) == (0, "")
        assert "3x224x224" in out


def test_a_table_on_a_terminal(capsys, monkeypatch):
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", "120")
    monkeypatch.setenv("TERM", "xterm-256color")
    status, lines, _ = run(capsys, "--family", "VGG")
    assert status == 0
    shown = [re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in lines]
    assert any(line.startswith("│ vgg16     │ VGG    │ 2014 │ 138,357,544 │") for line in shown)


@pytest.fixture(scope="module")
def all_rows():
    return models_command._rows(None, None, models_command.Sort.FAMILY, None)


@pytest.mark.parametrize("term", ["xterm-256color", "dumb"])
@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
def test_the_list_fits_every_terminal_without_cutting_a_number(all_rows, width, term, capsys, monkeypatch):
    monkeypatch.setattr(models_command, "_rows", lambda *_: all_rows)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("TERM", term)
    status, lines, _ = run(capsys)
    assert status == 0
    shown = [line for line in (re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line) for line in lines) if "…" not in line]
    assert max(map(len, shown)) <= width
    text = "\n".join(shown)
    for row in all_rows:
        assert re.search(rf"(?<![\d,]){row['parameters']:,}(?![\d,])", text), row["name"]
        assert row["name"] in text
    assert text.count("×224×224") == sum(row["input"][1] == 224 for row in all_rows)
    assert len(shown) < 8 * len(all_rows)


def test_the_zoo_is_drawn_and_says_who_is_not_on_it(capsys, tmp_path):
    status, lines, errors = run(capsys, "--filter", "vgg", "--plot", tmp_path / "zoo.svg")
    assert (status, errors) == (0, [])
    assert lines == [f"{tmp_path / 'zoo.svg'}: 5 of 9 networks have a published top-1"]
    text = (tmp_path / "zoo.svg").read_text(encoding="utf-8")
    assert "vgg11_bn, vgg13_bn, vgg16_bn, vgg19_bn" in text
    status, lines, errors = run(capsys, "vgg16", "--plot", "zoo.svg")
    assert (status, lines) == (2, [])
    assert errors[0].startswith("minidl: Invalid value: only for the list: --plot; leave out vgg16")
    status, lines, errors = run(capsys, "--plot", "zoo.jpg")
    assert (status, lines) == (2, [])
    assert "path must end in .png or .svg" in errors[0]


def test_a_page_tells_the_accuracy_of_the_paper(capsys):
    _, lines, _ = run(capsys, "alexnet", "--depth", "1")
    assert "top-1     59.3 % on ImageNet (NIPS 2012, Table 2: 1 CNN, validation, ten crops)" in lines


def test_help_shows_examples(capsys):
    status, lines, _ = run(capsys, "--help")
    assert status == 0
    assert "    minidl models resnet50 --depth 1 --size 320" in lines
