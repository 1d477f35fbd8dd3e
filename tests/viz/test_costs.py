"""Where cost lies, the zoo, the memory of a step, what a unit sees: the right numbers, and what is refused."""

from dataclasses import asdict

import numpy as np
import pytest

from minidl import cost, models, nn, viz
from minidl.models._published import PUBLISHED
from minidl.viz._figure import BLUE, INK, ORANGE, to_page
from minidl.viz.cost import BARS, on, plot_cost, shades
from minidl.viz.field import plot_field
from minidl.viz.memory import BANDS, plot_memory
from minidl.viz.zoo import plot_zoo


def counted(name):
    with nn.init.unfilled():
        return cost.count(models.get_model(name))


@pytest.fixture(scope="module")
def parts():
    return cost.parts(counted("resnet18"))


@pytest.fixture(scope="module")
def moments():
    with nn.init.unfilled():
        found = cost.memory(models.get_model("lenet5_modern"), batch=4, optimizer="adam")
    return [asdict(moment) for moment in found.moments]


NETS = [
    {"name": "one", "year": 2012, "macs": 10**9, "parameters": 60_000_000, "top1": 60.0, "data": "ImageNet"},
    {"name": "two", "year": 2019, "macs": 10**8, "parameters": 5_000_000, "top1": 75.0, "data": "ImageNet"},
    {"name": "alone", "year": 2015, "macs": 10**7, "parameters": 300_000, "top1": 92.0, "data": "MNIST"},
    {"name": "unknown"},
]


@pytest.mark.parametrize("name", ["vgg16", "resnet18", "efficientnet_b0", "googlenet", "densenet121", "lenet5"])
@pytest.mark.parametrize("most", [16, 3])
def test_parts_hold_all_that_a_network_costs(name, most):
    found = counted(name)
    made = cost.parts(found, most)
    assert len(made) <= most
    for column in ("parameters", "macs", "flops", "activation_bytes"):
        assert sum(part[column] for part in made) == getattr(found, column)


def test_bars_are_shares_of_their_sums(parts):
    (axes,) = plot_cost(parts).axes
    widths = np.array([patch.get_width() for patch in axes.patches]).reshape(len(BARS), len(parts))
    lefts = np.array([patch.get_x() for patch in axes.patches]).reshape(len(BARS), len(parts))
    for row, column in enumerate(BARS):
        values = np.array([part[column] for part in parts])
        np.testing.assert_allclose(widths[row], values / values.sum(), atol=1e-12)
        np.testing.assert_allclose(lefts[row], np.cumsum(widths[row]) - widths[row], atol=1e-12)
    said = {text.get_text() for text in axes.texts}
    assert {"11.7 M", "1.81 G", "layer4", "72%"} <= said
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [part["name"] for part in parts]


def test_words_in_a_bar_can_be_read_on_it():
    assert (on((0, 0, 0)), on((1, 1, 1)), on((0.27, 0.0, 0.33)), on((0.99, 0.91, 0.14))) == (
        "white", "black", "white", "black",
    )  # fmt: skip
    assert len({*shades(16)}) == 16


def test_bubbles_stand_where_their_numbers_are():
    figure = plot_zoo(NETS)
    (axes,) = figure.axes
    (bubbles,) = axes.collections
    assert bubbles.get_offsets().tolist() == [[1e9, 60.0], [1e8, 75.0]]  # the large one behind
    areas = bubbles.get_sizes()
    assert areas[0] / areas[1] == pytest.approx(12)
    assert {"one", "two"} == {text.get_text() for text in axes.texts}
    assert figure._supxlabel.get_text().endswith("top-1 of just this network: alone, unknown")


def test_every_published_number_belongs_to_a_network_and_is_no_typing_mistake():
    assert set(PUBLISHED) <= set(models.list_models())
    for name, one in PUBLISHED.items():
        low, high = {"ImageNet": (57, 85), "CIFAR-10": (91, 96)}[one.data]
        assert low <= one.top1 <= high, name
        assert one.source
        assert ("cifar" in name) == (one.data == "CIFAR-10"), name
    for names in ([f"efficientnet_b{i}" for i in range(8)],
                  ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"],
                  ["resnet20_cifar", "resnet32_cifar", "resnet44_cifar", "resnet56_cifar", "resnet110_cifar"],
                  ["preact_resnet110_cifar", "preact_resnet164_cifar", "preact_resnet1001_cifar"],
                  ["densenet121", "densenet169", "densenet201"]):  # fmt: skip
        assert [PUBLISHED[name].top1 for name in names] == sorted(PUBLISHED[name].top1 for name in names)


def test_the_timeline_is_as_high_as_what_is_live(moments):
    (axes,) = plot_memory(moments).axes
    names = [name for kind, (name, _) in BANDS.items() if any(moment[kind] for moment in moments)]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == names
    live = [sum(moment[kind] for kind in BANDS) for moment in moments]
    top = axes.collections[-1].get_paths()[0].vertices
    assert top[:, 1].max() == pytest.approx(max(live) / 2**10)
    assert axes.get_ylabel() == "live KiB"
    highest = moments[int(np.argmax(live))]
    assert any(f"{highest['phase']} of {highest['op']}" in text.get_text() for text in axes.texts)
    assert {"forward", "backward"} <= {text.get_text() for text in axes.texts}


def test_a_field_has_its_frames_and_dims_what_lies_outside():
    gradient = np.zeros((20, 30))
    gradient[5:9, 10:16] = 1.0
    left, right = plot_field(np.ones((3, 20, 30)), gradient, (range(4, 12), range(-3, 20))).axes
    for axes in (left, right):
        frames = {patch.get_edgecolor()[:3]: patch.get_bbox().bounds for patch in axes.patches[1::2]}
        by_name = {
            colour: frames[tuple(int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5))] for colour in (BLUE, ORANGE)
        }
        assert by_name == {BLUE: (-3.5, 3.5, 23, 8), ORANGE: (9.5, 4.5, 6, 4)}
    shown = left.get_images()[0].get_array()
    assert (shown[4:12, :20] == shown[4, 0]).all()
    assert (shown[12:] != shown[4, 0]).all()
    assert left.get_title() == "theoretical field: 8 × 23 pixels of the picture"
    assert right.get_title() == "empirical field: 4 × 6 pixels of the picture"
    without = plot_field(np.ones((1, 8, 8)), np.zeros((8, 8))).axes
    assert [axes.get_title() for axes in without] == [
        "theoretical field: no rule for it", "empirical field: no pixel has a gradient",
    ]  # fmt: skip


def figures(parts, moments):
    return [
        plot_cost(parts, title="resnet18"),
        plot_zoo(NETS),
        plot_memory(moments),
        plot_field(np.ones((3, 9, 9)), np.eye(9), (range(9), range(9)), title="9"),
    ]


def test_on_a_page_they_take_the_colour_of_the_text(parts, moments):
    for figure in figures(parts, moments):
        text = to_page(figure, "x", "y")
        assert INK not in text
        assert "currentColor" in text


@pytest.mark.parametrize(
    ("draw", "wrong", "error", "says"),
    [
        (viz.draw_cost, [], ValueError, "draw_cost: there are no parts"),
        (viz.draw_cost, [{"name": "a", "parameters": -1}], ValueError, "a must have an int >= 0 as 'parameters'"),
        (viz.draw_cost, 3, TypeError, "draw_cost: parts must be a list of rows"),
        (viz.draw_zoo, NETS[2:], ValueError, "draw_zoo: needs two networks of one data set with a published top-1"),
        (viz.draw_zoo, [NETS[0] | {"macs": 0}], ValueError, "draw_zoo: one must have a number > 0 as 'macs'"),
        (viz.draw_zoo, "nets", TypeError, "draw_zoo: networks must be a list of rows"),
        (viz.draw_memory, [], ValueError, "draw_memory: there are no moments"),
        (
            viz.draw_memory,
            [{"op": "a", "path": "", "phase": "forward"}],
            ValueError,
            "moment 0 must have an int >= 0 as",
        ),
        (viz.draw_memory, [{"op": 3}], ValueError, "draw_memory: moment 0 must have a str as 'op'"),
    ],
)
def test_what_cannot_be_drawn_is_refused(tmp_path, draw, wrong, error, says):
    with pytest.raises(error, match=says):
        draw(tmp_path / "x.png", wrong)
    with pytest.raises(ValueError, match="path must end in"):
        draw(tmp_path / "x.jpg", wrong)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("picture", "gradient", "expected", "error", "says"),
    [
        (np.ones((3, 8, 8)), np.ones((8, 9)), None, ValueError, r"gradient must be \(H, W\) of the picture, \(8, 8\)"),
        (np.ones((8, 8)), np.ones((8, 8)), None, ValueError, r"picture must be a picture \(C, H, W\)"),
        (np.ones((3, 8, 8)), np.full((8, 8), np.nan), None, ValueError, "gradient must be finite"),
        (np.ones((3, 8, 8)), np.ones((8, 8)), (1, 2), TypeError, "expected must be two ranges, of rows and columns"),
    ],
)
def test_what_is_no_field_is_refused(tmp_path, picture, gradient, expected, error, says):
    with pytest.raises(error, match=says):
        viz.draw_field(tmp_path / "x.png", picture, gradient, expected)
