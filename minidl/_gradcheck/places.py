"""Say in a few words where the wrong elements of a gradient lie."""

from __future__ import annotations

import numpy as np

from minidl._gradcheck.evidence import Evidence

PICTURES = ("picture", "channel", "row", "column")
KERNELS = ("kernel", "channel", "row", "column")
MOST = 0.8  # of the elements somewhere must be wrong, if that is what they have in common


def axis_name(name: str, ndim: int, axis: int) -> str:
    """Return what an axis counts: pictures, channels, rows and columns where there are four axes."""
    if ndim == 4:
        return (KERNELS if name.rsplit(".")[-1] in ("w", "dw", "weight") else PICTURES)[axis]
    return PICTURES[2:][axis] if ndim == 2 else "index"


def border(wrong: np.ndarray) -> str | None:
    """Describe wrong elements that all lie in the outer rows and columns of the last two axes, or return None.

    Example:
        >>> wrong = np.ones((5, 6), dtype=bool)
        >>> wrong[1:, 1:] = False
        >>> border(wrong)
        'top and left, 1 wide'
    """
    if wrong.ndim < 2 or min(wrong.shape[-2:]) < 3 or not wrong.any():
        return None
    spots: np.ndarray = np.asarray(wrong.any(axis=tuple(range(wrong.ndim - 2))))  # (H, W)
    h, width = spots.shape
    for k in range(1, (min(h, width) - 1) // 2 + 1):
        if spots[k : h - k, k : width - k].any():
            continue
        inner = {  # without the corners, which belong to two sides
            "top": spots[:k, k : width - k],
            "bottom": spots[h - k :, k : width - k],
            "left": spots[k : h - k, :k],
            "right": spots[k : h - k, width - k :],
        }
        sides = [side for side, seen in inner.items() if seen.any()]
        return f"{join(sides) if sides else 'corners'}, {k} wide"
    return None


def parts(e: Evidence) -> tuple[str, str, bool] | None:
    """Tell right from wrong along the one axis that does it best.

    Returns:
        Where the gradient is right, where it is wrong, and whether the right ones are the first ones; None if every
        axis has wrong elements at all of its indices, or too few of them to be more than chance.
    """
    best: tuple[float, str, str, bool] | None = None
    for axis in range(e.wrong.ndim if e.wrong.ndim > 1 else 0):
        others = tuple(a for a in range(e.wrong.ndim) if a != axis)
        bad: np.ndarray = np.asarray(e.wrong.any(axis=others))
        good = ~bad & np.asarray((~e.flat).any(axis=others))
        share = float(bad.mean())
        among = np.compress(bad, e.wrong, axis).sum() >= MOST * np.compress(bad, e.wrong | ~e.flat, axis).sum()
        if among and bad.any() and good.any() and (best is None or share < best[0]):
            name = axis_name(e.name, e.wrong.ndim, axis)
            leading = bool(good[: good.sum()].all() and bad[good.sum() :].all())
            best = share, f"{name} {indices(good)}", f"{name} {indices(bad)} (axis {axis})", leading
    return best[1:] if best else None


def place(e: Evidence, lead: str) -> str:
    """Return where the wrong elements lie, after a few words that lead there, or nothing if it takes many."""
    sides, found = border(e.wrong), parts(e)
    where = f"at the border ({sides})" if sides else f"in {found[1]}" if found else ""
    return f"{lead} {where}" if where else ""


def indices(mask: np.ndarray) -> str:
    """Return the places that are set as "0", "1-3" or "0, 2, 5"."""
    found = [int(i) for i in np.flatnonzero(mask)]
    if len(found) > 2 and found == list(range(found[0], found[-1] + 1)):
        return f"{found[0]}-{found[-1]}"
    return join(found)


def join(values: list | tuple, most: int = 8) -> str:
    """Return "a", "a and b" for words, "0, 2, 5" for numbers, cut off after a few."""
    words = [value if isinstance(value, str) else f"{value:.4g}" for value in values[:most]]
    return (" and " if isinstance(values[0], str) else ", ").join(words) + " …" * (len(values) > most)
