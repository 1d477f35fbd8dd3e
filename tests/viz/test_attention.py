"""Where a network looks: a cell for each pair of symbols, as dark as its share."""

import numpy as np
import pytest
from matplotlib.colors import to_rgb

from minidl import viz
from minidl.viz._figure import BLUE
from minidl.viz.attention import PIXELS, plot_attention


def test_cells_show_their_share(rng):
    weights = rng.dirichlet(np.ones(4), (2, 3))
    figure = plot_attention(weights, ["c", "b", "<a>"], list("abcd"), title="backwards")
    assert [axes.get_title() for axes in figure.axes] == ["layer 1", "layer 2"]
    for axes, shares in zip(figure.axes, weights, strict=True):
        cells = axes.get_images()[0].get_array()[5::PIXELS, 5::PIXELS]
        np.testing.assert_allclose(cells[..., 3], shares)
        assert (cells[..., :3] == to_rgb(BLUE)).all()
        assert [text.get_text() for text in axes.get_yticklabels()] == ["c", "b", "<a>"]
        assert [text.get_text() for text in axes.get_xticklabels()] == list("abcd")


@pytest.mark.parametrize(
    "weights",
    [np.ones((3, 4)) / 4, np.ones((0, 3, 4)), np.ones((1, 4, 3)) / 3, np.ones((1, 3, 4)), np.ones((1, 3, 65)) / 65],
)
def test_what_is_no_share_is_refused(weights, tmp_path):
    names = list("abcd") if weights.shape[-1] < 65 else ["a"] * 65
    with pytest.raises(
        ValueError, match=r"draw_attention: weights must be shares \(layers, written, read\) = .*shape="
    ):
        viz.draw_attention(tmp_path / "x.png", weights, list("cba"), names)
