"""What may be explored, and what is said of what may not."""

import io
import re

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import minidl
from minidl import Tensor, _random, models, optim, teach
from minidl.cli import run as command
from minidl.teach.explorer.network import page as pages
from minidl.teach.explorer.network import portrait_of
from minidl.teach.explorer.network.subject import subject
from minidl.teach.explorer.network.terminal import layer_lines, walk
from minidl.training import Config, RunFolder, State, save_checkpoint


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A run on the digits: its best epoch is the second, its last the third; nobody has trained it."""
    folder = RunFolder(tmp_path_factory.mktemp("run"))
    for epoch, file in ((2, folder.best), (3, folder.last)):
        net = models.lenet5_modern(rng=np.random.default_rng(epoch))
        classes = list("0123456789")
        state = State(net, optim.SGD(net.parameters(), lr=0.1), Config(), classes=classes, epoch=epoch)
        state.shown = {"shape": [1, 32, 32], "dtype": "float32"}
        save_checkpoint(file, state)
    return folder


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    """A dark ring on white, as a pen draws a digit."""
    path = tmp_path_factory.mktemp("pictures") / "zero.png"
    y, x = np.mgrid[:40, :40] - 19.5
    Image.fromarray(np.where(abs(np.hypot(x, y) - 12) < 3, 20, 250).astype("uint8")).save(path)
    return path


def test_a_run_takes_the_number_of_a_validation_picture(run):
    before = _random.get_state()
    found = subject(str(run.path), "3")
    val = minidl.data.open_dataset("digits").val
    assert np.array_equal(found.x, val.read(3))
    assert found.truth == val.labels[3]
    assert [state.name for state in found.states] == ["epoch 2"]
    assert found.classes == tuple("0123456789")
    assert before == _random.get_state()


def test_a_run_on_numbers_of_its_own_scale_takes_a_picture_file(run, picture):
    found = subject(run.path, picture)
    val = minidl.data.open_dataset("digits").val
    assert found.x.shape == (1, 32, 32)
    assert found.x.min() >= val.x.min()
    assert found.x.max() <= val.x.max()
    assert found.x[0, 0].mean() < found.x[0, 16].mean()  # light on dark, as the digits are
    assert "as a negative, because theirs are light on dark" in found.notes[-1]


def test_all_checkpoints_are_shown_if_asked_for(run):
    found = subject(run.path, 0, epochs=True)
    assert [state.name for state in found.states] == ["epoch 2", "epoch 3"]
    assert "keeps 2 checkpoints: epoch 2, epoch 3" in found.notes[0]
    html, portrait = pages.write_page(found)
    assert [moment.name for moment in portrait.moments] == ["epoch 2", "epoch 3"]
    assert len(html.encode()) <= pages.MOST_BYTES


def test_a_network_takes_an_array_or_a_file_of_any_size(picture):
    net = models.resnet20_cifar(num_classes=4)
    x = np.zeros((3, 20, 28), "float32")
    assert subject(net, x).x.shape == (3, 20, 28)
    assert subject(net, Tensor(x)).x.shape == (3, 20, 28)
    assert subject(net, picture).x.shape == (3, 32, 32)
    assert subject(net, picture, size=21).x.shape == (3, 21, 21)
    first, again = (subject("lenet5_modern", picture, size=33) for _ in range(2))
    assert first.x.shape == (1, 33, 33)
    weights = [next(one.states[0].net.parameters()).numpy() for one in (first, again)]
    assert np.array_equal(*weights)


WRONG = [
    (("RUN",), "explore: run needs a picture to look at"),
    (("RUN", "400"), "has 359 validation pictures; expected a number from 0 to 358; received 400"),
    (("RUN", "no.png"), "no.png: No such file or directory"),
    (("RUN", "TEXT"), "not a picture"),
    (("EMPTY", "PICTURE"), "is no run folder: it has no last.safetensors"),
    (("RUN", "0", "--weights", "w.pth"), "a run has weights of its own; received weights='w.pth'"),
    (("resnet18",), "resnet18 needs a picture to look at: minidl explore resnet18 IMAGE"),
    (("lenet5_modern", "3"), "lenet5_modern is no run, so it has no validation picture 3; give a picture file"),
    (("lenet5_modern", "PICTURE", "--epochs"), "epochs are those of a run: minidl explore RUN --epochs"),
    (("lenet5_modern", "PICTURE", "--size", "20"), "lenet5_modern: expects pictures of 32 to 35 pixels a side"),
    (("lenet5_modern", "PICTURE", "--class", "cat"), "there is no class 'cat' among 10"),
    (("lenet5_modern", "PICTURE", "--kernel", "3"), "a network has settings of its own; received kernel; leave them"),
    (("lenet6", "PICTURE"), "there is no run folder and no network 'lenet6'; did you mean lenet5"),
    (("lenet5_modern", "PICTURE", "--weights", "TEXT"), "text.png"),
    (("lenet5_modern", "PICTURE", "--out", "none/there.html"), "none/there.html: No such file or directory"),
]


@pytest.mark.parametrize(("words", "expected"), WRONG)
def test_what_is_wrong_is_one_line_and_leaves_nothing(words, expected, run, picture, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.png").write_text("no picture")
    (tmp_path / "empty").mkdir()
    (tmp_path / "run").symlink_to(run.path)
    names = {"RUN": "run", "PICTURE": str(picture), "TEXT": "text.png", "EMPTY": "empty"}
    before = sorted(tmp_path.iterdir())
    assert command(["explore", *(names.get(word, word) for word in words), "--no-open"]) == 1
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert expected in err
    assert sorted(tmp_path.iterdir()) == before


def test_the_command_writes_a_page_that_asks_for_nothing(run, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert command(["explore", str(run.path), "3", "--no-open", "--out", "digit.html", "--lang", "ko"]) == 0
    html = (tmp_path / "digit.html").read_text(encoding="utf-8")
    assert capsys.readouterr().out.startswith("digit.html: lenet5_modern on validation picture 3")
    assert len(html.encode()) <= pages.MOST_BYTES
    assert "합성곱" in html
    html = html.replace("http://www.w3.org/2000/svg", "")  # a name, which nobody asks for
    assert not any(word in html for word in ("http://", "https://", "@import", "fetch(", "import("))


def test_a_notebook_shows_it_in_a_frame_of_its_own(picture):
    page = teach.explore(models.lenet5_modern(), np.zeros((1, 32, 32), "float32"))
    assert page._repr_html_().startswith("<iframe")
    assert repr(page).startswith("Exploration(lenet5_modern on an array, a page of")


def test_the_page_of_a_network_shrinks_until_it_fits(monkeypatch):
    monkeypatch.setattr(pages, "MOST_BYTES", 300_000)
    found = subject(models.lenet5_modern(), np.ones((1, 32, 32), "float32"))
    html, portrait = pages.write_page(found)
    assert len(html.encode()) <= 300_000
    assert portrait.left_out > 0
    monkeypatch.setattr(pages, "MOST_BYTES", 50_000)
    with pytest.raises(ValueError, match=r"explore: the page of lenet5_modern on a picture of 1×32×32 would take"):
        pages.write_page(found)


def test_a_terminal_shows_the_layers_one_after_the_other(run, capsys):
    found = portrait_of(str(run.path), 0)
    typed = iter(["", "", "b", "3", "99", "q"])
    console = Console(width=100, record=True, file=io.StringIO())
    walk(found, console, lambda question: next(typed))
    heads = re.findall(r"^(\d+) (.*) →", console.export_text(), flags=re.MULTILINE)
    assert [int(number) for number, _ in heads] == [0, 1, 0, 3, len(found.layers) - 1]
    assert command(["explore", str(run.path), "0", "--text"]) == 0
    out = capsys.readouterr().out
    assert all(layer.path in out for layer in found.layers)
    last = found.moments[0].way.steps[-1].output[0]
    lines = list(layer_lines(found, len(found.layers) - 1))
    parts = [float(one) for one in re.findall(r"([+-][\d.e-]+) \(", lines[-1])]
    assert abs(sum(parts) - np.abs(last).max() * np.sign(last[np.abs(last).argmax()])) < 1e-4
