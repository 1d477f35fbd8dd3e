"""The evaluation of a network: in eval mode, without a graph, over all pictures once."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing

from minidl import ops
from minidl._backend import Array
from minidl.data import Loader
from minidl.data._as_split import PicturesLike
from minidl.nn import Module
from minidl.tensor import Tensor, no_grad
from minidl.training.batches import Epochs, as_batches, on_device
from minidl.training.metrics import Metrics


def evaluate(
    net: Module,
    pictures: PicturesLike | Epochs,
    device: str = "cpu",
    *,
    batch_size: int = 64,
    tell: Callable[[Tensor, Array], None] = lambda logits, labels: None,
) -> Metrics:
    """Evaluate a network, in eval mode and without a graph; its mode is put back afterwards.

    Args:
        net: the network.
        pictures: what it shall recognise: pictures of one size, plain arrays (x, y), or batches such as those of a
            `data.Loader`.
        device: where the network is.
        batch_size: how many pictures at a time, where they are not in batches already.
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
    with net.modes_kept(), no_grad(), closing(batches.epoch(0)) as epoch:
        net.eval()
        for x, labels in (on_device(batch, device) for batch in epoch):
            logits = net(Tensor(x))
            score = score or Metrics(logits.shape[1])
            score.update(logits._data, labels, ops.cross_entropy(logits, labels).item())
            tell(logits, labels)
    left_out = batches.left_out
    if score is None:
        why = f"; {len(left_out):,} cannot be read, the first is {left_out[0]}" if left_out else ""
        raise ValueError(f"evaluate: there are no pictures to evaluate the network with{why}")
    score.left_out = left_out
    return score
