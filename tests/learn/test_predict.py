"""`minidl learn predict`: the cells of networks, the slips, and the dialogue."""

import re
from math import prod

import pytest

from minidl import cli, models, nn
from minidl.proof.student.network import network
from minidl.teach.learn import prediction
from minidl.teach.learn.prediction.answers import Answer, written
from minidl.teach.learn.prediction.quiz import judge
from tests.learn.conftest import Printed

FEW = ["lenet5_modern", "resnet18", "googlenet", "mobilenet_v2", "shufflenet_v2_x1_0", "squeezenet1_0"]
ODD = nn.Sequential(
    nn.Conv2d(3, 6, (3, 5), stride=(2, 1), padding=((1, 0), (2, 1)), groups=3),
    nn.MaxPool2d(3, stride=2, ceil_mode=True),
    nn.Conv2d(6, 4, 3, dilation=2, bias=False),
    nn.BatchNorm2d(4),
    nn.AvgPool2d(2),
    nn.Flatten(),
    nn.Linear(8, 5, bias=False),
)


def rows_of(name):
    with nn.init.unfilled():
        return prediction.rows(models.get_model(name))


def every_cell():
    found = {f"odd {row.path} {cell.name}": cell for row in prediction.rows(ODD, (3, 25, 20)) for cell in row.cells}
    for row in rows_of("googlenet")[:16]:
        found |= {f"googlenet {row.path} {cell.name}": cell for cell in row.cells}
    return found


CELLS = every_cell()


@pytest.mark.parametrize("name", [*FEW, *(pytest.param(name, marks=pytest.mark.slow) for name in models.list_models())])
def test_the_formulas_lead_to_what_the_cost_module_counts(name):
    """Both are worked out by themselves, from the settings and from the walk."""
    for row in rows_of(name):
        for cell in row.cells:
            results = [part.rpartition(" = ")[2].partition(" (")[0] for part in cell.formula.split("; ")]
            if cell.name == "output" and "H and W stay" not in cell.formula and len(cell.value) == 3:
                sizes = [int(text) for text in results[1:]]
                assert {*sizes} == {*cell.value[1:]}
            elif isinstance(cell.value, int):
                assert results[0] == written(cell.value), row.path
            elif cell.name == "field":
                assert int(results[0]) == cell.value[0]


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_every_slip_is_told_by_its_number(cell):
    """But for those that lead to the right number here, or to that of three others."""
    for what, value in cell.slips:
        if value == cell.value:
            continue
        told = cell.slips_to(Answer(written(value)))
        assert what in told or len(told) == 3
        assert "right" not in judge(cell, written(value))[0]


@pytest.mark.parametrize("cell", CELLS.values(), ids=CELLS)
def test_the_right_answer_is_right_however_it_is_written(cell):
    ways = [written(cell.value), str(cell.value), written(cell.value).replace("×", " x ")]
    if isinstance(cell.value, int):
        ways += [f"{cell.value / 1000:.3f}k", f"{cell.value:_}", f"{cell.value} B"]
    for way in ways:
        assert judge(cell, way) == ["    right"], way


@pytest.mark.parametrize(
    ("text", "value", "right"),
    [
        ("1,234,567", 1234567, True),
        ("1.2M", 1234567, True),
        ("1.3M", 1234567, False),
        ("1.23 MB", 1234567, True),
        ("1.18MiB", 1234567, True),
        ("12 KiB", 12288, True),
        ("12 kB", 12288, True),
        ("118M MACs", 118013952, True),
        ("64x7x7", (64, 7, 7), True),
        ("(64, 7, 7)", (64, 7, 7), True),
        ("64 7 7", (64, 7, 7), True),
        ("64x7", (64, 7, 7), False),
        ("7", (7, 7), True),
        ("7x5", (7, 5), True),
        ("7", (7, 5), False),
        ("12.5", 12, False),
        ("many", 12, False),
        ("-12", 12, False),
        ("1e3", 1000, False),
    ],
)
def test_how_answers_are_read(text, value, right):
    assert Answer(text).is_value(value) is right


@pytest.mark.parametrize("cell", list(CELLS.values())[:6])
def test_what_no_slip_leads_to_is_said_to_be_none(cell):
    odd = "11x13x17" if isinstance(cell.value, tuple) else "7919"
    assert judge(cell, odd)[-1].endswith(f"{odd} is none of the usual slips")
    assert "cannot be read" in " ".join(judge(cell, "many"))
    assert judge(cell, "")[0] == f"    {cell.shown}"
    assert max(map(len, judge(cell, odd))) <= 80


def answered(*given, cells=None):
    rows, said = prediction.rows(ODD, (3, 25, 20)), []
    left = iter(given)
    score = prediction.ask(rows, lambda prompt: next(left, None), said.append, cells)
    return score, "\n".join(said)


def test_the_odd_network_has_every_slip_that_is_promised():
    """Bias forgotten, groups forgotten, floor and ceil, MACs and FLOPs: each named alone."""
    first, pool, dilated, *_ = prediction.rows(ODD, (3, 25, 20))
    cells = {cell.name: cell for cell in first.cells}
    assert cells["output"].value == (6, 12, 19)
    assert cells["parameters"].value == 6 * 15 + 6
    assert cells["parameters"].slips_to(Answer("90")) == ["the bias is forgotten"]
    assert cells["parameters"].slips_to(Answer(str(6 * 45 + 6))) == ["the groups are forgotten"]
    assert cells["parameters"].slips_to(Answer(str(6 * 45))) == ["the groups are forgotten, and the bias is forgotten"]
    assert cells["MACs"].value == 90 * prod((12, 19))
    assert cells["MACs"].slips_to(Answer(str(2 * 90 * 12 * 19))) == ["FLOPs are counted, two for each MAC"]
    assert cells["field"].value == (3, 5)
    rounded = pool.cells[0]
    assert rounded.value == (6, 6, 9)
    assert "the division is rounded down; this pooling rounds up (ceil_mode)" in rounded.slips_to(Answer("6x5x9"))
    assert dilated.cells[1].slips_to(Answer(str(4 * 6 * 9 + 4))) == ["a bias is counted; there is none"]


def test_a_dialogue():
    score, said = answered("6x12x19", "90", "many")
    assert (score.asked, score.right, score.ended) == (3, 1, True)
    assert "exactly 90 comes out if the bias is forgotten" in said
    assert str(score) == "ended; 1 of 3 right; to look at again: parameters, MACs"
    assert str(answered()[0]) == "nothing was answered"


def test_all_right():
    right = [written(cell.value) for row in prediction.rows(ODD, (3, 25, 20)) for cell in row.cells]
    score, said = answered(*right)
    assert score.is_all_right
    assert str(score) == f"{len(right)} of {len(right)} right"
    assert said.count("right") == len(right)
    assert answered(*["7"] * 3, cells=["field"])[0].asked == 3


NET = """
from minidl import nn


class Net(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(1, 2, 3))
"""


@pytest.mark.parametrize(
    ("source", "name", "says"),
    [
        (NET, "", ""),
        (NET, ":Net", ""),
        (NET + "\n\ndef make():\n    return Net()\n", ":make", ""),
        ("from minidl import nn\n\nnet = nn.Conv2d(1, 2, 3)\n", "", ""),
        (NET, ":Nett", "net work.py has no Nett; it has Net"),
        (NET + "\n\nother = Net()\n", "", "has several networks: Net, other; name one of them: net work.py:other"),
        ("x = 1\n", "", "has no network: no nn.Module, no class or function that makes one"),
        ("x = 1\n", ":x", "x of net work.py is no nn.Module, and makes none; it is a int"),
        (
            "def make(n):\n    pass\n",
            ":make",
            "make of net work.py cannot be made without arguments: missing a required argument",
        ),
        ("def make(:\n", "", "net work.py cannot be imported: net work.py:1: SyntaxError"),
        ("raise SystemExit\n", "", "net work.py cannot be imported: net work.py:1: SystemExit"),
    ],
)
def test_a_network_from_a_file(source, name, says, tmp_path):
    file = tmp_path / "net work.py"
    file.write_text(source, encoding="utf-8")
    if not says:
        net, size = network("learn", f"{file}{name}", "--size", "1,8,8")
        assert prediction.rows(net, size)[0].cells[0].value == (2, 6, 6)
        with pytest.raises(ValueError, match="does not tell the size of its input; give it: --size 3x32x32"):
            network("learn", f"{file}{name}", "--size")
        return
    with pytest.raises(ValueError, match=re.escape(says)):
        network("learn", f"{file}{name}", "--size", "1,8,8")


@pytest.fixture
def learn(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        status = cli.run(["learn", *arguments])
        return Printed(status, *capsys.readouterr())

    return run


def test_the_command_takes_answers_from_a_file(learn, tmp_path):
    file = tmp_path / "답 answers.txt"
    file.write_text("# conv1\n6x28x28\n150  # a remark\n-\n", encoding="utf-8")
    result = learn("predict", "lenet5_modern", "--answers", str(file))
    assert result.status == 1
    assert result.out.splitlines()[:2] == [
        "lenet5_modern, 1×32×32: 7 layers to predict",
        "an empty answer shows the cell, Ctrl-D ends",
    ]
    assert "  parameters: 150\n    no, 156\n" in result.out
    assert "exactly 150 comes out if the bias is forgotten" in result.out
    assert result.out.splitlines()[-1] == "ended; 1 of 3 right; to look at again: parameters, MACs"
    assert max(map(len, result.out.splitlines())) <= 80
    file.write_text("6x28x28\n", encoding="utf-8")
    assert learn("predict", "lenet5_modern", "--answers", str(file), "--layers", "1", "--cells", "OUTPUT").status == 0


def test_every_line_fits_a_plain_terminal():
    """Of a network with long paths, where every answer is wrong."""
    said = []
    prediction.ask(rows_of("googlenet"), lambda prompt: said.append(prompt) or "7919", said.append)
    assert len(said) > 500
    assert max(map(len, said)) <= 80


@pytest.mark.parametrize("end", [EOFError, KeyboardInterrupt])
def test_the_end_of_the_input_ends_politely(learn, monkeypatch, end):
    def stop():
        raise end

    monkeypatch.setattr("builtins.input", stop)
    result = learn("predict", "lenet5_modern")
    assert result.status == 1
    assert result.out.splitlines()[-1] == "nothing was answered"
    assert result.err == ""


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["lenet5_moder"], "lenet5_modern"),
        (["nothing.py"], "learn: there is no file nothing.py"),
        (["nothing.py:Net"], "learn: there is no file nothing.py"),
        (["lenet5_modern", "--size", "big"], "learn: --size must be the side of a picture or the shape of one input"),
        (["lenet5_modern", "--size", "0"], "learn: --size must be"),
        (["lenet5_modern", "--size", "4"], "lenet5_modern: expects pictures of 32 to 35 pixels a side"),
        (
            ["lenet5_modern", "--cells", "speed"],
            "learn: --cells must be some of output, parameters, MACs, memory, field",
        ),
        (["lenet5_modern", "--first", "8"], "learn: --first must be at most the number of layers, 7; received 8"),
        (["lenet5_modern", "--answers", "nothing.txt"], "learn: --answers: nothing.txt cannot be read (No such file"),
    ],
)
def test_what_is_refused(learn, arguments, says):
    result = learn("predict", *arguments)
    assert (result.status, result.out) == (1, "")
    assert says in result.err
    assert len(result.err.splitlines()) == 1
    assert "Traceback" not in result.err
