"""The evaluation of a network: in eval mode, without a graph, over all pictures once.

Where that pays, it goes through a folded copy (`minidl.fuse`), which gives the same numbers up to rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing

from minidl import cost, ops
from minidl._backend import Array
from minidl._checks import check_flag
from minidl.data import Loader
from minidl.data._as_split import PicturesLike
from minidl.folding import fuse_if_possible
from minidl.nn import Module
from minidl.tensor import Tensor, no_grad
from minidl.training.batches import Epochs, as_batches, on_device
from minidl.training.metrics import Metrics

FOLDED_FROM, MACS_FOLDED = 32, 2**34  # pictures, and their multiply-adds: folding costs as much as a dozen pictures


def quickest(net: Module, n: int, shape: Sequence[int]) -> Module:
    """Return what an evaluation goes through: a folded copy of the network, or where that does not pay, the network.

    A network that cannot be folded is returned as it is, too. The answer depends on sizes alone.

    Args:
        net: the network.
        n: how many pictures it will be shown.
        shape: of one of them (C, H, W).

    Example:
        >>> from minidl import models
        >>> net = models.lenet5_modern()
        >>> quickest(net, 10_000, (1, 32, 32)) is net
        True
    """
    if n < FOLDED_FROM:
        return net
    try:
        macs = cost.count(net, shape).macs
    except (ValueError, TypeError, RuntimeError):  # a network that is not counted is not folded
        return net
    return fuse_if_possible(net, shape) if n * macs >= MACS_FOLDED else net


def evaluate(
    net: Module,
    pictures: PicturesLike | Epochs,
    device: str = "cpu",
    *,
    batch_size: int = 64,
    fold: bool = False,
    tell: Callable[[Tensor, Array], None] = lambda logits, labels: None,
) -> Metrics:
    """Evaluate a network, in eval mode and without a graph; its mode is put back afterwards.

    Args:
        net: the network.
        pictures: what it shall recognise: pictures of one size, plain arrays (x, y), or batches such as those of a
            `data.Loader`.
        device: where the network is.
        batch_size: how many pictures at a time, where they are not in batches already.
        fold: go through a folded copy of the network, which gives the same up to rounding, where that pays: with many
            pictures and a network that is not small.
        tell: is shown the logits (N, classes) and the labels (N,) of each batch, on the device.

    Returns:
        The figures: `n`, `loss` (mean cross-entropy), `top1`, `top5`, `per_class`, `confusion`; and
        `left_out`, the names of pictures that could not be read.

    Raises:
        ValueError: if the pictures do not fit the network, or there are none.

    Example:
        >>> from minidl import data, models
        >>> score = evaluate(models.lenet5_modern(), data.open_dataset("digits").val)
        >>> score.n, 0 <= score.top1 <= 1
        (359, True)
    """
    if not isinstance(net, Module):
        raise TypeError(f"evaluate: expects a module; received a {type(net).__name__}")
    batches = as_batches("evaluate", "pictures", pictures, lambda split: Loader(split, batch_size, workers=0))
    score: Metrics | None = None
    check_flag("evaluate", "fold", fold)
    with net.modes_kept(), no_grad(), closing(batches.epoch(0)) as epoch:
        net.eval()
        looking = net
        for x, labels in (on_device(batch, device) for batch in epoch):
            if fold and score is None:
                looking = quickest(net, len(batches) * len(x), x.shape[1:])
            logits = looking(Tensor(x))
            score = score or Metrics(logits.shape[1])
            score.update(logits._data, labels, ops.cross_entropy(logits, labels).item())
            tell(logits, labels)
    left_out = batches.left_out
    if score is None:
        why = f"; {len(left_out):,} cannot be read, the first is {left_out[0]}" if left_out else ""
        raise ValueError(f"evaluate: there are no pictures to evaluate the network with{why}")
    score.left_out = left_out
    return score
