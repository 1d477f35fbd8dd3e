"""Every mistake that has a name is made: whoever makes it is told that one, at the first case that shows it."""

import numpy as np
import pytest

from minidl.proof.student import mistakes
from minidl.proof.student.claims import CLAIMS
from minidl.proof.student.kinds import Subject
from minidl.proof.student.shapes import wrong_shapes
from minidl.proof.student.watch import Watched, Wrong

PARAMETERS = {claim.name: claim.parameters for claim in CLAIMS}


def bias(b):
    return 0 if b is None else b[:, None, None]


def max_pool2d(x, g):
    return mistakes.gather(x, g, fill=-np.inf).max(axis=(2, 3)), mistakes.winners_of(x, g)


def averages(x, g, with_pad):
    return mistakes.gather(x, g).sum(axis=(2, 3)) / mistakes.counts(g, with_pad)


def shares(dy, g, with_pad):
    each = (dy / mistakes.counts(g, with_pad))[:, :, None, None]
    return mistakes.scatter(np.broadcast_to(each, g.cols_shape).astype(dy.dtype), g)


# name -> what is right, and the mistakes, both of the arguments and the geometry
MADE = {
    "im2col": (lambda a, g: mistakes.gather(a[0], g), lambda a, g: mistakes.of_im2col(a[0], g)),
    "col2im": (lambda a, g: mistakes.scatter(a[0], g), lambda a, g: mistakes.of_col2im(a[0], g)),
    "conv2d": (
        lambda a, g: mistakes.multiply(mistakes.gather(a[0], g), a[1], g) + bias(a[2]),
        lambda a, g: mistakes.of_conv2d(*a[:3], g),
    ),
    "conv2d_dx": (
        lambda a, g: mistakes.scatter(mistakes.spread(*a[:2], g), g),
        lambda a, g: mistakes.of_conv2d_dx(*a[:2], g),
    ),
    "conv2d_dw": (
        lambda a, g: mistakes.collect(a[0], mistakes.gather(a[1], g), g),
        lambda a, g: mistakes.of_conv2d_dw(*a[:2], g),
    ),
    "max_pool2d": (
        lambda a, g: max_pool2d(a[0], g),
        lambda a, g: ((what, (y, 0)) for what, y in mistakes.of_max_pool2d(a[0], g)),
    ),
    "max_pool2d_dx": (
        lambda a, g: mistakes.scatter(mistakes.tapped(*a[:2], g), g),
        lambda a, g: mistakes.of_max_pool2d_dx(*a[:2], g),
    ),
    "avg_pool2d": (lambda a, g: averages(a[0], g, a[-1]), lambda a, g: mistakes.of_avg_pool2d(a[0], g, a[-1])),
    "avg_pool2d_dx": (lambda a, g: shares(a[0], g, a[-1]), lambda a, g: mistakes.of_avg_pool2d_dx(a[0], g, a[-1])),
}


def cases_of(claim):
    return {g.name: (check, g) for check in claim.checks if check.name.startswith("loops") for g in check.cases}


def typed(result, like):
    """Return a result, or two, in the type of the arguments."""
    return (
        tuple(typed(one, like) if one is result[0] else one for one in result)
        if isinstance(result, tuple)
        else (result.astype(like.dtype))
    )


def judged(claim, answer, among=None):
    """Run the comparisons with the loops of a function that answers so, up to the first that fails; return its text.

    Only those among some cases are run, if they are named: in all others it is known to answer right.
    """
    for check, g in cases_of(claim).values():
        if among is not None and g.name not in among:
            continue
        function = Watched(claim.name, lambda *a, g=g: typed(answer(a, g), a[0]), claim.parameters)
        try:
            check.run(Subject(function, {}), g)
        except Wrong as wrong:
            return str(wrong)
    return ""


def arguments_of(name, g, rng):
    """Draw the arguments on which the mistakes of a function are worked out."""
    x, w, dy = (rng.standard_normal(shape) for shape in (g.x_shape, g.w_shape, g.y_shape))
    pooled, cols = (rng.standard_normal(shape) for shape in ((*g.x_shape[:2], *g.size), g.cols_shape))
    return {
        "im2col": lambda: (x,),
        "col2im": lambda: (cols,),
        "conv2d": lambda: (x, w, w[:, 0, 0, 0]),
        "conv2d_dx": lambda: (dy, w),
        "conv2d_dw": lambda: (dy, x),
        "max_pool2d": lambda: (x,),
        "max_pool2d_dx": lambda: (pooled, mistakes.winners_of(x, g)),
        "avg_pool2d": lambda: (x, True),
        "avg_pool2d_dx": lambda: (pooled, True),
    }[name]()


def all_mistakes():
    """Yield (claim, mistake, the cases in which it can be made)."""
    for claim in CLAIMS:
        seen = {}
        for case, (_, g) in cases_of(claim).items() if claim.name in MADE else ():
            for what, _ in MADE[claim.name][1](arguments_of(claim.name, g, np.random.default_rng(0)), g):
                if not what.startswith("count_include_pad"):
                    seen.setdefault(what, []).append(case)
        yield from ((claim, what, cases) for what, cases in seen.items())


ALL = list(all_mistakes())


@pytest.mark.parametrize(("claim", "what", "cases"), ALL, ids=[f"{one.name}-{what[:50]}" for one, what, _ in ALL])
def test_whoever_makes_a_mistake_is_told_that_one(claim, what, cases):
    """Where two lead to the same numbers in the first case that shows them, both are named."""
    wrong = MADE[claim.name][1]
    text = judged(claim, lambda a, g: dict(wrong(a, g)).get(what), cases)
    told = text.partition("exactly this comes out if ")[2].split(", or if ")
    assert what in told
    assert len(told) <= 2


def test_most_are_told_alone():
    assert len(ALL) >= 110


@pytest.mark.parametrize("claim", [claim for claim in CLAIMS if claim.name in MADE], ids=lambda claim: claim.name)
def test_what_is_right_is_told_nothing(claim):
    assert judged(claim, MADE[claim.name][0]) == ""


def test_random_numbers_are_no_mistake():
    rng = np.random.default_rng(3)
    for claim in CLAIMS:
        if claim.name in MADE:
            text = judged(claim, lambda a, g, right=MADE[claim.name][0]: _noise(right(a, g), rng))
            assert "exactly this" not in text
            assert "worst at" in text


def _noise(result, rng):
    return (_noise(result[0], rng), result[1]) if isinstance(result, tuple) else rng.standard_normal(result.shape)


# ------------------------------------------------------------------ shapes

AXES = {
    "im2col": ("N, C, KH, KW, OH, OW", lambda g: g.cols_shape),
    "col2im": ("N, C, H, W", lambda g: g.x_shape),
    "conv2d": ("N, O, OH, OW", lambda g: g.y_shape),
    "conv2d_dx": ("N, C, H, W", lambda g: g.x_shape),
    "conv2d_dw": ("O, C/G, KH, KW", lambda g: g.w_shape),
    "max_pool2d": ("N, C, OH, OW", lambda g: (*g.x_shape[:2], *g.size)),
    "max_pool2d_dx": ("N, C, H, W", lambda g: g.x_shape),
}


def wrong_shape(name, what, g):
    """Return the shape that a mistake leads to, the right one where it leads nowhere else."""
    axes, right = AXES[name][0], AXES[name][1](g)
    return next((shape for said, shape in wrong_shapes(axes, right, g) if said == what and shape != right), right)


SHAPES = sorted(
    {
        (claim.name, what)
        for claim in CLAIMS
        if claim.name in AXES
        for _, g in cases_of(claim).values()
        for what, shape in wrong_shapes(AXES[claim.name][0], AXES[claim.name][1](g), g)
        if shape != AXES[claim.name][1](g)
    }
)


@pytest.mark.parametrize(("name", "what"), SHAPES, ids=[f"{name}-{what[:50]}" for name, what in SHAPES])
def test_whoever_returns_a_wrong_shape_is_told_how_it_comes_about(name, what):
    """Alone where nothing else leads to it; a shape that comes out of two mistakes is left without a name."""
    claim = next(claim for claim in CLAIMS if claim.name == name)

    def answer(a, g):
        shape, right = wrong_shape(name, what, g), MADE[name][0](a, g)
        if shape == AXES[name][1](g):
            return right
        return (np.zeros(shape), 0) if isinstance(right, tuple) else np.zeros(shape)

    text = judged(claim, answer)
    assert "it returned the shape" in text
    if "exactly this shape" in text:
        assert f"exactly this shape comes out if {what}" in text
    else:
        first = next(g for _, g in cases_of(claim).values() if wrong_shape(name, what, g) != AXES[name][1](g))
        shape = wrong_shape(name, what, first)
        others = wrong_shapes(AXES[name][0], AXES[name][1](first), first)
        assert len({said for said, other in others if other == shape}) > 1
