"""AlexNet, VGG and GoogLeNet against torchvision's with the same random weights, dropout off.

Outputs are compared in float32, gradients in float64: in float32 a relu whose input is within rounding of 0 may fall on
the other side, and two right gradients then differ by more than rounding.
"""

import numpy as np
import pytest

from minidl import Tensor, models, nn, no_grad, ops
from minidl.models import googlenet_loss
from tests.contract import relative_error

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers

CASES = [
    ("alexnet_owt", "alexnet", 96),
    ("vgg11", "vgg11", 64),
    ("vgg16_bn", "vgg16_bn", 64),
    ("googlenet_bn", "googlenet", 96),
]
BEFORE_A_NORM = {f"features.{place}.bias" for place in (0, 3, 7, 10, 14, 17, 20, 24, 27, 30, 34, 37, 40)}  # vgg16_bn


def their_loss(outputs, labels):
    """Sum up the losses; torchvision names its heads in another order: logits, aux_logits2, aux_logits1."""
    cross_entropy = torch.nn.functional.cross_entropy
    if isinstance(outputs, torch.Tensor):
        return cross_entropy(outputs, labels)
    aux = cross_entropy(outputs.aux_logits1, labels) + cross_entropy(outputs.aux_logits2, labels)
    return cross_entropy(outputs.logits, labels) + 0.3 * aux


@pytest.fixture(scope="module", params=CASES, ids=lambda case: case[0])
def pair(request):
    """The same network twice, with the same weights and running statistics, and a batch."""
    name, theirs_name, size = request.param
    rng = np.random.default_rng(0)
    x, labels = rng.standard_normal((4, 3, size, size)).astype(np.float32), rng.integers(0, 1000, 4)
    torch.manual_seed(0)
    heads = {"init_weights": False, "aux_logits": True} if theirs_name == "googlenet" else {}
    theirs = torchvision.models.get_model(theirs_name, weights=None, **heads)
    with nn.init.unfilled():
        ours = models.get_model(name)
    for dropout in (module for module in [*ours.modules(), *theirs.modules()] if "Dropout" in type(module).__name__):
        dropout.p = 0.0
    with torch.no_grad():
        theirs(torch.randn(8, 3, size, size))  # in training: the running statistics are not 0 and 1 any more
    report = ours.load_state_dict({path: tensor.numpy() for path, tensor in theirs.state_dict().items()})
    assert not report.missing
    return ours, theirs, x, labels


def test_outputs_in_evaluation(pair):
    ours, theirs, x, _ = pair
    with no_grad(), torch.no_grad():
        assert relative_error(ours.eval()(Tensor(x)).data, theirs.eval()(torch.tensor(x)).numpy()) < 1e-4


def to_float64(net):
    """Turn parameters and running statistics into float64, as `torch.nn.Module.double` does."""
    for module in net.modules():
        for name, parameter in list(module._parameters.items()):
            setattr(module, name, nn.Parameter(parameter.data.astype(np.float64)))
        for name, buffer in list(module._buffers.items()):
            setattr(module, name, buffer.astype(np.float64))
    return net


def test_gradients_and_statistics_of_a_training_step(pair):
    ours, theirs, x, labels = pair
    ours, theirs, x = to_float64(ours).train(), theirs.double().train(), x.astype(np.float64)
    outputs = ours(Tensor(x))
    loss = googlenet_loss(outputs, labels) if isinstance(outputs, tuple) else ops.cross_entropy(outputs, labels)
    loss.backward()
    expected = their_loss(theirs(torch.tensor(x)), torch.tensor(labels))
    expected.backward()
    assert abs(loss.item() - expected.item()) < 1e-12 * abs(expected.item())
    gradients = {path: parameter.grad.numpy() for path, parameter in theirs.named_parameters()}
    assert gradients.keys() == dict(ours.named_parameters()).keys()
    for path, parameter in ours.named_parameters():
        if ours.name == "vgg16_bn" and path in BEFORE_A_NORM:  # nothing but rounding: the norm takes the bias off again
            assert abs(parameter.grad).max() < 1e-12 > abs(gradients[path]).max()
        else:
            assert relative_error(parameter.grad, gradients[path]) < 1e-8, path
    for path, buffer in ours.named_buffers():
        assert relative_error(buffer, theirs.get_buffer(path).numpy()) < 1e-12, path
