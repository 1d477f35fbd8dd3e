"""`minidl summary`: the table of a network, by name or from a file, in every form; and what is refused."""

import csv
import io
import json

import pytest
from PIL import Image

from minidl import cli, cost, models, nn
from tests.cli.test_errors import fails

NET = """
from minidl import nn, ops


class Net(nn.Module):
    def __init__(self, width=4):
        super().__init__()
        self.conv = nn.Conv2d(3, width, 5, stride=2)
        self.pool = nn.MaxPool2d(2)
        self.last = nn.Conv2d(width, 2, 3)

    def forward(self, x):
        return self.last(self.pool(ops.relu(self.conv(x))))


class Needs(Net):
    def __init__(self, width):
        super().__init__(width)


def build():
    return Net(8)


class Broken(nn.Module):
    def __init__(self):
        super().__init__()
        self.w = 1 / 0
"""


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MINIDL_TRACEBACK", raising=False)
    (tmp_path / "net.py").write_text(NET, encoding="utf-8")


def summary(capsys, *arguments):
    assert cli.run(["summary", *arguments]) == 0
    shown = capsys.readouterr()
    assert shown.err == ""
    return shown.out


def counted(name, size=None):
    with nn.init.unfilled():
        return cost.count(models.get_model(name), size)


def test_the_table_is_the_one_of_cost_and_every_sum_says_what_it_counts(capsys):
    out = summary(capsys, "alexnet")
    assert out == f"{counted('alexnet')}\n"
    parameters, macs, flops, activations, moved, columns = out.splitlines()[-6:]
    assert parameters == "parameters: 60,965,224, all that is learnt; 232.6 MiB in float32"
    assert macs.startswith(
        "MACs: 724,406,816 for one input, multiply-accumulates of convolutions and products, without"
    )
    assert "additions and multiplications counted each once, in all operations" in flops
    assert activations.startswith("activations: ")
    assert activations.endswith(" for one input in float32, all results that take memory of their own")
    assert moved.endswith(" FLOPs a byte")
    assert columns == "im2col: up to 6.7 MiB of columns for one input in float32, in conv2"


def test_a_page_of_models_ends_with_the_same_table(capsys):
    table = summary(capsys, "resnet20_cifar", "--depth", "1")
    assert cli.run(["models", "resnet20_cifar", "--depth", "1"]) == 0
    assert capsys.readouterr().out.endswith(table)


def test_batch_and_dtype_change_bytes_and_nothing_else(capsys):
    one = json.loads(summary(capsys, "lenet5_modern", "--json"))
    many = json.loads(summary(capsys, "lenet5_modern", "--json", "--batch", "10", "--dtype", "float16"))
    assert (many["batch"], many["dtype"], one["batch"], one["dtype"]) == (10, "float16", 1, "float32")
    assert many["activation_bytes"] == 5 * one["activation_bytes"]
    assert many["parameter_bytes"] == one["parameter_bytes"] / 2
    for mine, theirs in zip(one.pop("layers"), many.pop("layers"), strict=True):
        assert theirs.pop("activation_bytes") == 5 * mine.pop("activation_bytes")
        weights, others = mine.pop("weight_bytes") // 2, theirs.pop("weight_bytes")
        assert others == weights
        assert theirs.pop("moved_bytes") - weights == 5 * (mine.pop("moved_bytes") - 2 * weights)
        for name in ("gradient_bytes", "workspace_bytes"):
            assert theirs.pop(name) == mine.pop(name) / 2
        assert (theirs.pop("batch"), mine.pop("batch")) == (10, 1)
        assert theirs == mine
    for name in ("parameters", "macs", "flops", "depth", "input", "uncounted"):
        assert many[name] == one[name]


@pytest.mark.parametrize("dtype, size", [("float8", 1), ("bfloat16", 2), ("float32", 4), ("float64", 8)])
def test_every_type_takes_its_size(capsys, dtype, size):
    found = json.loads(summary(capsys, "lenet5_modern", "--json", "--dtype", dtype))
    assert (found["parameter_bytes"], found["activation_bytes"]) == (61_706 * size, 14_602 * size)


def test_csv_and_markdown_have_every_row(capsys):
    found = counted("lenet5_modern")
    head, *rows = csv.reader(io.StringIO(summary(capsys, "lenet5_modern", "--csv")))
    assert [row[head.index("path")] for row in rows] == [layer.path for layer in found.layers]
    assert sum(int(row[head.index("macs")]) for row in rows) == found.macs
    assert rows[0][head.index("output")] == "6x28x28"
    lines = summary(capsys, "lenet5_modern", "--markdown").splitlines()
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines if line.startswith("|")]
    assert table[0] == list(found.cells()[0])
    assert table[2:] == [list(row) for row in found.cells()[1:]]
    assert [line.removeprefix("- ") for line in lines if line.startswith("- ")] == found.totals()


@pytest.mark.parametrize("target, width", [("net.py:Net", 4), ("net.py:build", 8)])
def test_a_network_of_ones_own(capsys, target, width):
    found = json.loads(summary(capsys, target, "--input", "3x32x32", "--json"))
    assert found["macs"] == 75 * width * 14 * 14 + 9 * width * 2 * 5 * 5
    assert found["input"] == [3, 32, 32]
    assert [layer["path"] for layer in found["layers"]] == ["conv", "", "pool", "last"]


def test_an_input_that_is_a_row_of_numbers(capsys, tmp_path):
    (tmp_path / "mlp.py").write_text("from minidl import nn\n\nnet = nn.Linear(784, 10)\n", encoding="utf-8")
    assert json.loads(summary(capsys, "mlp.py:net", "--input", "784,", "--json"))["macs"] == 7840


@pytest.mark.parametrize("text", ["3x64x64", "3×64×64", "3,64,64", "64"])
def test_an_input_in_every_spelling(capsys, text):
    assert json.loads(summary(capsys, "resnet18", "--input", text, "--json"))["input"] == [3, 64, 64]


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("resnt50", "get_model: there is no network 'resnt50'; did you mean resnet50"),
        ("nix.py:Net", "summary: there is no file nix.py"),
        ("net.py:Nett --input 9", "summary: net.py has no Nett; it has Net, Needs, Broken"),
        ("net.py:Net", "summary: net.py:Net does not tell the size of its input; give it: --input 3x32x32"),
        ("net.py:Needs --input 9", "summary: Needs of net.py cannot be made without arguments: missing a required arg"),
        ("net.py:Broken --input 9", "summary: net.py cannot be imported: net.py:28: ZeroDivisionError: division by"),
        ("net.py:Net --input 9", "cost: Net does not tell its in_channels; give the shape of one input"),
        ("net.py --input 3x32x32", "summary: net.py has several networks: Net, Needs, Broken; name one of them"),
        (
            "vgg16 --input 224,224,",
            "summary: --input must be the side of a picture or the shape of one input, ",
        ),
        (
            "vgg16 --input 3x0x3",
            "summary: --input must be the side of a picture or the shape of one input, ",
        ),
        ("vgg16 --input -5", "summary: --input must be the side of a picture or the shape of one input"),
        ("vgg16 --input 4x224x224", "vgg16: expects pictures with 3 channels, these have 4"),
        ("vgg16 --dtype float12", "stored: dtype must be one of 'float8', 'bfloat16', 'float16', 'float32', 'float64'"),
        ("vgg16 --batch 0", "Invalid value for '--batch'"),
        ("vgg16 --json --csv", "Invalid value: one form at a time, not --json and --csv"),
        ("", "Missing argument 'MODEL|FILE.py:CLASS'"),
    ],
)
def test_what_cannot_be_counted_is_one_line(capsys, arguments, line):
    assert fails(capsys, 2, "summary", *arguments.split()).startswith(line)


@pytest.mark.parametrize(
    "arguments, way",
    [
        (
            "vgg16 --input 16",
            "16×16, features.4 8×8, features.9 4×4, features.16 2×2, features.23 1×1, and features.30 l",
        ),
        ("net.py:Net --input 3x8x8", "8×8, conv 2×2, pool 1×1, and last leaves nothing"),
        ("net.py:Net --input 3x4x4", "4×4, and conv leaves nothing"),
        ("alexnet --input 100", "100×100, conv1 23×23, pool 11×11, pool 5×5, pool 2×2, and fc6 needs another size"),
    ],
)
def test_an_input_that_is_too_small_shows_where_it_becomes_nothing(capsys, arguments, way):
    assert f"; layer by layer: {way}" in fails(capsys, 2, "summary", *arguments.split())


def test_the_door_of_a_network_is_shut_again_after_a_look_past_it():
    with nn.init.unfilled():
        net = models.get_model("vgg16")
    for _ in range(2):
        with pytest.raises(ValueError, match="at least 32 pixels a side, these are 16×16.*features.30 leaves nothing$"):
            cost.count(net, 16)
    assert "check_pictures" not in vars(net)


@pytest.mark.parametrize(
    "line, says",
    [
        ("return self.conv(x)", "AttributeError: "),
        ("return {}[3]", "KeyError: 3"),
        ("return 1 / 0", "ZeroDivisionError: division by zero"),
        ("return x[7][8][9]", "IndexError: "),
        ("raise NotImplementedError", "NotImplementedError"),
    ],
)
@pytest.mark.parametrize("command", [["summary", "own.py:Net"], ["compare", "lenet5", "own.py:Net"]])
def test_a_mistake_in_a_file_of_ones_own_is_told_with_its_line(capsys, tmp_path, command, line, says):
    source = f"from minidl import nn\n\n\nclass Net(nn.Module):\n    def forward(self, x):\n        {line}\n"
    (tmp_path / "own.py").write_text(source, encoding="utf-8")
    said = fails(capsys, 2, *command, "--input", "1x32x32")
    assert said.startswith(f"{command[0]}: own.py:6: {says}"), said


def test_plots_are_drawn_and_named(capsys, tmp_path):
    Image.new("RGB", (50, 40), "orange").save("cat.png")
    files = ["--plot", "cost.svg", "--plot-memory", "memory.svg", "--plot-field", "field.png", "--picture", "cat.png"]
    lines = summary(capsys, "lenet5_modern", "--batch", "4", "--training", *files).splitlines()
    assert lines[-3:] == [
        "cost.svg: where parameters, MACs and activations lie",
        "memory.svg: live bytes of a training step",
        "field.png: what unit (2, 2) of pool2 sees of the picture",
    ]
    with nn.init.unfilled():
        step = cost.memory(models.get_model("lenet5_modern"), batch=4)
    assert {str(step).splitlines()[0], *step.notes()} <= {*lines}
    titles, *kinds = step.cells()
    at = next(i for i, line in enumerate(lines) if line.split() == " ".join(titles).split())
    assert [line.split() for line in lines[at + 1 : at + 1 + len(kinds)]] == [" ".join(row).split() for row in kinds]
    left = {file.name for file in tmp_path.iterdir()}
    assert left == {"net.py", "cat.png", "cost.svg", "memory.svg", "field.png"}
    assert "where its cost lies" in (tmp_path / "cost.svg").read_text(encoding="utf-8")


def test_with_json_the_step_is_in_it_and_no_line_beside_it(capsys, tmp_path):
    found = json.loads(summary(capsys, "lenet5_modern", "--json", "--training", "--plot", "cost.svg"))
    assert found["training"]["parameters"] == 4 * 61_706
    assert (tmp_path / "cost.svg").exists()


@pytest.mark.parametrize(
    "arguments, line",
    [
        ("lenet5_modern --plot cost.jpg", "summary: path must end in .png or .svg, it ends in '.jpg'"),
        ("lenet5_modern --plot-field f.png --layer con1", "empirical_field: there is no layer 'con1'; did you mean"),
        ("lenet5_modern --plot-field f.png --picture nix.jpg", "nix.jpg: No such file or directory"),
        ("lenet5_modern --plot-field f.png --picture net.py", "net.py: not a picture: it looks like text"),
        ("lenet5_modern --training --optimizer sdg", "memory: optimizer must be"),
    ],
)
def test_what_cannot_be_drawn_leaves_nothing(capsys, tmp_path, arguments, line):
    assert fails(capsys, 2, "summary", *arguments.split()).startswith(line)
    assert [file.name for file in tmp_path.iterdir()] == ["net.py"]


@pytest.fixture
def quick(monkeypatch):
    """Rates that nobody has to measure."""
    monkeypatch.setattr(cost, "this_machine", lambda dtype: cost.Machine(100e9, 10e9, dtype))


def test_what_is_measured_stands_beside_the_count(capsys, quick):
    lines = summary(capsys, "lenet5_modern", "--measure").splitlines()
    forward, backward = (lines.index(f"lenet5_modern {way}, 1 × 1×32×32") for way in ("forward", "backward"))
    assert lines[forward + 2].split()[:4] == ["layer", "operation", "ms", "GFLOP/s"]
    assert lines[backward + 3].startswith("conv1")
    assert "this machine: 100 GFLOP/s" in lines[-3]
    found = json.loads(summary(capsys, "lenet5_modern", "--measure", "--json", "--depth", "1", "--batch", "2"))
    assert [row["path"] for row in found["measured"]["layers"]] == [row["path"] for row in found["layers"]]
    assert found["measured"]["layers"][0]["forward"]["flops"] == 2 * found["layers"][0]["flops"]
    head, *rows = csv.reader(io.StringIO(summary(capsys, "lenet5_modern", "--measure", "--csv")))
    assert head[-6:] == [f"{w}_{n}" for w in ("forward", "backward") for n in ("seconds", "flops", "moved_bytes")]
    assert all(float(row[head.index("forward_seconds")]) > 0 for row in rows)


@pytest.mark.parametrize(
    "arguments, line",
    [
        (
            "odd.py:Net --input 3, --measure",
            "measure: Net cannot be held against what the machine could do: there is no",
        ),
        (
            "lenet5_modern --measure --dtype float16",
            "summary: --measure runs the network in its own float32; --dtype is",
        ),
        ("lenet5_modern --training --csv", "summary: --csv has a row for each layer and no place for --training"),
    ],
)
def test_what_cannot_be_measured_is_one_line(capsys, quick, tmp_path, arguments, line):
    (tmp_path / "odd.py").write_text(
        "import minidl\nfrom minidl import nn\n\n\nclass Odd(minidl.Function):\n    @staticmethod\n"
        "    def forward(ctx, x):\n        return x + 0\n\n\nclass Net(nn.Module):\n"
        "    def forward(self, x):\n        return Odd.apply(x)\n",
        encoding="utf-8",
    )
    assert fails(capsys, 2, "summary", *arguments.split()).startswith(line)


def test_detectors_are_counted(capsys):
    with nn.init.unfilled():
        net = models.yolo_v1_fast()
    assert cli.run(["summary", "yolo_v1_fast", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["macs"] == cost.count(net, 448).macs


def test_what_takes_two_sentences_is_counted_for_as_many_tokens_as_are_asked_for(capsys):
    def found(*more):
        return json.loads(summary(capsys, "transformer", "--json", *more))

    assert found()["input"] == {"source": [20], "target": [20]}
    assert found("--input", "7")["input"] == found("--input", "7,")["input"] == {"source": [7], "target": [7]}
    assert found("--input", "7x5")["input"] == {"source": [7], "target": [5]}
    assert found("--input", "7x5")["macs"] < found("--input", "7")["macs"]
    lines = summary(capsys, "transformer", "--batch", "8", "--training").splitlines()
    assert lines[0] == "transformer_tiny, evaluation, one input of source 20, target 20"
    assert any(
        line.startswith("transformer_tiny, one training step, 8 inputs of source 20, target 20") for line in lines
    )
    line = fails(capsys, 2, "summary", "transformer", "--input", "3x8x8")
    assert line == (
        "minidl: transformer_tiny: size must be how many tokens a sentence has, or the source and the target; "
        "received size=(3, 8, 8)"
    ).removeprefix("minidl: ")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ("summary gan --training", "memory: a step of Adversaries holds more than gan_generator → gan_di"),
        ("summary dit_tiny --training", "memory: a step of dit_tiny holds more than dit_tiny does on its way t"),
        ("summary gan --input 64", "gan_generator: the size of its input is that of the noise, 100; received size=64"),
        ("summary dit_tiny --input 48", "dit_tiny: expects pictures of 32 pixels a side, these are 48×48"),
        (
            "summary dit_tiny --plot-field f.png",
            "summary: --plot-field needs a network for pictures; this one takes pict",
        ),
        (
            "summary neocognitron",
            "summary: neocognitron has no parameters, and not all that its cells compute are opera",
        ),
    ],
)
def test_what_is_not_told_of_networks_for_other_tasks(capsys, arguments, line):
    assert fails(capsys, 2, *arguments.split()).startswith(line)


def test_what_is_predicted_of_pictures_is_not_asked_of_sentences(capsys):
    line = fails(capsys, 1, "learn", "predict", "transformer")
    assert line == "learn: asks for a network that takes pictures alone; transformer is called with source, target"
