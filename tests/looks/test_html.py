"""What one sees in a notebook: pieces of HTML that stand alone, are small, and never fail."""

import base64
import io
import re
import sys
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl import Tensor, cost, models, nn, observe, teach, training
from tests import strict_cupy
from tests.looks import samples
from tests.looks.test_reprs import awkward

MOST = 60_000  # letters
EMPTY = ("img", "br")
BAD_NAME = "<script>&\"'"


class Piece(HTMLParser):
    """Refuses what does not stand alone; collects the text and the pictures."""

    def __init__(self, html):
        super().__init__()
        self.open, self.text, self.pictures = [], "", []
        assert isinstance(html, str)
        assert len(html) <= MOST
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        assert tag in ("div", "span", "b", "table", "tr", "th", "td", "details", "summary", "pre", "img"), tag
        if tag not in EMPTY:
            self.open.append(tag)
        for name, value in attributes:
            assert name in ("style", "src", "alt", "width", "height", "open", "cellpadding"), name
            assert "url(" not in value
            assert not re.search(r"(?<![-\w])(color|background): ?(#|black|white)", value)  # of the reader, not ours
        given = dict(attributes)
        self.style = given.get("style", "")
        if tag == "img":
            head, content = given["src"].split(",")
            assert head == "data:image/png;base64"
            picture = Image.open(io.BytesIO(base64.b64decode(content))).convert("RGB")
            shown = int(given["width"]), int(given["height"])
            assert (shown[0] % picture.width, shown[1] % picture.height) == (0, 0)
            assert max(shown) <= 300
            self.pictures.append(np.asarray(picture))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data
        if self.open[-1:] == ["pre"]:
            assert "font-family:monospace" in self.style  # a notebook has another one there, and rows would not align


def names_of(kind):
    return kind.__name__


@pytest.mark.parametrize("kind", [kind for kind in samples.classes() if hasattr(kind, "_repr_html_")], ids=names_of)
def test_what_is_only_half_made_can_be_shown_in_a_notebook(kind):
    assert kind.__name__ in Piece(kind.__new__(kind)._repr_html_()).text


def test_everything_that_has_html_shows_a_small_piece_that_stands_alone():
    kinds = set()
    for thing in samples.things():
        if hasattr(thing, "_repr_html_") and not isinstance(thing, teach.Exploration):  # a page, in a frame of its own
            kinds.add(type(thing))
            assert "not complete" not in Piece(thing._repr_html_()).text
    assert {Tensor, nn.Parameter, cost.Cost, training.Metrics, nn.Conv2d} <= kinds
    assert minidl.nn.Module in {base for kind in kinds for base in kind.__mro__}


def shown(array):
    return Piece(Tensor(array)._repr_html_())


def test_tensors_of_all_shapes_and_values_are_shown():
    for array in awkward():
        assert shown(array).text.startswith(f"Tensor {array.shape} {array.dtype}")  # and is no plain repr


def test_a_matrix_is_shown_in_colours_beside_its_shape_and_numbers():
    found = shown(np.array([[-1.0, 0.0], [0.5, np.nan]]))
    assert found.pictures[0].tolist() == [
        [[36, 112, 173], [255, 255, 255]],
        [[224, 170, 128], [214, 39, 190]],
    ]
    assert found.text.startswith("Tensor (2, 2) float64from -1 to 0.5, mean -0.1667; 25 % are NaN or infiniteTensor([[")


@pytest.mark.parametrize(
    ("shape", "pictures", "words"),
    [
        ((3, 32, 32), 1, ""),
        ((6, 3, 32, 32), 4, "the first 4 of 6"),
        ((6, 1, 28, 28), 4, "the first 4 of 6"),
        ((2, 16, 8, 8), 4, "the first 4 of 16"),
        ((64, 3, 7, 7), 3, ""),
        ((1000, 2000), 1, ""),
        ((5, 2, 3, 9, 9), 2, ""),
        ((7,), 0, ""),
        ((), 0, ""),
    ],
)
def test_pictures_and_maps_are_told_apart(shape, pictures, words, rng):
    found = shown(rng.random(shape))
    assert len(found.pictures) == pictures
    assert words in found.text


def test_a_picture_keeps_its_colours(rng):
    x = rng.integers(0, 256, (3, 20, 30)).astype(np.uint8)
    np.testing.assert_array_equal(shown(x).pictures[0], x.transpose(1, 2, 0))
    np.testing.assert_array_equal(shown((x / 255).astype("f4")).pictures[0], x.transpose(1, 2, 0))


def test_looking_at_a_tensor_runs_no_operation_and_leaves_its_history():
    x = Tensor(np.ones((3, 3)), requires_grad=True)
    y, seen = x * x, []
    with observe(seen.append):
        assert "grad_fn=<multiply>" in Piece(y._repr_html_()).text
    assert seen == []
    y.sum().backward()
    assert x.grad.tolist() == [[2.0] * 3] * 3
    assert "grad_fn=<multiply>" in Piece(y._repr_html_()).text


def test_a_tensor_on_the_gpu_is_shown(monkeypatch):
    monkeypatch.setitem(sys.modules, "cupy", strict_cupy.cupy)
    found = Piece(Tensor(strict_cupy.cupy.asarray(np.ones((6, 3, 100, 100), "float32")))._repr_html_())
    assert found.text.startswith("Tensor (6, 3, 100, 100) float32device=cudafrom 1 to 1")
    assert len(found.pictures) == 4


def test_a_network_is_a_tree_with_shapes_and_parameters():
    net = models.lenet5_modern(num_classes=10)
    net.conv1.weight.requires_grad = False
    text = Piece(net._repr_html_()).text
    assert "lenet5_modern" in text
    assert "61,706 parameters, 150 of them frozen" in text
    assert "conv1 Conv2d(1, 6, kernel_size=(5, 5)) weight 6×1×5×5 (frozen); bias 6" in text
    shared = nn.Linear(2, 2)
    assert "6 parameters" in Piece(nn.Sequential(shared, shared)._repr_html_()).text


def test_networks_of_any_size_are_shown():
    with nn.init.unfilled():
        large = models.nasnet_a_mobile()
    assert f"{sum(p.numel() for p in large.parameters()):,} parameters" in Piece(large._repr_html_()).text
    assert "… and 600 more" in Piece(nn.Sequential(*(nn.ReLU() for _ in range(1000)))._repr_html_()).text
    deep = nn.ReLU()
    for _ in range(50):
        deep = nn.Sequential(deep)
    assert "Sequential" in Piece(deep._repr_html_()).text


def test_large_tables_are_cut():
    with nn.init.unfilled():
        found = cost.count(models.densenet121())
    text = Piece(found._repr_html_()).text
    assert "densenet121 one input of 3×224×224" in text
    assert "7,978,856" in text


def test_names_cannot_become_html():
    net = nn.ModuleDict({"a": nn.Linear(1, 1)})
    net._modules[BAD_NAME] = nn.Linear(1, 1)
    net.name = BAD_NAME
    assert BAD_NAME in Piece(net._repr_html_()).text
    found = samples.report()
    found.arguments[0].name = BAD_NAME
    assert BAD_NAME in Piece(found._repr_html_()).text


def test_a_gradcheck_shows_the_verdict_and_a_row_for_each_argument():
    found = minidl.gradcheck(lambda x, y: x * y, [np.ones(2), np.ones(2)])
    text = Piece(found._repr_html_()).text
    assert text.startswith("ok gradcheck direction, seed 0")
    assert text.count("(2,)ok") == 2
    assert Piece(samples.report()._repr_html_()).text.startswith("FAIL gradcheck elements, seed 0")


def test_metrics_show_their_figures_and_confusions():
    few, many = samples.metrics(3), samples.metrics(300)
    assert "66.7 %100.0 %" in Piece(few._repr_html_()).text
    assert Piece(few._repr_html_()).pictures == []
    (picture,) = Piece(many._repr_html_()).pictures
    assert picture.shape == (150, 150, 3)
    assert "0 pictures" in Piece(training.Metrics(3)._repr_html_()).text
