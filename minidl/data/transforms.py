"""Changes of pictures, on arrays (N, C, H, W).

`interpolate` enlarges a picture. A pixel is a little square; its number is the value at its centre. Output pixel i of
S' lies at the place u = (i + 1/2) · S / S' - 1/2 of the old row, between the old pixels ⌊u⌋ and ⌊u⌋ + 1, and takes from
each the more, the nearer it is:

    y[i] = (1 - f) · x[⌊u⌋] + f · x[⌊u⌋ + 1],   f = u - ⌊u⌋        u is held between the first and the last centre

That is linear in x: a matrix A (S', S) with at most two numbers in each row. In two directions it is Y = A X Aᵀ.
"""

from __future__ import annotations

import numpy as np

from minidl._checks import check_rank, to_pair


def interpolation_matrix(old: int, new: int) -> np.ndarray:
    """Return the matrix A (new, old) that takes a row of `old` pixels to `new`.

    Example:
        >>> interpolation_matrix(2, 4)
        array([[1.  , 0.  ],
               [0.75, 0.25],
               [0.25, 0.75],
               [0.  , 1.  ]])
    """
    place = ((np.arange(new) + 0.5) * old / new - 0.5).clip(0, old - 1)
    distance = np.abs(place[:, None] - np.arange(old))  # (new, old)
    return np.maximum(0, 1 - distance)


def interpolate(x: np.ndarray, size: int | tuple[int, int]) -> np.ndarray:
    """Bring pictures to another size by linear interpolation in both directions; meant for enlarging.

    Args:
        x: pictures (N, C, H, W).
        size: the new (H, W), or one int for both.

    Returns:
        Pictures (N, C, *size) in the dtype of x.

    Raises:
        ValueError: if x has no four axes or the size is not positive.

    Example:
        >>> import numpy as np
        >>> interpolate(np.array([[[[0.0, 1.0]]]]), (1, 4))
        array([[[[0.  , 0.25, 0.75, 1.  ]]]])
    """
    check_rank("interpolate", "x", x.shape, "N, C, H, W")
    rows, columns = to_pair("interpolate", "size", size, least=1)
    down = interpolation_matrix(x.shape[2], rows)  # (H', H)
    across = interpolation_matrix(x.shape[3], columns)  # (W', W)
    return (down @ x @ across.T).astype(x.dtype)


def shift(x: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Move every picture by whole pixels; what moves in repeats the pixels of the edge.

    Args:
        x: pictures (N, C, H, W).
        steps: for each picture how far down and to the right, integers (N, 2); negative is up and to the left.

    Returns:
        New pictures (N, C, H, W).

    Raises:
        ValueError: if the shapes do not fit.

    Example:
        >>> import numpy as np
        >>> shift(np.array([[[[1, 2, 3]]]]), np.array([[0, 1]]))
        array([[[[1, 1, 2]]]])
    """
    check_rank("shift", "x", x.shape, "N, C, H, W")
    if steps.shape != (len(x), 2):
        raise ValueError(
            f"shift: steps must be (down, right) for each picture, shape ({len(x)}, 2); steps.shape={steps.shape}"
        )
    h, width = x.shape[2:]
    most = int(np.abs(steps).max(initial=0))
    padded = np.pad(x, ((0, 0), (0, 0), (most, most), (most, most)), mode="edge")
    moved = np.empty_like(x)
    for picture, source, (down, right) in zip(moved, padded, steps):
        top, left = most - down, most - right
        picture[...] = source[:, top : top + h, left : left + width]
    return moved
