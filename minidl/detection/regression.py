"""From a box to a better one: what a linear regression is asked for, and how it is learnt in closed form.

A proposal P has its centre at (px, py) and sides pw, ph; the box that it should have been, G, has gx, gy, gw, gh.
What has to be learnt must be the same for a small cat and for a large one, wherever it sits. So a shift is counted in
sides of the proposal, and a size as a factor, of which the logarithm is taken, so that twice and half are equally far:

    tx = (gx - px) / pw        ty = (gy - py) / ph        tw = log(gw / pw)        th = log(gh / ph)

Solved for G, that is the way back: gx = pw · tx + px, gw = pw · exp(tw), and the same for y and h.

Each of the four is a linear function of the features f of the proposal, t ≈ f · w + b. Plain least squares would take
any weights that fit the few hundred pairs of a class; ridge regression asks for small ones:

    L(w, b) = Σ (f · w + b - t)² + λ |w|²

∂L/∂b = 0 gives b = mean(t) - mean(f) · w: with f and t taken from their means, X and T, there is no b left, and

    ∂L/∂w = 2 Xᵀ(X w - T) + 2 λ w = 0        so        w = (XᵀX + λ I)⁻¹ Xᵀ T

For fewer pairs than features the same w costs less: Xᵀ(X Xᵀ + λ I) = (XᵀX + λ I) Xᵀ, hence w = Xᵀ (X Xᵀ + λ I)⁻¹ T.

Source: Girshick et al., "Rich feature hierarchies …" (arXiv:1311.2524), appendix C; λ = 1000 there.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minidl._checks import check_positive
from minidl.data.boxes._boxes import to_array, to_boxes


def encode_boxes(boxes: Any, references: Any) -> np.ndarray:
    """Return what turns references into boxes: shifts in sides of the reference, and logarithms of the growth.

    Args:
        boxes: (N, 4) of x1, y1, x2, y2: what should be there.
        references: (N, 4): what was proposed.

    Returns:
        (N, 4) of tx, ty, tw, th, float64.

    Raises:
        ValueError: if something is no box, has no size, or there are not as many of both.

    Example:
        >>> encode_boxes([[10, 0, 30, 20]], [[0, 0, 20, 40]]).round(4)  # half a side to the right, half as high
        array([[ 0.5   , -0.25  ,  0.    , -0.6931]])
    """
    goal, from_ = _pairs("encode_boxes", "boxes", to_boxes("encode_boxes", "boxes", boxes), references)
    if (goal[1] <= 0).any():
        raise ValueError(
            f"encode_boxes: a box without size has no logarithm; boxes[{int((goal[1] <= 0).any(axis=1).argmax())}]"
        )
    return np.concatenate([(goal[0] - from_[0]) / from_[1], np.log(goal[1] / from_[1])], axis=1)


def decode_boxes(offsets: Any, references: Any) -> np.ndarray:
    """Return the boxes that references become: the inverse of `encode_boxes`.

    Args:
        offsets: (N, 4) of tx, ty, tw, th.
        references: (N, 4) of x1, y1, x2, y2.

    Returns:
        (N, 4) of x1, y1, x2, y2, float64.

    Raises:
        ValueError: if a reference is no box or has no size, or there are not as many of both.

    Example:
        >>> decode_boxes([[0.5, -0.25, 0.0, np.log(0.5)]], [[0, 0, 20, 40]])
        array([[10.,  0., 30., 20.]])
    """
    t = to_array("decode_boxes", "offsets", offsets)
    if t.ndim != 2 or t.shape[1] != 4:
        raise ValueError(f"decode_boxes: offsets must be (N, 4) of tx, ty, tw, th; offsets.shape={t.shape}")
    _, (centre, sides) = _pairs("decode_boxes", "offsets", t, references)
    t = t.astype(np.float64)
    middle, half = centre + t[:, :2] * sides, sides * np.exp(t[:, 2:]) / 2
    return np.concatenate([middle - half, middle + half], axis=1)


def ridge(x: Any, t: Any, strength: float = 1000.0) -> tuple[np.ndarray, np.ndarray]:
    """Return weights and bias of the linear regression whose weights are held small; the bias is not.

    Args:
        x: features (N, D), N at least 1.
        t: what they should give (N, M).
        strength: λ, greater than 0; default 1000, the paper's.

    Returns:
        w (D, M) and b (M,), float64: x @ w + b is near to t.

    Raises:
        ValueError: if shapes do not fit, or strength is not positive.

    Example:
        >>> w, b = ridge([[0.0], [2.0]], [[1.0], [5.0]], strength=2.0)  # Σ(x - 1)² = 2, so half of the slope 2 is left
        >>> w, b
        (array([[1.]]), array([2.]))
    """
    check_positive("ridge", "strength", strength)
    x, t = (to_array("ridge", name, value).astype(np.float64) for name, value in (("x", x), ("t", t)))
    if x.ndim != 2 or t.ndim != 2 or len(x) != len(t) or not len(x):
        raise ValueError(f"ridge: expects x (N, D) and t (N, M), N >= 1; x.shape={x.shape}, t.shape={t.shape}")
    means = x.mean(axis=0), t.mean(axis=0)
    x, t = x - means[0], t - means[1]
    n, d = x.shape
    if n < d:
        w = x.T @ np.linalg.solve(x @ x.T + strength * np.eye(n), t)
    else:
        w = np.linalg.solve(x.T @ x + strength * np.eye(d), x.T @ t)
    return w, means[1] - means[0] @ w


def _pairs(op: str, name: str, values: np.ndarray, references: Any) -> tuple[Any, Any]:
    """Return centres and sides of both, once they are pairs and the references have a size."""
    from_ = to_boxes(op, "references", references).astype(np.float64)
    if len(values) != len(from_):
        raise ValueError(f"{op}: expects a reference for each; received {len(values)} {name}, {len(from_)} references")
    sides = from_[:, 2:] - from_[:, :2]
    if (sides <= 0).any():
        raise ValueError(
            f"{op}: a reference without size measures nothing; references[{int((sides <= 0).any(axis=1).argmax())}] = "
            f"{from_[(sides <= 0).any(axis=1).argmax()].tolist()}"
        )
    values = values.astype(np.float64)
    both = (values[:, :2] + values[:, 2:]) / 2, values[:, 2:] - values[:, :2]
    return both, ((from_[:, :2] + from_[:, 2:]) / 2, sides)
