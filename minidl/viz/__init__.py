"""Plots of what a network does; matplotlib is loaded by the function that draws.

Each function takes plain arrays and a path that ends in .png or .svg.

draw_curves         loss, accuracy and learning rate, epoch by epoch
draw_confusion      which class was taken for which
draw_mistakes       the worst mistakes, with their pictures (worst_mistakes finds them)
draw_filters        the filters of the first layer (first_filters finds them)
draw_feature_maps   what is left of a picture after each block (feature_maps finds them)
"""

from minidl.viz.confusion import draw_confusion
from minidl.viz.curves import draw_curves
from minidl.viz.feature_maps import draw_feature_maps, feature_maps
from minidl.viz.filters import draw_filters, first_filters
from minidl.viz.mistakes import draw_mistakes, worst_mistakes

__all__ = [
    "draw_confusion",
    "draw_curves",
    "draw_feature_maps",
    "draw_filters",
    "draw_mistakes",
    "feature_maps",
    "first_filters",
    "worst_mistakes",
]


def __dir__() -> list[str]:
    return [*__all__]
