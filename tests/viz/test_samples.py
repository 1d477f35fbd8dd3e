"""Sheets of pictures: every pixel in its place, colours, gaps, refusals."""

import numpy as np
import pytest
from PIL import Image

from minidl import viz
from minidl.viz.samples import sheet


def test_pixels_stand_where_they_belong(rng):
    x = rng.random((5, 1, 32, 32))
    drawn = sheet(x)  # 3 columns, 2 rows, twice as large
    assert drawn.shape == (64 + 4 + 64, 3 * 64 + 2 * 4, 4)
    for number, (top, left) in enumerate([(0, 0), (0, 68), (0, 136), (68, 0), (68, 68)]):
        for row, column in ((0, 0), (1, 1)):
            tile = drawn[top + row : top + 64 : 2, left + column : left + 64 : 2]
            np.testing.assert_allclose(tile[..., :3], np.repeat(x[number, 0, ..., None], 3, axis=2), atol=0.5 / 255)
            assert (tile[..., 3] == 1).all()
    assert not drawn[:, 64:68].any()
    assert not drawn[68:, 136:].any()


def test_colours_and_bytes(rng):
    x = rng.integers(0, 256, (2, 3, 100, 80), dtype=np.uint8)
    drawn = sheet(x, columns=1)
    assert drawn.shape == (204, 80, 4)
    np.testing.assert_allclose(drawn[104:, :, :3] * 255, x[1].transpose(1, 2, 0))
    assert sheet(x[:1], columns=9).shape == (100, 80, 4)


def test_dark_pictures_stay_dark(tmp_path):
    """Every picture has the same scale: one that is nearly black is not stretched."""
    viz.draw_samples(tmp_path / "x.png", np.full((1, 1, 64, 64), 0.1))
    with Image.open(tmp_path / "x.png") as drawn:
        assert drawn.size == (80, 80)
        assert drawn.getpixel((0, 0))[:3] == (255, 255, 255)
        assert drawn.getpixel((40, 40))[:3] == (26, 26, 26)


@pytest.mark.parametrize(
    ("pictures", "message"),
    [
        (np.zeros((1, 8, 8)), r"^draw_samples: pictures must be \(N, C, H, W\), .*shape \(1, 8, 8\)$"),
        (np.zeros((0, 1, 8, 8)), r"^draw_samples: pictures must be \(N, C, H, W\), no axis of it empty"),
        (np.full((1, 1, 2, 2), -0.5), r"^draw_samples: pictures must be from 0 to 1, .*from -0.5 to -0.5$"),
        (np.full((1, 1, 2, 2), np.nan), r"^draw_samples: pictures must be from 0 to 1, .*from nan to nan$"),
    ],
)
def test_refusals(pictures, message):
    with pytest.raises(ValueError, match=message):
        sheet(pictures)
    with pytest.raises(ValueError, match=r"^draw_samples: columns must be an int >= 1"):
        sheet(np.zeros((1, 1, 2, 2)), 0)
