"""Plots of what a network does; matplotlib is loaded by the function that draws.

Each function takes plain arrays and a path that ends in .png or .svg.

draw_curves         loss, accuracy and learning rate, epoch by epoch
draw_confusion      which class was taken for which
draw_mistakes       the worst mistakes, with their pictures (worst_mistakes finds them)
draw_filters        the filters of the first layer (first_filters finds them)
draw_cost           where parameters, multiply-adds and activations lie (cost.parts finds the parts)
draw_zoo            many networks: what they cost, and how good their papers say they are
draw_memory         what lies in memory during a training step (cost.memory tells it)
draw_field          what one unit sees of a picture (cost.empirical_field finds it)
draw_samples        pictures side by side, such as a network has made
draw_attention      where a network looks while it writes
draw_feature_maps   what is left of a picture after each block (feature_maps finds them)
"""

from minidl.viz.attention import draw_attention
from minidl.viz.confusion import draw_confusion
from minidl.viz.cost import draw_cost
from minidl.viz.curves import draw_curves
from minidl.viz.feature_maps import draw_feature_maps, feature_maps
from minidl.viz.field import draw_field
from minidl.viz.filters import draw_filters, first_filters
from minidl.viz.memory import draw_memory
from minidl.viz.mistakes import draw_mistakes, worst_mistakes
from minidl.viz.samples import draw_samples
from minidl.viz.zoo import draw_zoo

__all__ = [
    "draw_attention",
    "draw_confusion",
    "draw_cost",
    "draw_curves",
    "draw_feature_maps",
    "draw_field",
    "draw_filters",
    "draw_memory",
    "draw_mistakes",
    "draw_samples",
    "draw_zoo",
    "feature_maps",
    "first_filters",
    "worst_mistakes",
]


def __dir__() -> list[str]:
    return [*__all__]
