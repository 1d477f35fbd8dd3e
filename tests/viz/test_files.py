"""Files: whole or not there, the same bytes for the same picture, nothing shared, no warning."""

import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
from PIL import Image

from minidl import viz
from minidl.viz._figure import INK, to_page
from minidl.viz.confusion import plot_confusion
from minidl.viz.curves import plot_curves
from minidl.viz.memory import BANDS


def drawings(history):
    rng = np.random.default_rng(0)
    p = rng.dirichlet(np.ones(3), 20)
    labels = rng.integers(0, 3, 20)
    pictures = rng.integers(0, 256, (20, 3, 16, 16), dtype=np.uint8)
    classes = ("cat", "dog", "emu")
    return {
        "curves": lambda path: viz.draw_curves(path, history),
        "confusion": lambda path: viz.draw_confusion(path, np.arange(9).reshape(3, 3), classes),
        "mistakes": lambda path: viz.draw_mistakes(path, pictures.__getitem__, p, labels, classes),
        "filters": lambda path: viz.draw_filters(path, rng.standard_normal((4, 3, 3, 3))),
        "maps": lambda path: viz.draw_feature_maps(path, {"conv1": rng.random((4, 8, 8))}, pictures[0]),
        "cost": lambda path: viz.draw_cost(path, [{"name": "a", "parameters": 1, "macs": 2, "activation_bytes": 3}]),
        "zoo": lambda path: viz.draw_zoo(path, [NET | {"name": "b", "macs": 5 * 10**7}, NET, {"name": "c"}]),
        "memory": lambda path: viz.draw_memory(path, [dict.fromkeys(BANDS, 1) | dict.fromkeys(WORDS, "x")] * 3),
        "attention": lambda path: viz.draw_attention(path, np.eye(3)[None, ::-1], list("cba"), list("abc")),
        "samples": lambda path: viz.draw_samples(path, pictures[:5]),
        "field": lambda path: viz.draw_field(path, pictures[0], np.eye(16), (range(2, 9), range(2, 9))),
    }


NET = {"name": "a", "year": 2012, "macs": 10**8, "parameters": 10**6, "top1": 60.0, "data": "ImageNet"}
WORDS = ("op", "path", "phase")
NAMES = ("curves", "confusion", "mistakes", "filters", "maps", "cost", "zoo", "memory", "field", "samples", "attention")


@pytest.mark.parametrize("suffix", [".png", ".svg"])
@pytest.mark.parametrize("name", NAMES)
def test_equal_pictures_have_equal_bytes_which_are_what_their_names_say(history, tmp_path, name, suffix):
    files = tmp_path / f"one{suffix}", tmp_path / f"two{suffix.upper()}"
    for file in files:
        drawings(history)[name](file)
    assert files[0].read_bytes() == files[1].read_bytes()
    if suffix == ".png":
        with Image.open(files[0]) as picture:
            assert picture.format == "PNG"
            assert picture.getpixel((0, 0))[:3] == (255, 255, 255)
    else:
        assert ElementTree.parse(files[0]).getroot().tag == "{http://www.w3.org/2000/svg}svg"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("file", ["x.jpg", "x"])
def test_other_suffixes_are_refused_before_any_work(history, tmp_path, name, file):
    with pytest.raises(ValueError, match=r"draw_\w+: path must end in .png or .svg, it ends in '(.jpg)?'; path="):
        drawings(history)[name](tmp_path / file)
    assert list(tmp_path.iterdir()) == []


def test_what_was_there_stays_when_writing_fails(history, tmp_path):
    path = tmp_path / "curves.png"
    path.write_bytes(b"old")
    with pytest.raises(ValueError, match="panels"):
        viz.draw_curves(path, history, panels=["none"])
    assert path.read_bytes() == b"old"
    with pytest.raises(FileNotFoundError, match="nowhere"):
        viz.draw_curves(tmp_path / "nowhere" / "curves.png", history)
    assert [file.name for file in tmp_path.iterdir()] == ["curves.png"]


def test_nothing_is_shared_with_the_users_own_figures():
    code = """
import sys, tempfile, os
import matplotlib
matplotlib.use("svg")
matplotlib.rcParams["svg.fonttype"] = "path"
before = dict(matplotlib.rcParams)
from minidl import viz
row = {"epoch": 1, "train_loss": 2.0, "val_loss": 1.0, "train_top1": 0.3, "val_top1": 0.6}
for name in ("x.png", "x.svg"):
    viz.draw_curves(os.path.join(tempfile.mkdtemp(), name), [row])
assert dict(matplotlib.rcParams) == before
assert matplotlib.get_backend() == "svg"
assert "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True)


# A part of a page


def test_on_a_page_ink_is_the_colour_of_the_text(history):
    text = to_page(plot_curves(history), "curves", "curves & <words>")
    root = ElementTree.fromstring(text.replace("xlink:href", "href"))
    assert INK not in text
    assert "currentColor" in text
    assert root.get("role") == "img"
    assert root.get("aria-label") == "curves & <words>"
    assert root.get("viewBox") is not None
    assert root.get("width") is None
    assert "#ffffff" not in text  # no ground of its own


def test_ids_are_those_of_one_picture(history):
    text = to_page(plot_curves(history), "one", "")
    root = ElementTree.fromstring(text.replace("xlink:href", "href"))
    ids = [element.get("id") for element in root.iter() if element.get("id")]
    assert ids
    assert len(ids) == len(set(ids))
    assert all(one.startswith("one-") for one in ids)
    used = {element.get("href") for element in root.iter() if (element.get("href") or "").startswith("#")}
    assert used <= {f"#{one}" for one in ids}


def test_a_figure_can_be_put_on_a_page_and_into_a_file(history, tmp_path):
    from minidl.viz._figure import save

    figure = plot_confusion(np.eye(2, dtype=int), ("cat", "dog"))
    first = to_page(figure, "a", "")
    save(figure, tmp_path / "x.png")
    with Image.open(tmp_path / "x.png") as picture:
        assert picture.getpixel((0, 0))[:3] == (255, 255, 255)
        assert picture.getpixel((0, 0))[3:] in ((), (255,))
    assert to_page(figure, "a", "") == first
