"""Transfer: begin with the weights that a network learnt elsewhere, and learn only what is new.

The layers before the head have learnt to see; the head (the layer whose size is the number of classes) has learnt to
name. For other classes a new head is needed, and on few pictures it is often best to learn nothing else: the frozen
layers keep their weights, and their batch norms keep the statistics of the pictures they were trained on.
Source: Yosinski et al., "How transferable are features in deep neural networks?" (arXiv:1411.1792).

Frozen layers make the same of a picture in every epoch. Where pictures are not changed at random either, each goes
through them once, before the first epoch: its features are kept, and an epoch takes as long as the head alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from minidl._backend import to_numpy
from minidl._names import some
from minidl.data import Loader
from minidl.models._family import read_state
from minidl.models._registry import ENTRIES
from minidl.nn import Module
from minidl.tensor import Tensor, no_grad
from minidl.training.batches import on_device
from minidl.training.settings.config import Config

Loaders = tuple[Loader, Loader]


def freeze_body(net: Module, model: str) -> list[Module]:
    """Stop learning in everything but the head of the network called `model`; return the frozen modules.

    Raises:
        ValueError: if nothing would be left to learn.

    Example:
        >>> from minidl import models
        >>> net = models.get_model("resnet20_cifar")
        >>> frozen = freeze_body(net, "resnet20_cifar")
        >>> [name for name, p in net.named_parameters() if p.requires_grad]
        ['fc.weight', 'fc.bias']
    """
    head = ENTRIES[model].variant.head
    frozen = []
    for path, module in net.named_modules():
        if any(path == layer or path.startswith(f"{layer}.") for layer in head):
            continue
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad = False
        if not any(layer.startswith(f"{path}.") or not path for layer in head):
            frozen.append(module)
    if not any(parameter.requires_grad for parameter in net.parameters()):
        raise ValueError(f"train: {model} has no head of its own to learn; leave freeze out")
    return frozen


def begin_with(net: Module, model: str, file: str) -> str:
    """Copy what a file and a network of another kind have in common: the arrays of one name and shape.

    So a detector begins with the layers that a classifier has learnt, on pictures of half the side as well: a
    convolution does not know how large its picture is (arXiv:1506.02640, section 2.2).

    Args:
        net: the network, changed in place.
        model: its name.
        file: as `minidl.weights.load` takes it, such as the best.safetensors of a run.

    Returns:
        What came from where, in a line.

    Raises:
        ValueError: if the file cannot be read, or has nothing in common with the network.

    Example:
        >>> import pathlib, tempfile
        >>> from minidl import models, weights
        >>> file = pathlib.Path(tempfile.mkdtemp(), "weights.safetensors")
        >>> learnt = models.yolo_tiny(cells=4, image_size=32, width=2, num_classes=5)
        >>> weights.save(file, learnt.state_dict())
        >>> begin_with(models.yolo_tiny(cells=8, image_size=64, width=2), "yolo_tiny", str(file))
        'yolo_tiny: 25 of 27 arrays from weights.safetensors, those of features; new: head.weight, head.bias'
    """
    own = net.state_dict()
    state, _, notes = read_state(file, own, model)
    fitting = {name: state[name] for name in own if name in state and state[name].shape == own[name].shape}
    if not fitting:
        other = next((f"{name} {state[name].shape}, expected {own[name].shape}" for name in own if name in state), "")
        cure = "take weights of a network with the same first layers"
        raise ValueError(f"train: {model}: nothing in {file} fits{f': {other}' if other else ''}; {cure}")
    net.load_state_dict(fitting, strict=False)
    parts = dict.fromkeys(name.partition(".")[0] for name in fitting)
    new = [name for name in own if name not in fitting]
    line = f"{model}: {len(fitting)} of {len(own)} arrays from {Path(file).name}, those of {', '.join(parts)}"
    return "; ".join([line, *([f"new: {some(new)}"] if new else []), *notes])


def cached_features(
    net: Module,
    config: Config,
    loaders: Loaders,
    *,
    note: Callable[[str], None],
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Module, Loaders] | None:
    """Return the head, and batches of the features that the frozen layers give it, if these never change.

    None where nothing is frozen or pictures change from epoch to epoch, behind a head that is not the last layer, for
    pictures that cannot be read, and for more than `cache_bytes`.

    Args:
        net: the network, before its next step.
        config: the settings of its training.
        loaders: of training and validation.
        note: is given a line before it takes long.
        progress: is called with the number of batches that are done, and of all.
    """
    if not config.freeze or not all(map(_is_fixed, loaders)):
        return None
    with closing(loaders[1].epoch(0)) as batches:
        x, _ = on_device(next(batches), config.device)
    found = last_layer(net, config.model, x[:1])
    if found is None:
        return None
    head, one = found
    n = sum(len(loader.split) for loader in loaders)
    if one.nbytes * n > config.cache_bytes:
        return None
    note(f"freeze: what the frozen layers make of {n:,} pictures is computed once; then an epoch takes seconds")
    ordered = [_in_order(loader) for loader in loaders]
    total, done, made = sum(map(len, ordered)), count(1), []
    for loader, shuffled in zip(ordered, loaders):
        rows = features(net, head, loader, config.device, lambda: progress(next(done), total))
        if rows is None:
            return None
        made.append(_like(shuffled, rows))
    return head, (made[0], made[1])


def _is_fixed(loader: Loader) -> bool:
    """Tell whether pictures are the same in every epoch."""
    drawn = loader.transforms.draw(loader.seed, 0, 1)
    return loader.transforms.mixup is None and all(row is None for row in drawn)


def _like(loader: Loader, x: np.ndarray) -> Loader:
    """Return batches of these rows, in the order in which a loader goes through its pictures."""
    settings: dict[str, Any] = {"seed": loader.seed, "shuffle": loader.shuffle, "drop_last": loader.drop_last}
    return Loader((x, loader.split.labels), loader.batch_size, workers=0, **settings)


def _in_order(loader: Loader) -> Loader:
    """Return batches of the same pictures in their order."""
    settings: dict[str, Any] = {"transforms": loader.transforms, "seed": loader.seed, "workers": loader.workers}
    return Loader(loader.split, loader.batch_size, on_error=loader.on_error, cache_bytes=0, **settings)


@contextmanager
def passing_on(head: Module, look: Callable[[Tensor], None] = lambda x: None) -> Iterator[None]:
    """Let a head pass on what it gets, which `look` is shown."""

    def forward(x: Tensor) -> Tensor:
        look(x)
        return x

    object.__setattr__(head, "forward", forward)  # past the module's own, which keeps layers and arrays
    try:
        yield
    finally:
        object.__delattr__(head, "forward")


def last_layer(net: Module, model: str, x: np.ndarray) -> tuple[Module, np.ndarray] | None:
    """Return the head of a network and its input, if it is one layer, nothing behind and nothing beside it; else None.

    Args:
        net: the network.
        model: its name.
        x: pictures (N, C, H, W) to try it with, on the network's device.

    Example:
        >>> from minidl import models
        >>> net = models.get_model("lenet5_modern")
        >>> head, features = last_layer(net, "lenet5_modern", np.zeros((1, 1, 32, 32), np.float32))
        >>> head, features.shape
        (Linear(84, 10), (1, 84))
    """
    modules = dict(net.named_modules())
    heads = [modules[path] for path in ENTRIES[model].variant.head if path in modules]
    if len(heads) != 1:
        return None
    (layer,) = heads
    seen: list[Tensor] = []
    with net.modes_kept(), no_grad(), passing_on(layer, seen.append):
        y = net.eval()(Tensor(x))
    return (layer, y.data) if len(seen) == 1 and y is seen[0] else None


def features(
    net: Module, head: Module, loader: Loader, device: str, progress: Callable[[], None] = lambda: None
) -> np.ndarray | None:
    """Return what the frozen layers make of every picture, (N, …); None where a picture could not be read.

    Args:
        net: the network.
        head: see `last_layer`.
        loader: of the pictures, in their order, none of them changed at random.
        device: where the network is.
        progress: is called after every batch.
    """
    made: list[np.ndarray] = []
    net.eval()
    with no_grad(), passing_on(head), closing(loader.epoch(0)) as batches:
        for batch in batches:
            x, _ = on_device(batch, device)
            made.append(to_numpy(net(Tensor(x)).data))
            progress()
    return None if loader.left_out else np.concatenate(made)
