"""Linear layers, softmax and cross-entropy as a student writes them: what is checked, and what comes if wrong.

What is right is the formula as it stands, in loops where it has any, or the textbook's, which is proven elsewhere.
"""

from __future__ import annotations

import numpy as np

from minidl.kernels import textbook
from minidl.proof.student.cases import Numbers
from minidl.proof.student.kinds import Named, Subject, adjoint, against_formula, finite_differences

LINEARS = (
    Numbers("the smallest", (1, 2), {"features": 1}),
    Numbers("three rows", (3, 4), {"features": 5}),
    Numbers("square", (3, 4), {"features": 4}),
    Numbers("as many rows as features", (4, 4), {"features": 4}),
    Numbers("float32", (3, 2), {"features": 4}, dtype="float32"),
)
MAPS = (
    Numbers("the smallest", (2, 1, 1, 2)),
    Numbers("pictures and channels, not square", (2, 3, 4, 5)),
    Numbers("all sizes the same", (3, 3, 3, 3)),
    Numbers("float32", (2, 2, 3, 2), dtype="float32"),
)
SOFTMAXES = (
    Numbers("the smallest", (1, 2), {"axis": 1}),
    Numbers("three rows", (3, 4), {"axis": 1}),
    Numbers("as many rows as classes", (4, 4), {"axis": 1}),
    Numbers("the first axis", (3, 4), {"axis": 0}),
    Numbers("maps", (2, 3, 2, 2), {"axis": 1}),
    Numbers("large numbers", (2, 3), {"axis": 1, "times": 2000.0}),
    Numbers("float32", (3, 4), {"axis": 1}, dtype="float32"),
)
ENTROPIES = (
    Numbers("the smallest", (1, 2), {"labels": "one-hot"}),
    Numbers("three rows", (3, 4), {"labels": "one-hot"}),
    Numbers("smoothed labels", (4, 3), {"labels": "smoothed"}),
    Numbers("weighted labels", (3, 5), {"labels": "weighted"}),
    Numbers("maps", (2, 3, 2, 2), {"labels": "one-hot"}),
    Numbers("large numbers", (2, 3), {"labels": "one-hot", "times": 2000.0}),
    Numbers("float32", (3, 4), {"labels": "one-hot"}, dtype="float32"),
)


# ------------------------------------------------------------------ the linear layer


def _draw(s: Subject, g: Numbers) -> tuple[np.ndarray, ...]:
    """x, w, b and dy."""
    rng, (n, m), o = np.random.default_rng(s.seed), g.x_shape, g.given["features"]
    return g.draw(rng), g.draw(rng, (o, m)), g.draw(rng, (o,)), g.draw(rng, (n, o))


def _product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Multiply two matrices, sum by sum."""
    y = np.zeros((len(a), b.shape[1]), a.dtype)
    for i, j in np.ndindex(y.shape):
        for k in range(len(b)):
            y[i, j] += a[i, k] * b[k, j]
    return y


def linear_loops(s: Subject, g: Numbers) -> float:
    """y against the loops, with a bias and without."""
    x, w, b, _ = _draw(s, g)
    return max(
        against_formula(
            s,
            (("y", "N, O"),),
            (x, w, bias),
            (_product(x, w.T) + (0 if bias is None else b),),
            lambda bias=bias: of_linear(x, w, bias),  # type: ignore[misc]
        )
        for bias in (b, None)
    )


def of_linear(x: np.ndarray, w: np.ndarray, b: np.ndarray | None) -> Named:
    """Yield wrong products."""
    y, shift, o, m = x @ w.T, 0 if b is None else b, *w.shape
    if b is not None:
        yield "the bias is not added", "y", y
        yield "the bias is taken away, not added", "y", y - b
        yield "the bias is added once for every number of x", "y", y + m * b
        if len(x) == o:
            yield "the bias lies along the rows: one for each picture, not one for each feature", "y", y + b[:, None]
    if o == m:
        yield "w is not transposed: x @ w", "y", x @ w + shift
        yield "the result is transposed", "y", ((y + shift).T if len(x) == o else y)
    yield "w is reshaped where it must be transposed: w.reshape(M, O) is not w.T", "y", x @ w.reshape(m, o) + shift
    yield "the sum is divided by the number of features of x", "y", y / m + shift
    yield "only the first number of each row of x is counted", "y", x[:, :1] @ w[:, :1].T + shift
    yield "only the last number of each row of x is counted (`=` stands for `+=`)", "y", x[:, -1:] @ w[:, -1:].T + shift


def linear_dx_formula(s: Subject, g: Numbers) -> float:
    """dx against the loops."""
    _, w, _, dy = _draw(s, g)
    return against_formula(s, (("dx", "N, M"),), (dy, w), (_product(dy, w),), lambda: of_linear_dx(dy, w))


def of_linear_dx(dy: np.ndarray, w: np.ndarray) -> Named:
    """Yield wrong gradients of x."""
    n, (o, m) = len(dy), w.shape
    if o == m:
        yield "w is transposed, as it is forward: dy @ w.T", "dx", dy @ w.T
    yield "w is reshaped: dy @ w.T.reshape(O, M)", "dx", dy @ w.T.reshape(o, m)
    yield "dx is divided by the number of rows", "dx", dy @ w / n
    yield "dx is divided by the number of features of y", "dx", dy @ w / o
    yield (
        "the rows are added up: every picture gets the sum",
        "dx",
        np.repeat((dy @ w).sum(0, keepdims=True), n, axis=0),
    )
    yield "only the first feature of y is counted", "dx", dy[:, :1] @ w[:1]
    yield "only the last feature of y is counted (`=` stands for `+=`)", "dx", dy[:, -1:] @ w[-1:]
    yield "dy is forgotten", "dx", np.repeat(w.sum(0, keepdims=True), n, axis=0)


def linear_dw_formula(s: Subject, g: Numbers) -> float:
    """dw against the loops."""
    x, _, _, dy = _draw(s, g)
    return against_formula(s, (("dw", "O, M"),), (dy, x), (_product(dy.T, x),), lambda: of_linear_dw(dy, x))


def of_linear_dw(dy: np.ndarray, x: np.ndarray) -> Named:
    """Yield wrong gradients of w."""
    dw, n = dy.T @ x, len(x)
    yield (
        "the product is x.T @ dy, (M, O), and is reshaped where it must be transposed",
        "dw",
        (x.T @ dy).reshape(dw.shape),
    )
    yield "the rows are averaged, not added up", "dw", dw / n
    yield "only the last picture is counted (`=` stands for `+=` over the batch)", "dw", dy[-1:].T @ x[-1:]
    yield "only the first picture is counted", "dw", dy[:1].T @ x[:1]
    yield "all pictures but the last are counted (range stops before it)", "dw", dy[:-1].T @ x[:-1]
    yield "dy is forgotten", "dw", np.repeat(x.sum(0, keepdims=True), dy.shape[1], axis=0)
    yield "x is forgotten", "dw", np.repeat(dy.sum(0)[:, None], x.shape[1], axis=1)
    yield "x is added up over the pictures before it is multiplied", "dw", np.outer(dy.sum(0), x.sum(0))
    yield "x and dy are averaged over the pictures before they are multiplied", "dw", np.outer(dy.mean(0), x.mean(0))


def linear_dx_adjoint(s: Subject, g: Numbers) -> float:
    """<linear(x), dy> = <x, linear_dx(dy)>."""
    w, (n, _), o = np.rint(3 * _draw(s, g)[1]).astype(g.dtype), g.x_shape, g.given["features"]
    return adjoint(s, g, ("linear", lambda x: x @ w.T), lambda dy: s.function(dy, w), (g.x_shape, (n, o)))


def linear_dw_adjoint(s: Subject, g: Numbers) -> float:
    """<linear(w), dy> = <w, linear_dw(dy)>."""
    x, (n, m), o = np.rint(3 * _draw(s, g)[0]).astype(g.dtype), g.x_shape, g.given["features"]
    return adjoint(s, g, ("linear", lambda w: x @ w.T), lambda dy: s.function(dy, x), ((o, m), (n, o)))


def channel_sums_loops(s: Subject, g: Numbers) -> float:
    """db against the loops."""
    dy = g.draw(np.random.default_rng(s.seed))
    right = np.array([sum(float(v) for v in dy[:, c].ravel()) for c in range(dy.shape[1])]).astype(g.dtype)
    return against_formula(s, (("db", "O"),), (dy,), (right,), lambda: of_channel_sums(dy))


def of_channel_sums(dy: np.ndarray) -> Named:
    """Yield wrong sums."""
    db = dy.sum(axis=(0, 2, 3))
    yield "the numbers are averaged, not added up", "db", dy.mean(axis=(0, 2, 3))
    yield "the pictures are averaged, not added up", "db", db / len(dy)
    yield "the pixels are averaged, not added up", "db", db / (dy.shape[2] * dy.shape[3])
    yield "only the first picture is counted", "db", dy[0].sum(axis=(1, 2))
    yield "only the last picture is counted (`=` stands for `+=` over the batch)", "db", dy[-1].sum(axis=(1, 2))
    for what, axes in (("pixels", (0, 1)), ("pictures", (1, 2, 3)), ("rows", (0, 1, 3)), ("columns", (0, 1, 2))):
        sums = dy.sum(axis=axes)
        if sums.shape == db.shape:
            yield f"one sum for each of the {what}, not for each channel", "db", sums


# ------------------------------------------------------------------ softmax


def _logits(s: Subject, g: Numbers, rng: np.random.Generator) -> np.ndarray:
    return (g.draw(rng) * g.given.get("times", 1.0)).astype(g.dtype)


def softmax_loops(s: Subject, g: Numbers) -> float:
    """y against the formula, on large numbers, too, whose exponential is inf."""
    x, axis = _logits(s, g, np.random.default_rng(s.seed)), g.given["axis"]
    with np.errstate(all="ignore"):
        right = (textbook.softmax(x, axis),)
        return against_formula(s, (("y", "like x"),), (x, axis), right, lambda: of_softmax(x, axis))


def of_softmax(x: np.ndarray, axis: int) -> Named:
    """Yield wrong softmaxes."""
    e = np.exp(x)
    largest = x.max(axis=axis, keepdims=True)
    for other in range(x.ndim):
        if other != axis:
            what = f"the sum runs over axis {other}, not over the axis that is asked for"
            for top in (x.max(axis=other, keepdims=True), largest):
                yield what, "y", np.exp(x - top) / np.exp(x - top).sum(axis=other, keepdims=True)
    for top in (x.max(), largest):
        yield "the sum runs over all numbers, not along one axis", "y", np.exp(x - top) / np.exp(x - top).sum()
    plain = e / e.sum(axis=axis, keepdims=True)
    if not np.isfinite(plain).all():
        yield "the largest number is not taken off before exp, which overflows", "y", plain
        yield "the largest number is not taken off before exp, which overflows", "y", e
    shared = np.exp(x - x.max())
    shared /= shared.sum(axis=axis, keepdims=True)
    if not np.isfinite(shared).all():
        yield "the largest number of all rows is taken off, not that of each row, which underflows", "y", shared
    yield "the sum is forgotten: exp(x)", "y", e
    yield "the sum is forgotten: exp(x - max)", "y", np.exp(x - largest)
    yield "the numbers are divided by their sum without exp", "y", x / x.sum(axis=axis, keepdims=True)
    yield "it is sigmoid: each number by itself", "y", 1 / (1 + np.exp(-x))
    yield "it is log softmax", "y", x - largest - np.log(np.exp(x - largest).sum(axis=axis, keepdims=True))
    if np.isfinite(plain).all():
        yield "exp is divided by the largest, not by the sum", "y", e / e.max(axis=axis, keepdims=True)
        yield "exp is averaged, not added up: the sum of y is the number of classes", "y", plain * x.shape[axis]
    two = 2.0 ** (x - largest)
    yield "2 stands for e: powers of 2", "y", two / two.sum(axis=axis, keepdims=True)
    down = np.exp(x.min(axis=axis, keepdims=True) - x)
    yield "the sign of the exponent: exp(-x)", "y", down / down.sum(axis=axis, keepdims=True)


def softmax_dx_formula(s: Subject, g: Numbers) -> float:
    """dx against the formula."""
    rng, axis = np.random.default_rng(s.seed), g.given["axis"]
    y, dy = textbook.softmax(g.draw(rng), axis), g.draw(rng)
    right = (textbook.softmax_dx(dy, y, axis),)
    return against_formula(s, (("dx", "like y"),), (dy, y, axis), right, lambda: of_softmax_dx(dy, y, axis))


def of_softmax_dx(dy: np.ndarray, y: np.ndarray, axis: int) -> Named:
    """Yield wrong gradients of softmax."""
    mean = (dy * y).sum(axis=axis, keepdims=True)
    yield "the sum is forgotten: dy·y", "dx", dy * y
    yield "only each number's effect on itself is counted: dy·y·(1 - y)", "dx", dy * y * (1 - y)
    yield "y in front is forgotten", "dx", dy - mean
    yield "the sum is added, not taken away", "dx", y * (dy + mean)
    yield "the sign: the sum minus dy", "dx", y * (mean - dy)
    yield "dy is averaged without y in the sum", "dx", y * (dy - dy.mean(axis=axis, keepdims=True))
    yield "y is left out of the sum", "dx", y * (dy - dy.sum(axis=axis, keepdims=True))
    yield "the sum is a mean", "dx", y * (dy - mean / y.shape[axis])
    yield "the sum runs over all numbers", "dx", y * (dy - (dy * y).sum())
    yield "y is not multiplied with the sum", "dx", y * dy - mean
    for other in range(y.ndim):
        if other != axis:
            yield f"the sum runs over axis {other}", "dx", y * (dy - (dy * y).sum(axis=other, keepdims=True))


def softmax_dx_differences(s: Subject, g: Numbers) -> float:
    """softmax_dx as the gradient of softmax."""
    x, axis = np.random.default_rng(s.seed).standard_normal(g.x_shape), g.given["axis"]
    y = textbook.softmax(x, axis)
    return finite_differences(s, x, lambda x: textbook.softmax(x, axis), lambda dy: s.function(dy, y, axis), "x")


# ------------------------------------------------------------------ cross-entropy


def _labels(g: Numbers, rng: np.random.Generator) -> np.ndarray:
    """t like x: 1 for the right class, or numbers for several."""
    classes = g.x_shape[1]
    hot = np.moveaxis(np.eye(classes)[rng.integers(0, classes, (g.x_shape[0], *g.x_shape[2:]))], -1, 1)
    if g.given["labels"] == "smoothed":
        hot = 0.75 * hot + 0.25 / classes
    if g.given["labels"] == "weighted":
        hot = hot * rng.uniform(0.5, 2.0, g.x_shape)
    return np.ascontiguousarray(hot.astype(g.dtype))


def cross_entropy_loops(s: Subject, g: Numbers) -> float:
    """The loss and log p against the formula, on large numbers, too."""
    rng = np.random.default_rng(s.seed)
    x, t = _logits(s, g, rng), _labels(g, rng)
    parts = ("loss", ""), ("log_p", "like x")
    with np.errstate(all="ignore"):
        return against_formula(s, parts, (x, t), textbook.cross_entropy(x, t), lambda: of_cross_entropy(x, t))


def of_cross_entropy(x: np.ndarray, t: np.ndarray) -> Named:
    """Yield wrong losses."""
    log_p = textbook.log_softmax(x, 1)
    rows, total, e = x.size // x.shape[1], (t * log_p).sum(), np.exp(x)
    plain = np.log(e / e.sum(axis=1, keepdims=True))
    overflow = "the largest number is not taken off before exp, which overflows or leaves log 0"
    if not np.isfinite(plain).all():
        yield overflow, "loss", -(t * plain).sum() / rows
        yield overflow, "log_p", plain
        yield overflow, "log_p", x - np.log(e.sum(axis=1, keepdims=True))
        safe = np.exp(x - x.max(axis=1, keepdims=True))
        late = np.log(safe / safe.sum(axis=1, keepdims=True))
        yield "the logarithm is taken of p, which has become 0: write x - max - log Σ", "log_p", late
        yield "the logarithm is taken of p, which has become 0: write x - max - log Σ", "loss", -(t * late).sum() / rows
    yield "the losses are added up, not averaged: / N is missing", "loss", -total
    yield "the loss is averaged over all numbers, N·M, not over the N rows", "loss", -total / x.size
    if rows != len(x):
        yield "the loss is divided by the pictures, not by all rows, N·H·W", "loss", -total / len(x)
    yield "the sign: the loss is negative", "loss", total / rows
    yield "softmax is forgotten: x stands for log p", "loss", -(t * x).sum() / rows
    yield "the logarithm is forgotten: p stands for log p", "loss", -(t * np.exp(log_p)).sum() / rows
    yield "t is not multiplied in: the sum runs over all classes", "loss", -log_p.sum() / rows
    best = np.take_along_axis(log_p, t.argmax(axis=1)[:, None], axis=1)
    yield "t is taken for one-hot: only its largest class counts", "loss", -best.sum() / rows
    first = -(t * log_p).sum(axis=1).ravel()
    yield "only the first row is counted", "loss", first[0]
    yield "only the last row is counted (`=` stands for `+=`)", "loss", first[-1]
    yield "the logarithm has the base 2", "loss", -total / rows / np.log(2)
    yield "the logarithm has the base 10", "loss", -total / rows / np.log(10)
    wrong = textbook.log_softmax(x, 0)
    yield "softmax runs over the pictures (axis 0), not over the classes", "loss", -(t * wrong).sum() / rows
    yield "softmax runs over the pictures (axis 0), not over the classes", "log_p", wrong
    if x.ndim == 4:
        last = textbook.log_softmax(x, -1)
        yield "softmax runs over the last axis, not over the classes (axis 1)", "loss", -(t * last).sum() / rows
        yield "softmax runs over the last axis, not over the classes (axis 1)", "log_p", last
    yield "softmax runs over all numbers", "log_p", x - x.max() - np.log(np.exp(x - x.max()).sum())
    yield "p is returned, not log p", "log_p", np.exp(log_p)
    yield "the sign: -log p is returned", "log_p", -log_p
    yield "x is returned, not log p", "log_p", x
    yield "t·log p is returned, not log p", "log_p", t * log_p
    yield "the largest number is not added back, or taken off twice", "log_p", log_p - x.max(axis=1, keepdims=True)


def cross_entropy_dx_formula(s: Subject, g: Numbers) -> float:
    """dx against the formula."""
    rng = np.random.default_rng(s.seed)
    log_p, t = textbook.log_softmax(g.draw(rng), 1), _labels(g, rng)
    dy = np.asarray(2.0 if g.whole else rng.uniform(0.5, 2.0), dtype=g.dtype)
    right = (textbook.cross_entropy_dx(dy, log_p, t),)
    return against_formula(s, (("dx", "like t"),), (dy, log_p, t), right, lambda: of_cross_entropy_dx(dy, log_p, t))


def of_cross_entropy_dx(dy: np.ndarray, log_p: np.ndarray, t: np.ndarray) -> Named:
    """Yield wrong gradients of the loss."""
    p, rows, total = np.exp(log_p), t.size // t.shape[1], t.sum(axis=1, keepdims=True)
    right = p * total - t
    yield "/ N is missing: the loss is a mean over the rows", "dx", right * dy
    yield "dx is divided by all numbers, N·M, not by the N rows", "dx", right * dy / t.size
    if rows != len(t):
        yield "dx is divided by the pictures, not by all rows, N·H·W", "dx", right * dy / len(t)
    yield "dx is divided by the number of classes, not of rows", "dx", right * dy / t.shape[1]
    yield "the sign: t - p", "dx", -right * dy / rows
    yield "the label is added, not taken away: p + t", "dx", (p * total + t) * dy / rows
    yield "t is not taken away", "dx", p * total * dy / rows
    yield "p is forgotten: -t", "dx", -t * dy / rows
    yield "dy is forgotten", "dx", right / rows
    yield "/ N is missing, and dy is forgotten", "dx", right
    yield "log p stands for p", "dx", (log_p - t) * dy / rows
    yield "p - t, though t does not add up to 1: p·Σt - t", "dx", (p - t) * dy / rows
    yield "the gradient of a softmax is multiplied in once more", "dx", right * p * (1 - p) * dy / rows
    yield "the derivative of log alone is taken: -t / p", "dx", -t / p * dy / rows
    hot = t == t.max(axis=1, keepdims=True)
    yield "t is taken for one-hot: 1 for its largest class", "dx", (p * total - hot) * dy / rows
    yield "dx is right for the true class only, and 0 for the others", "dx", np.where(hot, right, 0) * dy / rows


def cross_entropy_dx_differences(s: Subject, g: Numbers) -> float:
    """cross_entropy_dx as the gradient of cross_entropy."""
    rng = np.random.default_rng(s.seed)
    x, t = rng.standard_normal(g.x_shape), _labels(g, rng).astype(np.float64)
    log_p = textbook.log_softmax(x, 1)
    return finite_differences(s, x, lambda x: textbook.cross_entropy(x, t)[0], lambda dy: s.function(dy, log_p, t), "x")
