"""Pictures of what a network does; matplotlib is loaded by the function that draws."""

from minidl.viz.curves import draw_curves

__all__ = ["draw_curves"]
