"""Finite differences: is the gradient that backward computes the slope that forward has?

For a loss L(x) = <f(x), dy> with a random dy, backward claims the gradient dx. Independently of it, the slope along any
direction u can be measured with forward alone,

    (L(x + h·u) - L(x - h·u)) / 2h  =  <dx, u> + O(h²)

so the two must agree. `mode="direction"` compares them along one random u for each argument, `mode="elements"` along
every axis. dy is random, never ones: with ones, batch norm and softmax have gradient 0 whatever their backward says.

In float64 with h = 1e-5 a right gradient agrees to about 1e-9; the tolerance of 1e-6 leaves room for curvature and
still sees an error of a millionth. At a kink (relu at 0, two equal maxima) there is no slope to compare with: the
operation makes another choice at x + h·u than at x - h·u (`ctx.choices`). Then h is halved, up to ten times, until the
choices agree.

    slopes.py      measures slopes, and sees kinks
    check.py       `gradcheck`: compares, and judges
    locate.py      finds the wrong elements of an argument that is too large to try them all
    catalogue.py   names the mistake: patterns.py and shares.py know the usual ones, places.py says where they lie
    report.py      the numbers, and the verdict in at most 25 lines
"""

from minidl._gradcheck.check import gradcheck
from minidl._gradcheck.report import ArgumentReport, GradcheckReport, GradientError

__all__ = ["ArgumentReport", "GradcheckReport", "GradientError", "gradcheck"]


def __dir__() -> list[str]:
    return [*__all__]
