"""Residual networks against torchvision's with the same random weights: outputs in float32, gradients in float64.

In float32 two right gradients of a deep network can differ by more than 2e-3: batch norm over few pixels amplifies
rounding, and a relu whose input is within rounding of 0 may fall on the other side. In float64 they agree to 1e-6.
"""

import numpy as np
import pytest

from minidl import Tensor, models, nn, no_grad, ops
from tests.contract import relative_error

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers

NAMES = ["resnet18", "resnet50", "resnext50_32x4d", "wide_resnet50_2"]


@pytest.fixture(scope="module", params=NAMES)
def pair(request):
    """The same network twice, with the same weights and running statistics, and a batch."""
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((2, 3, 64, 64)), rng.integers(0, 1000, 2)
    torch.manual_seed(0)
    theirs = getattr(torchvision.models, request.param)(weights=None)
    with torch.no_grad():
        theirs(torch.randn(4, 3, 64, 64))  # in training mode: the running statistics are not 0 and 1 any more
    with nn.init.unfilled():
        ours = models.get_model(request.param)
    report = ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    assert not report.missing
    return ours, theirs, x, labels


def worst_gradient(pair):
    ours, theirs, x, labels = pair
    ours.zero_grad()
    theirs.zero_grad()
    loss = ops.cross_entropy(ours(Tensor(x)), labels)
    loss.backward()
    their_loss = torch.nn.functional.cross_entropy(theirs(torch.tensor(x)), torch.tensor(labels))
    their_loss.backward()
    assert abs(loss.item() - their_loss.item()) < 1e-9 * abs(their_loss.item())
    expected = {path: parameter.grad.numpy() for path, parameter in theirs.named_parameters()}
    assert expected.keys() == {path for path, _ in ours.named_parameters()}
    return max(relative_error(parameter.grad, expected[path]) for path, parameter in ours.named_parameters())


def test_outputs_gradients_and_statistics(pair):
    ours, theirs, x, _ = pair
    ours.eval()
    theirs.eval()
    single = x.astype(np.float32)
    with no_grad(), torch.no_grad():
        assert relative_error(ours(Tensor(single)).data, theirs(torch.tensor(single)).numpy()) < 1e-4
    for parameter in ours.parameters():
        parameter._data = parameter.data.astype(np.float64)
    for module in ours.modules():
        for name, buffer in module._buffers.items():
            module._buffers[name] = buffer.astype(np.float64)
    theirs.double()
    assert worst_gradient(pair) < 1e-6
    ours.train()
    theirs.train()
    assert worst_gradient(pair) < 1e-6
    for path, buffer in ours.named_buffers():
        assert relative_error(buffer, theirs.get_buffer(path).numpy()) < 1e-10, path
