"""The explorer: a page on which an operation is seen at work, forward and backward, with the reader's own settings.

How it is made:

- `settings.py` knows the operations, reads their settings, and says what can be drawn.
- `gather.py` runs the engine once and keeps what its observer sees: a `Scene`.
- `page.py` joins the pieces to one HTML file; `picture.py` draws the forward pass for browsers without a script;
  `exploration.py` is what the reader gets; `words.py` reads the strings, `../strings/en.toml` and `ko.toml`.
- `network/` shows a whole network on a picture in the same way, and opens the explorer of one operation on its numbers.
- `page/page.html`, `page/css/` and `page/js/` are the page. The scripts are plain JavaScript, joined in the order of
  `page.SCRIPTS` inside of one function, so they share their names and leave one outside: `minidlExplorer`. Colours,
  sizes and spacing are the variables of `minidl/_page/look.css`.

The arithmetic of the page stands once, in `page/js/`: an operation a file, each an entry of `OPERATIONS` there. Tests
hold its numbers, its highlighted cells and its error messages against the engine.

**How another page opens the explorer of one operation on its own numbers.** It takes `page.assets(lang)` (a style and
a script) and calls, in the browser,

    const explorer = minidlExplorer.mount(element, state);

The element becomes the explorer: several on one page do not disturb each other, for each lives in a shadow root. State
is plain data, in the form that `Scene.state()` returns:

    op        "conv", "conv-transpose", "depthwise", "max-pool", "avg-pool", "lrn", "batch-norm" or
              "softmax-cross-entropy"
    settings  all settings of the operation (`settings.OPERATIONS[op].settings` has their names and defaults):
              {"input": [C, H, W], "filters": O, "kernel": [KH, KW], "stride": [sh, sw],
               "padding": [[top, bottom], [left, right]], "dilation": [dh, dw], "groups": G}
    x, w, b   the operands, flat lists in row-major order, without a batch axis (batch-norm and
              softmax-cross-entropy have one); labels for softmax-cross-entropy
    dy        the gradient of the loss at the result, flat
    note      a sentence that says where the numbers come from ("layer1.0.conv1, rows 8 to 15 …"), or ""
    engine    numbers of the engine that the page compares its own with, or left out
    locked    true leaves out the controls that change sizes

What is left out is drawn from a seed. `explorer.select("y", index)` lights a cell of an array (index into the flat
list), `explorer.view("forward")`, "dx" or "dw" turns to a view, `explorer.state()` returns the state as it is now,
`explorer.remove()` empties the element.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from minidl.teach.explorer.exploration import Exploration
from minidl.teach.explorer.gather import gather
from minidl.teach.explorer.network import explore_network, is_network
from minidl.teach.explorer.page import write_page
from minidl.teach.explorer.settings import OPERATIONS, complete

__all__ = ["Exploration", "explore"]


def __dir__() -> list[str]:
    return [*__all__]


def explore(
    what: Any = "conv",
    image: Any = None,
    *,
    lang: str = "en",
    weights_file: str | os.PathLike[str] | None = None,
    epochs: bool = False,
    of: Sequence[int | str] = (),
    numbers: dict[str, Any] | None = None,
    seed: int = 0,
    input: Any = None,
    filters: int | None = None,
    multiplier: int | None = None,
    kernel: Any = None,
    stride: Any = None,
    padding: Any = None,
    output_padding: Any = None,
    dilation: Any = None,
    groups: int | None = None,
    ceil_mode: bool | None = None,
    count_include_pad: bool | None = None,
    size: int | None = None,
    alpha: float | None = None,
    beta: float | None = None,
    k: float | None = None,
    convention: str | None = None,
    eps: float | None = None,
    batch: int | None = None,
    classes: int | None = None,
    label_smoothing: float | None = None,
) -> Exploration:
    """Show an operation, or a whole network on a picture, at work, forward and backward, on a page of its own.

    Args:
        what: "conv", "conv-transpose", "depthwise", "max-pool", "avg-pool", "lrn", "batch-norm" or
            "softmax-cross-entropy". It has some of the settings below; None means its own default, which is that of
            the lecture's worked example for a convolution. Or a network, with an image: the folder of a run, a name of
            `models.list_models()`, or the network itself.
        image: what the network looks at: a picture file, the number of a validation picture of the run, or an array
            (C, H, W) as the network expects it.
        lang: "en" or "ko", the language of the captions.
        weights_file: the weights of a network by name; None (default) leaves it as it is before the first step.
        epochs: whether all checkpoints of a run are shown, with a slider.
        of: classes whose loss goes back through the network, by name or number, besides the answer.
        numbers: arrays by name (x, w, b, dy; labels) instead of those from the seed; without a batch axis.
        seed: where all other numbers come from.
        input: sizes (C, H, W).
        filters: kernels, which are output channels.
        multiplier: kernels for each channel of a depthwise convolution.
        kernel: size of the window, an int or a pair.
        stride: step of the window, an int or a pair.
        padding: an int, (ph, pw) or ((top, bottom), (left, right)).
        output_padding: rows and columns added at the end of a transposed convolution.
        dilation: distance between the taps, an int or a pair.
        groups: groups of channels that only see each other.
        ceil_mode: whether a pooling rounds its output size up.
        count_include_pad: whether average pooling divides by the whole window.
        size: channels in the window of local response normalisation; alpha, beta, k and convention are its others. Of
            a network the side of the picture; None takes the run's, or the paper's.
        alpha: weight of its sum.
        beta: its exponent.
        k: what its divisor begins with.
        convention: "paper" or "torch".
        eps: what batch norm adds to the variance.
        batch: pictures, or rows of logits.
        classes: numbers in a row of logits.
        label_smoothing: as in `ops.cross_entropy`.

    Returns:
        The page: a notebook shows it as it stands, `.save("conv.html")` writes it to a file.

    Raises:
        ValueError: if the operation does not have a setting, the engine refuses it, or there is more than can be drawn;
            if there is no such run or network, or the picture is none.

    Example:
        >>> from minidl import teach
        >>> teach.explore("conv", stride=2, padding=1)
        Exploration(conv2d, 3×6×6 -> 2×3×3, a page of ... kB)
    """
    asked = {
        "input": input, "filters": filters, "multiplier": multiplier, "kernel": kernel, "stride": stride,
        "padding": padding, "output_padding": output_padding, "dilation": dilation, "groups": groups,
        "ceil_mode": ceil_mode, "count_include_pad": count_include_pad, "size": size, "alpha": alpha, "beta": beta,
        "k": k, "convention": convention, "eps": eps, "batch": batch, "classes": classes,
        "label_smoothing": label_smoothing,
    }  # fmt: skip
    if image is not None or not isinstance(what, str) or is_network(what):
        del asked["size"]
        given = [name for name, one in {**asked, "numbers": numbers}.items() if one is not None]
        return explore_network(
            what, image, lang=lang, weights_file=weights_file, epochs=epochs, size=size, of=of, refused=given
        )
    scene = gather(what, complete(what, {name: one for name, one in asked.items() if one is not None}), numbers, seed)
    x, y = ("×".join(map(str, array.shape)) or "1" for array in (scene.numbers["x"], scene.engine["y"]))
    return Exploration(f"{OPERATIONS[what].engine}, {x} -> {y}", write_page(scene, lang), scene)
