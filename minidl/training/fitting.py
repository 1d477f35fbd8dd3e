"""`fit`: train any network on any pictures, without a run folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from minidl._checks import shown
from minidl.data import Split
from minidl.data._as_split import Source, as_split
from minidl.nn import Module
from minidl.optim import Optimizer
from minidl.training.batches import Batches, training_batches, validation_batches
from minidl.training.callback import AfterEpoch, Watcher
from minidl.training.loop import run_epochs
from minidl.training.progress import check_progress, watching
from minidl.training.settings.config import Config, check_settings
from minidl.training.state import State, make_optimizer

PYTORCHS = {"callbacks": "watchers", "verbose": "progress", "validation_data": "val", "device_name": "device"}


def fit(
    model: Module | State,
    train: Source | Batches,
    val: Source | Batches,
    *,
    optimizer: str | Optimizer | None = None,
    watchers: Sequence[Watcher | Callable[[State], Any]] = (),
    should_stop: Callable[[], bool] = lambda: False,
    progress: bool | None = None,
    **settings: Any,
) -> State:
    """Train a network; examine it after every epoch.

    Args:
        model: the network, which changes; or a `State`, to go on from there with its own settings.
        train: pictures to learn from (float32 or uint8): a pair of arrays (x, y) with the class of each picture in y,
            `Pictures`, or a split; or batches that are addressed by epoch and step, such as those of a `data.Loader`,
            which has a batch size, transforms and a seed of its own.
        val: pictures to examine the network with, or batches of them.
        optimizer: "sgd", "rmsprop", "adam" or "adamw"; or one that was made before.
        watchers: whom to tell how it goes, see `Watcher`; a plain function is called with the state after every epoch.
        should_stop: is asked between steps; the training ends where it says yes.
        progress: None (default) shows a bar and a line an epoch at a terminal and in a notebook; True prints the lines
            elsewhere, too; False shows nothing.
        settings: those of a `Config`, such as epochs, batch_size, lr, schedule, label_smoothing, transforms or seed;
            the schedule is constant unless given.

    Returns:
        The state at the end: `history` has a row for each epoch, `finished` is False if it was stopped before.

    Raises:
        NonFiniteError: if a loss, a parameter or a buffer is NaN or infinite; the message names the layer.
        ValueError: if a setting is unknown or refused, the pictures do not fit the network, or there are none.

    Example:
        >>> from minidl import data, models
        >>> train, val = (part.take(slice(0, 64)) for part in data.open_dataset("digits"))
        >>> state = fit(models.lenet5_modern(), train, val, epochs=2, optimizer="adam", lr=0.001)
        >>> [row["epoch"] for row in state.history], state.finished
        ([1, 2], True)
        >>> arrays = [(part.x, part.labels) for part in (train, val)]  # the same pictures as plain arrays
        >>> fit(models.lenet5_modern(), *arrays, epochs=1, optimizer="adam", lr=0.001).finished
        True
    """
    if not isinstance(watchers, (list, tuple)) or not all(
        isinstance(one, Watcher) or callable(one) for one in watchers
    ):
        raise TypeError(f"fit: watchers must be a list of Watchers or functions; received {shown(watchers)}")
    check_progress(progress)
    for word, ours in PYTORCHS.items():
        if word in settings:
            raise ValueError(f"fit: there is no setting {word!r}; it is called {ours}")
    if not callable(should_stop):
        raise TypeError(f"fit: should_stop must be a function without arguments; received {shown(should_stop)}")
    train, val = (_judged(name, part) for name, part in (("train", train), ("val", val)))
    state = model if isinstance(model, State) else _begin(model, optimizer, settings)
    if state is model and (settings or optimizer is not None):
        named = ", ".join([*settings, *["optimizer"] * (optimizer is not None)])
        raise ValueError(f"fit: a State goes on with its own settings; received {named} as well")
    config = state.config
    batches = training_batches(train, config) if isinstance(train, Split) else train
    examined = validation_batches(val, config) if isinstance(val, Split) else val
    told = [one if isinstance(one, Watcher) else AfterEpoch(one) for one in watchers]
    with watching(progress) as shown_by:
        run_epochs(state, batches, examined, (*shown_by, *told), should_stop)
    return state


def _judged(name: str, part: Any) -> Split | Batches:
    """Return pictures as a split, and batches as they are."""
    if not (hasattr(part, "epoch") and hasattr(part, "__len__")):
        part = as_split("fit", name, part, classes_only=True)
    if not len(part):
        raise ValueError(f"fit: there are no pictures; received len({name})=0")
    return part


def _begin(net: Module, optimizer: str | Optimizer | None, settings: dict[str, Any]) -> State:
    """Return the state before the first step."""
    if not isinstance(net, Module):
        raise TypeError(f"fit: expects a module or a State; received a {type(net).__name__}")
    check_settings(settings)
    own = optimizer if isinstance(optimizer, Optimizer) else None
    defaults: dict[str, Any] = {"model": getattr(net, "name", "") or type(net).__name__, "data": "pictures"}
    defaults |= {"device": next((p.device for p in net.parameters()), "cpu")}
    defaults |= {"schedule": {"name": "constant"}} | ({} if own is None else {"lr": own.lr})
    config = Config(**defaults | settings | ({"optimizer": optimizer} if isinstance(optimizer, str) else {}))
    net.to(config.device)
    return State(net, own or make_optimizer(net, config), config)
