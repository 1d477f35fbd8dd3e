"""report.html: one page that holds everything itself, escapes what is not its own, and says what the figures say."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

import minidl
from minidl import data, models, optim, training
from minidl.training import RunFolder, State
from minidl.training.run_folder._report_parts import duration
from minidl.training.run_folder.folder import PLOTS
from minidl.training.run_folder.report import predictions_of, write_report

DRAWS = True  # the page is looked at

VOID = {"meta", "br", "img"}
EVIL = ("<script>alert(1)</script>", '"><img src=x onerror=1>', "고양이 & 개", "a" * 300)


class Page(HTMLParser):
    """The elements of a page: their names, attributes and text; every one must be closed in order."""

    def __init__(self, text):
        super().__init__()
        self.open, self.elements, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, text):
        self.words.append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def pictures(rng, channels=3, classes=EVIL, n=24):
    x = rng.random((n, channels, 32, 32)).astype(np.float32)
    return data.Pictures(x, np.arange(n) % len(classes), tuple(classes))


def state_of(val, epochs=0, model="resnet20_cifar"):
    net = models.get_model(model, num_classes=len(val.classes), in_channels=val.x.shape[1])
    row = {
        "step": 5,
        "lr": 0.1,
        "train_loss": 1.5,
        "train_top1": 0.5,
        "val_loss": 1.25,
        "val_top1": 0.4,
        "val_top5": 1.0,
    }
    config = training.Config(model=model, data="/tmp/a <b> & c", epochs=3)
    history = [{"epoch": epoch, **row} for epoch in range(1, epochs + 1)]
    return State(net, optim.SGD(net.parameters(), lr=0.1), config, epoch=epochs, history=history)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """A report that all tests look at and none changes."""
    val = pictures(np.random.default_rng(0))
    state = state_of(val, epochs=2)
    path = write_report(RunFolder(tmp_path_factory.mktemp("run")), state, val)
    return path, path.read_text(encoding="utf-8"), state, val


def test_the_folder_has_all_pictures(written):
    path, text, _, _ = written
    assert {file.name for file in path.parent.iterdir()} == {"report.html", *PLOTS}
    assert len(text) < 3_000_000


def test_elements_are_closed_and_headings_in_order(written):
    page = Page(written[1])
    assert page.open == []
    assert [tag for tag, _ in page.elements if tag in ("h1", "h2")] == ["h1"] + ["h2"] * 8
    targets = {link["href"].removeprefix("#") for link in page.all("a")}
    assert targets == {heading["id"] for heading in page.all("h2")}
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_nothing_refers_to_the_outside(written):
    text = written[1]
    for _, attributes in Page(text).elements:
        for name in ("src", "href", "xlink:href", "srcset", "action", "data"):
            assert re.match(r"#|data:image/png;base64,|$", attributes.get(name) or "")
    assert not re.search(r"@import|url\((?!#)", text)
    assert not Page(text).all("script")


def test_what_is_not_its_own_is_escaped(written):
    text = written[1]
    page = Page(text)
    assert "<script>alert" not in text
    assert not [one for one in page.all("img") if "onerror" in one]
    words = "".join(page.words)
    for name in EVIL:
        assert name in words
    assert "a <b> & c" in words


def test_pictures_have_words_and_tables_captions(written):
    page = Page(written[1])
    for picture in page.all("img"):
        assert picture["alt"].startswith("a picture of class")
    assert len(page.all("svg")) == 6  # three curves, confusion, filters, maps
    assert all(picture["aria-label"] and picture["role"] == "img" for picture in page.all("svg"))
    assert len(page.all("table")) == len(page.all("caption"))
    assert all(cell["scope"] in ("col", "row") for cell in page.all("th"))


def test_the_figures_are_those_of_the_examination(written):
    _, text, state, val = written
    score = training.evaluate(state.net, val)
    words = "".join(Page(text).words)
    assert f"{100 * score.top1:.1f}\N{NO-BREAK SPACE}%" in words
    assert f"{score.loss:.4f}" in words
    assert f"{score.confusion.trace()} of 24 pictures" in words
    assert "2 of 3 epochs are done" in words
    assert "nan" not in words.lower()


def test_light_and_dark(written):
    assert "@media (prefers-color-scheme: dark)" in written[1]
    assert written[1].count("currentColor") > 50


def test_what_was_trained_when_and_with_what_is_told_once(rng, tmp_path):
    val = pictures(rng, channels=1, classes=("one", "two"))
    state, run = state_of(val, epochs=2, model="lenet5_modern"), RunFolder(tmp_path)
    state.pictures = [1234, len(val)]
    run.write_history(state, {1: (1.0, "2026-02-28T23:00:00+00:00"), 2: (1.0, "2026-03-01T12:30:00+00:00")})
    words = "".join(Page(write_report(run, state, val).read_text(encoding="utf-8")).words)
    assert "2 of 3 epochs are done (the last on 2026-03-01); drawn by minidl" in words
    for once in ("2026-03-01", f"minidl {minidl.__version__}", "1,234 pictures"):
        assert words.count(once) == 1
    assert "2026-02-28" not in words


def test_pixels_of_small_pictures_are_squares_of_whole_pixels(written):
    images = Page(written[1]).all("img")
    assert len(images) > 5
    for one in images:
        assert one["style"] == f"width:{one['width']}px"
        assert (int(one["width"]) % 32, int(one["height"]) % 32) == (0, 0)
        assert int(one["width"]) >= 64


def test_equal_runs_have_equal_reports(written):
    path, text, state, val = written
    assert write_report(RunFolder(path.parent), state, val).read_text(encoding="utf-8") == text


def test_without_an_epoch_there_are_no_curves(rng, tmp_path):
    val = pictures(rng, channels=1, classes=("one", "two"))
    text = write_report(RunFolder(tmp_path), state_of(val, model="lenet5_modern"), val).read_text(encoding="utf-8")
    assert "There is no curve yet: no epoch is done." in text
    assert len(Page(text).all("svg")) == 3
    assert not (tmp_path / "curves.png").exists()


def test_two_hundred_classes_of_which_some_have_no_picture(rng, tmp_path):
    val = pictures(rng, classes=[f"class {index}" for index in range(200)])
    text = write_report(RunFolder(tmp_path), state_of(val, 1), val).read_text(encoding="utf-8")
    page = Page(text)
    assert "nan" not in "".join(page.words).lower()
    assert "200 classes, the worst first" in "".join(page.words)
    assert len(text) < 3_000_000


def test_commands_name_the_folder_as_a_shell_reads_it(rng, tmp_path):
    folder = tmp_path / "my run"
    folder.mkdir()
    val = pictures(rng)
    words = "".join(Page(write_report(RunFolder(folder), state_of(val), val).read_text(encoding="utf-8")).words)
    assert f"minidl train --resume '{folder}'\n" in words
    assert f"minidl eval '{folder}'" in words


def test_a_broken_picture_keeps_the_others_in_their_places(rng):
    class Broken(data.Split):
        def read(self, index):
            if index == 1:
                raise ValueError("picture 1 is broken")
            return super().read(index)

    val = pictures(rng, n=8)
    split = Broken(data.Split.of(val).source, val.labels, val.classes)
    loader = data.Loader(split, 4, transforms=[{"name": "resize", "size": 32}], on_error="skip", workers=0)
    state = state_of(val)
    found = predictions_of(state.net, loader)
    assert found.numbers.tolist() == [0, 2, 3, 4, 5, 6, 7]
    assert found.labels.tolist() == val.labels[[0, 2, 3, 4, 5, 6, 7]].tolist()
    np.testing.assert_allclose(found.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert state.net.training


def test_a_run_is_reported_again(tmp_path):
    folder = tmp_path / "run"
    parts = tuple(part.take(slice(0, 44)) for part in data.open_dataset("digits"))
    training.train(training.Config(epochs=1), out=folder, parts=parts)
    page = training.report_run(folder)
    assert page == folder / "report.html"
    assert "of 359 pictures" in page.read_text(encoding="utf-8")
    with pytest.raises(ValueError, match="does not exist"):
        training.report_run(tmp_path / "nothing")


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (60, "1 min 0 s"), (3600, "1 h 0 min")])
def test_durations(seconds, words):
    assert duration(seconds) == words
