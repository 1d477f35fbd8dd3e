"""The cross-entropy against PyTorch: weights of classes, ignored labels, smoothing, a label for each pixel."""

import itertools

import numpy as np
import pytest

from minidl import Tensor, kernels, nn, ops
from tests.contract import relative_error

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

WEIGHTS = (None, [0.5, 2.0, 0.0, 1.5, 0.25])
IGNORED = (None, -100, 2, 255)
SIZES = [(), (3,), (4, 3), (2, 3, 2)]


@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("size", SIZES, ids=str)
@pytest.mark.parametrize("labels", ["indices", "probabilities"])
def test_cross_entropy(labels, size, dtype, kernel_set, rng):
    for weight, ignored, smoothing in itertools.product(WEIGHTS, IGNORED, (0.0, 0.1)):
        x = (rng.standard_normal((6, 5, *size)) * 3).astype(dtype)
        if labels == "indices":
            t = rng.integers(0, 5, (6, *size))
            t[::3] = t[::3] if ignored is None else ignored
        else:
            t = rng.uniform(0, 1, x.shape).astype(dtype)
        index = -100 if ignored is None or labels == "probabilities" else ignored  # PyTorch refuses it there
        dy = np.asarray(rng.standard_normal(), dtype)
        ours, theirs = Tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        wanted = torch.nn.functional.cross_entropy(
            theirs,
            torch.tensor(t),
            None if weight is None else torch.tensor(weight, dtype=theirs.dtype),
            ignore_index=index,
            label_smoothing=smoothing,
        )
        (wanted * float(dy)).backward()
        with kernels.use(kernel_set):
            loss = ops.cross_entropy(ours, t, weight, ignore_index=index, label_smoothing=smoothing)
            loss.backward(dy)
        tolerance = 1e-12 if dtype == "float64" else 2e-6
        assert relative_error(loss.data, wanted.detach().numpy()) < tolerance
        assert relative_error(ours.grad, theirs.grad.numpy()) < tolerance


def test_the_layer_keeps_its_weight_as_a_buffer(rng):
    weight, x, t = np.array([0.5, 2.0, 1.0], "float32"), rng.standard_normal((4, 3)).astype("float32"), [0, 1, 7, 2]
    ours = nn.CrossEntropyLoss(weight, ignore_index=7, label_smoothing=0.1)
    theirs = torch.nn.CrossEntropyLoss(torch.tensor(weight), ignore_index=7, label_smoothing=0.1)
    assert list(ours.state_dict()) == list(theirs.state_dict()) == ["weight"]
    wanted = theirs(torch.tensor(x), torch.tensor(t)).item()
    assert ours(Tensor(x), np.array(t)).item() == pytest.approx(wanted, rel=1e-6)
    assert list(nn.CrossEntropyLoss().state_dict()) == []
