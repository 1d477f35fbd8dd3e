"""Pages of trainings, which most tests do not look at: to draw one takes five times as long as the training."""

from contextlib import contextmanager

from minidl.training.run_folder.folder import PLOTS

_drawing = [False]


@contextmanager
def drawn(really=True):
    """Draw the pages of classifiers in this block, or leave files of the right names in their place."""
    before, _drawing[0] = _drawing[0], really
    try:
        yield
    finally:
        _drawing[0] = before


def drawn_if_wanted(draw):
    """Return a `draw` of a task that draws where a block of `drawn` says so."""

    def drawn_or_left(self, run, state, val):
        if _drawing[0]:
            return draw(self, run, state, val)
        for name in PLOTS:
            (run.path / name).write_bytes(b"\x89PNG that nobody has drawn")
        run.report.write_text("a page that nobody has drawn", encoding="utf-8")
        return run.report

    return drawn_or_left
