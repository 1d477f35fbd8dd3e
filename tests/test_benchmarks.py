"""What the measurements rest on: contenders compute the same and take turns, and tables say what was read."""

import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import minidl
from benchmarks import _processes as processes
from benchmarks import _published, gpu, roofline
from benchmarks._devices import OutOfMemory
from benchmarks._tables import table
from benchmarks._timing import geometric_mean, take_turns
from minidl.kernels import textbook
from tests.contract import assert_close
from tests.kernels import unsized


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize(("kernel", "stride", "padding"), [(3, (1, 1), 1), (3, (2, 1), 0), (1, (1, 1), 0)])
def test_the_published_way_computes_the_same(groups, kernel, stride, padding, rng):
    x = rng.standard_normal((2, 4, 7, 6))
    w = rng.standard_normal((6, 4 // groups, kernel, kernel))
    geometry = (stride, ((padding, padding), (padding, padding)), (1, 1), groups)
    y = unsized.conv2d(x, w, None, *geometry)
    dy = rng.standard_normal(y.shape)
    assert_close(_published.conv2d(x, w, None, *geometry), y)
    assert_close(_published.conv2d_dx(dy, w, x.shape, *geometry), textbook.conv2d_dx(dy, w, x.shape, *geometry))
    assert_close(_published.conv2d_dw(dy, x, w.shape, *geometry), textbook.conv2d_dw(dy, x, w.shape, *geometry))


def test_contenders_take_turns():
    called = []
    found = take_turns({"a": lambda: called.append("a"), "b": lambda: called.append("b")}, rounds=2, calls=2)
    assert "".join(called) == "ab" + "aaabbb" * 2
    assert list(found) == ["a", "b"]
    assert all(0 < reading.best <= reading.median for reading in found.values())


class Clock:
    """A contender that answers at once."""

    def __init__(self, name, seconds):
        self.name, self.seconds, self.asked = name, seconds, []

    def ask(self, what, number):
        self.asked.append((what, number))

    def answer(self):
        return self.seconds


def test_processes_take_turns_or_work_at_once(monkeypatch):
    monkeypatch.setattr(processes, "PAUSE", 0)
    contenders = {"a": Clock("a", 2.0), "b": Clock("b", 0.5)}
    found = processes.take_turns(contenders, rounds=3, seconds=4)
    assert {name: reading.median for name, reading in found.items()} == {"a": 0.5, "b": 2.0}  # of what it does a second
    assert contenders["a"].asked == [("work", 4)] * 3
    assert processes.at_once([*contenders.values()], 7) == 2.5
    assert contenders["b"].asked[-1] == ("work", 7)


def test_what_disturbs_is_there_and_then_gone():
    with processes.disturbed(2, 60) as numbers:
        assert len({os.getpgid(number) for number in numbers}) == 1  # both live, in this group
    for number in numbers:
        with pytest.raises(ProcessLookupError):
            os.kill(number, 0)
    with pytest.raises(RuntimeError, match="ended before the measurement"), processes.disturbed(1, 0) as [number]:
        os.waitid(os.P_PID, number, os.WEXITED | os.WNOWAIT)


def test_twice_as_fast_and_twice_as_slow_cancel():
    assert geometric_mean([0.5, 2.0]) == pytest.approx(1.0)


def test_a_table_lines_up():
    assert table(["what", "ms"], [["one", 1.0], ["thirteen", "20.5"]]).splitlines() == [
        "| what     | ms   |",
        "|----------|-----:|",
        "| one      | 1.00 |",
        "| thirteen | 20.5 |",
    ]


def test_an_unknown_part_is_named():
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks", "layer"], capture_output=True, text=True, check=False, cwd=_root()
    )
    assert done.returncode == 2
    assert done.stderr == (
        "benchmarks: argument PART: there is no 'layer'; did you mean layers? (see: python -m benchmarks --help)\n"
    )


@pytest.mark.skipif(bool(minidl.cuda.is_available()), reason="there is a GPU here")
def test_without_a_gpu_one_line_says_so(capsys):
    assert gpu.main([]) == 0
    printed = capsys.readouterr().out
    assert printed.count("\n") == 1
    assert printed.startswith("benchmarks.gpu: no GPU here, so nothing is measured: CuPy ")


class Small:
    """A device with room for the steps of so many pictures."""

    device = "cpu"

    def __init__(self, name, room, loss):
        self.name, self.room, self.loss, self.steps = name, room, loss, []

    def network(self, name, weights=None):
        return "net" if weights else ("net", {"weight": 0})

    def step(self, net, x, labels):
        def step():
            self.steps.append(len(x))
            if len(x) > self.room:
                raise OutOfMemory("no room")
            return self.loss

        return step

    def wait(self):
        pass

    def peak(self, step):
        return 7.0

    let_go = wait


@pytest.mark.parametrize(("ours", "theirs", "taken"), [(5, 64, 4), (64, 9, 8), (64, 64, 16)])
def test_both_take_half_the_batch_where_memory_runs_out(ours, theirs, taken, capsys):
    sides = Small("minidl", ours, 2.0), Small("PyTorch", theirs, 2.0001)
    row = gpu.compared("resnet18", 16, 4, *sides, seconds=0)
    assert row[0] == f"resnet18, {taken}"
    assert row[4:] == [7.0, 7.0, "agrees", "–"]
    assert {side.steps[-1] for side in sides} == {taken}
    assert ("both take" in capsys.readouterr().out) is (taken < 16)


def test_where_not_even_one_picture_has_room_or_the_losses_differ_the_table_says_so():
    assert gpu.compared("vgg16", 2, 4, Small("", 0, 1.0), Small("", 9, 1.0), 0)[0] == "vgg16, no room for one picture"
    assert gpu.compared("vgg16", 2, 4, Small("", 9, 1.0), Small("", 9, 1.1), 0)[6] == "1.00000 / 1.10000"


def test_lenet5_learns_where_the_script_is_only_tried():
    told = gpu.learned("cpu", seconds=0.01)
    assert told.startswith("LeNet-5 on the digits: ")
    assert float(told.split()[4]) > 20  # an epoch is little, and chance is 10
    assert "after 1 epochs" in told


def _root():
    return Path(__file__).resolve().parent.parent


def test_the_names_in_the_roofline_overlap_with_nothing():
    measured = json.loads((roofline.RESULTS / "layers.json").read_text(encoding="utf-8"))
    points, product, copy = measured["points"], measured["product"], measured["copy"]
    axes = roofline.draw(points, product, copy).axes[0]
    boxes = {text.get_text(): text.get_window_extent() for text in axes.texts}
    names = {point["name"] for point in points}
    assert len(names & boxes.keys()) > 10
    assert not [(a, b) for a, b in itertools.combinations(boxes, 2) if boxes[a].overlaps(boxes[b])]
    dots = axes.transData.transform([(point["intensity"], point["rate"]) for point in points])
    at = np.geomspace(roofline.LEFT, roofline.RIGHT, 2000)
    roof = axes.transData.transform(np.stack([at, np.minimum(at * copy, product)], axis=1))
    assert not [name for name, box in boxes.items() for place in (*dots, *roof) if box.contains(*place)]
    assert any("Winograd's algorithm" in text for text in boxes)  # why points lie above the roof
    below = [point | {"rate": min(point["rate"], product)} for point in points]
    assert not any("Winograd" in text.get_text() for text in roofline.draw(below, product, copy).axes[0].texts)
