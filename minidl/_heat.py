"""Numbers as colours: what a notebook shows of a tensor beside its shape and dtype.

A picture of three channels has its own colours. Of all else each number is a small square: grey from black for 0 (or
the least number) to white for the greatest; where some are negative, white is 0, blue is below and orange above. What
is not finite stands out in magenta. Only what is shown is fetched from a GPU, and never more than `MOST` numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl import _backend
from minidl._backend import Array
from minidl._html import Html, element, faint, folded, heading, image, or_plain, pre

MOST = 1 << 18  # numbers that are looked at
SIDE = 128  # pixels of one picture on the screen, if there is room for one
SMALL = 80  # and of several
WIDE = 192  # pixels of a matrix at most
STEPS = 100  # colours to either side of 0: more the eye cannot tell apart, and fewer make small files
LEAST = 8  # pixels that something has at least, to be a picture in colours
PLATES = 4  # pictures side by side
NOT_FINITE = (214, 39, 190)
BLUE, ORANGE = np.array([36, 112, 173]), np.array([194, 84, 0])


def as_rgb(x: np.ndarray) -> np.ndarray:
    """Return a picture as a viewer would show it.

    Args:
        x: (C, H, W), C = 3 for red, green and blue; other numbers of channels are averaged to grey. uint8 is shown as
            it is, floats from 0 to 1 likewise; other numbers are stretched from their least to their greatest.

    Returns:
        uint8 (H, W, 3).

    Example:
        >>> as_rgb(np.array([[[-2.0, 0.0, 2.0]]]))[0, :, 0]
        array([  0, 128, 255], dtype=uint8)
    """
    x = np.asarray(x)
    if x.dtype != np.uint8:
        x = np.nan_to_num(x.astype(np.float64), nan=0.0, posinf=0.0, neginf=0.0)
        low, high = (0.0, 1.0) if x.min() >= 0 and x.max() <= 1 else (x.min(), x.max())
        x = 255 * (x - low) / ((high - low) or 1.0)
    if len(x) != 3:
        x = np.repeat(x.mean(axis=0, keepdims=True), 3, axis=0)
    return np.rint(x).astype(np.uint8).transpose(1, 2, 0)


def shrink(x: np.ndarray, most: int) -> np.ndarray:
    """Average windows of the last two axes, so that neither has more than `most`; small ones stay as they are.

    Example:
        >>> shrink(np.arange(8.0).reshape(1, 2, 4), 2)
        array([[[2.5, 4.5]]])
    """
    h, width = x.shape[-2:]
    factor = -(-max(h, width) // most)
    if factor <= 1:
        return x
    rows, columns = np.arange(0, h, factor), np.arange(0, width, factor)
    sums = np.add.reduceat(np.add.reduceat(x.astype(np.float64), rows, axis=-2), columns, axis=-1)
    heights, widths = np.diff([*rows, h]), np.diff([*columns, width])  # the last window may be smaller
    return (sums / np.outer(heights, widths)).astype(x.dtype)


def colours(x: np.ndarray) -> np.ndarray:
    """Return the colours of numbers: (H, W) -> uint8 (H, W, 3).

    Example:
        >>> colours(np.array([[0.0, 1.0]]))[0].tolist(), colours(np.array([[-1.0, 0.0]]))[0].tolist()
        ([[0, 0, 0], [255, 255, 255]], [[36, 112, 173], [255, 255, 255]])
    """
    x = np.asarray(x, dtype=np.float64)
    finite = np.isfinite(x)
    values = np.where(finite, x, 0.0)
    low, high = (float(values[finite].min()), float(values[finite].max())) if finite.any() else (0.0, 0.0)
    if low < 0:
        part = np.rint(STEPS * np.clip(values / max(-low, high), -1, 1))[..., None] / STEPS
        rgb = 255 + np.where(part < 0, BLUE - 255, ORANGE - 255) * np.abs(part)
    else:
        low = 0.0 if low < high / 2 else low  # what begins far from 0 is stretched
        rgb = np.repeat(255 * np.clip((values - low) / ((high - low) or 1.0), 0, 1)[..., None], 3, axis=-1)
    rgb = np.rint(rgb).astype(np.uint8)
    rgb[~finite] = NOT_FINITE
    return rgb


@or_plain
def shown(tensor: Any) -> str:
    """Return what a notebook shows of a tensor: its numbers in colours, what it is, and its repr, mostly folded."""
    array, notes, text = tensor._data, tensor._notes(), repr(tensor)
    shape = str(tuple(array.shape))
    words = [
        element("div", heading(type(tensor).__name__, f"{shape} {array.dtype}")),
        *([element("div", faint(", ".join(notes)))] if notes else []),
    ]
    plates, caption = _plates(array)
    if array.size > 1:
        words += [element("div", faint(_range(array)))]
    if caption:
        words.append(element("div", faint(caption)))
    small = text.count("\n") < 6 and array.size <= 64
    words.append(pre(text) if small or not plates else folded(faint("numbers"), pre(text)))
    alt = f"the numbers of a tensor of shape {shape} as colours"
    drawn = element("div", *(_img(plate, alt, len(plates)) for plate in plates), style=ROW) if plates else ""
    return element("div", drawn, element("div", *words, style="min-width:0"), style=f"{ROW};gap:1em")


ROW = "display:flex;flex-wrap:wrap;gap:.3em;align-items:flex-start"


def _img(rgb: np.ndarray, alt: str, count: int) -> Html:
    """Return an image whose pixels are squares of a whole number of pixels on the screen."""
    h, width = rgb.shape[:2]
    times = max(1, (SIDE if count == 1 else SMALL) // max(h, width))
    style = "image-rendering:pixelated;max-width:none;border:1px solid rgba(128,128,128,.35)"
    return image(rgb, alt, width=width * times, height=h * times, style=style)


def _plates(array: Array) -> tuple[list[np.ndarray], str]:
    """Return pictures (H, W, 3) of an array's first maps, and what they are; none of what is no matrix."""
    shape = tuple(array.shape)
    if len(shape) < 2 or 0 in shape or max(shape[-2:]) < 2:
        return [], ""
    while array.ndim > 4:
        array = array[0]
    in_colours = array.ndim > 2 and array.shape[-3] == 3 and min(array.shape[-2:]) >= LEAST
    if array.ndim == 4 and not in_colours:
        array = array[0] if array.shape[1] > 1 else array[:, 0]
    count = 1 if array.ndim == (3 if in_colours else 2) else array.shape[0]
    array = array[None] if array.ndim == (3 if in_colours else 2) else array[:PLATES]
    most = WIDE if len(array) == 1 else SMALL
    steps = [max(1, n // (2 * most)) for n in array.shape[-2:]]
    x = _backend.to_numpy(array[..., :: steps[0], :: steps[1]])
    x = shrink(x if x.dtype == np.uint8 else x.astype(np.float64), most)
    if in_colours:
        tall = x.transpose(1, 0, 2, 3).reshape(3, -1, x.shape[-1])  # one above the other, so that they share a scale
        together = as_rgb(tall)
        together[~np.isfinite(tall).all(axis=0)] = NOT_FINITE
        drawn = list(together.reshape(len(x), *x.shape[-2:], 3))
    else:
        together = colours(x.reshape(-1, x.shape[-1]))
        drawn = list(together.reshape(*x.shape, 3))
    return drawn, f"the first {len(drawn)} of {count}" if count > len(drawn) else ""


def _range(array: Array) -> str:
    """Say from where to where the numbers go."""
    whole = array.size
    while array.size > MOST:
        longest = int(np.argmax(array.shape))
        array = array[(slice(None),) * longest + (slice(None, None, 2),)]
    about = "about " if array.size < whole else ""
    x = _backend.to_numpy(array)
    if x.dtype == np.bool_:
        return f"{about}{100 * x.mean():.3g} % are True"
    finite = x[np.isfinite(x)]
    words = []
    if finite.size:
        words.append(f"{about}from {finite.min():.4g} to {finite.max():.4g}, mean {finite.mean(dtype=np.float64):.4g}")
    if finite.size < x.size:
        words.append(f"{100 * (x.size - finite.size) / x.size:.3g} % are NaN or infinite")
    return "; ".join(words)
