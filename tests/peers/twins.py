"""Twins: one network here and in PyTorch, with the same weights, and what must be equal between them.

Outputs are compared in float32, a whole step of training in float64: in float32 two right gradients of a deep network
can differ by more than 2e-3, because batch norm over few pixels amplifies rounding, and a relu whose input is within
rounding of 0 may fall on the other side.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from minidl import Tensor, models, nn, no_grad, ops
from minidl.models._family import Network
from tests.contract import relative_error

torch = pytest.importorskip("torch")


@dataclass
class Twins:
    """Both networks, and a batch in float64 with its labels."""

    ours: Any
    theirs: Any
    x: np.ndarray
    labels: np.ndarray


def twins(name: str | Network, theirs: Any, size: int, batch: int = 2) -> Twins:
    """Build the network of that name (or take the given one) and give it the weights and running statistics of theirs.

    Norms get scales and shifts that are not 1 and 0; dropout and stochastic depth are off in both. Where theirs has
    names of its own, the weights are copied over in order.
    """
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((batch, 3, size, size)), rng.integers(0, 1000, batch)
    with nn.init.unfilled():
        ours = models.get_model(name) if isinstance(name, str) else name
    for module in [*ours.modules(), *theirs.modules()]:
        if "Dropout" in type(module).__name__ or type(module).__name__ == "StochasticDepth":
            module.p = 0.0
    for norm in (module for module in theirs.modules() if isinstance(module, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)
        torch.nn.init.normal_(norm.bias, 0, 0.2)
    with torch.no_grad():  # in training mode: the running statistics are not 0 and 1 any more
        theirs.train()(torch.tensor(rng.standard_normal((4, 3, size, size)), dtype=torch.float32))
    state = {
        key: tensor.numpy() for key, tensor in theirs.state_dict().items() if not key.endswith("num_batches_tracked")
    }
    own = list(ours.state_dict())
    report = ours.load_state_dict(state if own == list(state) else dict(zip(own, state.values(), strict=True)))
    assert not report.missing
    return Twins(ours, theirs, x, labels)


def check_outputs(pair: Twins) -> None:
    """In evaluation, in float32."""
    x = pair.x.astype(np.float32)
    with no_grad(), torch.no_grad():
        ours, theirs = pair.ours.eval()(Tensor(x)), pair.theirs.eval()(torch.tensor(x))
    assert relative_error(ours.data, theirs.numpy()) < 1e-4


def check_gradients(pair: Twins) -> None:
    """In evaluation, ours in float32, theirs in float64: with constant statistics nothing amplifies rounding.

    Still, a relu whose input is within rounding of 0 may fall on the other side; then gradients are 1e-2 off, here as
    in PyTorch's float32, in about one draw of pictures in four; in DenseNet-121, whose relus stand behind sums that
    Winograd has rounded, in three of eight. A bug spoils every draw: so one of eight must agree.
    """
    ours, theirs, rng, worst = pair.ours.eval(), pair.theirs.double().eval(), np.random.default_rng(1), {}
    for _ in range(8):
        x = rng.standard_normal(pair.x.shape).astype(np.float32)
        ours.zero_grad()
        theirs.zero_grad()
        ops.cross_entropy(ours(Tensor(x)), pair.labels).backward()
        torch.nn.functional.cross_entropy(theirs(torch.tensor(x).double()), torch.tensor(pair.labels)).backward()
        pairs = zip(ours.named_parameters(), theirs.parameters(), strict=True)
        errors = {path: relative_error(parameter.grad, other.grad.numpy()) for (path, parameter), other in pairs}
        path = max(errors, key=errors.__getitem__)
        if errors[path] < 2e-3:
            return
        worst[path] = errors[path]
    pytest.fail(f"gradients differ in every draw: {worst}")


def to_float64(net: Any) -> Any:
    """Turn parameters and running statistics into float64, as `torch.nn.Module.double` does."""
    for module in net.modules():
        for name, parameter in module.named_parameters(recurse=False):
            setattr(module, name, nn.Parameter(parameter.data.astype(np.float64)))
        for name, buffer in module.named_buffers(recurse=False):
            setattr(module, name, buffer.astype(np.float64))
    return net


def check_step(
    pair: Twins,
    our_loss: Callable[..., Any] = ops.cross_entropy,
    their_loss: Callable[..., Any] = torch.nn.functional.cross_entropy,
    *,
    training: bool = True,
    within: float = 1e-6,
    nothing: Collection[str] = (),
) -> None:
    """One step in float64: the loss, every gradient to `within`, the running statistics to a ten thousandth of it.

    nothing: the parameters whose gradient is nothing but rounding, such as a bias before a norm.
    """
    ours, theirs = to_float64(pair.ours).train(training), pair.theirs.double().train(training)
    ours.zero_grad()
    theirs.zero_grad()
    loss = our_loss(ours(Tensor(pair.x)), pair.labels)
    loss.backward()
    expected = their_loss(theirs(torch.tensor(pair.x)), torch.tensor(pair.labels))
    expected.backward()
    assert abs(loss.item() - expected.item()) < 1e-3 * within * abs(expected.item())
    gradients = [parameter.grad.numpy() for _, parameter in theirs.named_parameters()]
    for (path, parameter), gradient in zip(ours.named_parameters(), gradients, strict=True):
        if path in nothing:
            assert abs(parameter.grad).max() < 1e-12 > abs(gradient).max(), path
        else:
            assert relative_error(parameter.grad, gradient) < within, path
    buffers = [buffer.numpy() for path, buffer in theirs.named_buffers() if not path.endswith("num_batches_tracked")]
    for (path, buffer), value in zip(ours.named_buffers(), buffers, strict=True):
        assert relative_error(buffer, value) < 1e-4 * within, path
