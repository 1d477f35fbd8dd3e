"""The same detector in PyTorch, from the same weights and on the same batches: the same losses, step after step."""

import numpy as np
import pytest

from minidl import Tensor, models, nn, optim
from minidl.detection import yolo_loss
from minidl.detection.yolo import yolo_aims
from tests.detection.test_yolo import SIZE, some_truths

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers


def twin(net):
    """The layers of yolo_tiny as PyTorch's, with its weights."""
    layers = []
    for layer in [*net.features, net.head]:
        if isinstance(layer, nn.Conv2d):
            o, c, k, _ = layer.weight.shape
            layers.append(torch.nn.Conv2d(c, o, k, padding=k // 2, bias=layer.bias is not None))
        elif isinstance(layer, nn.BatchNorm2d):
            layers.append(torch.nn.BatchNorm2d(len(layer.weight.data)))
        else:
            layers.append(torch.nn.LeakyReLU(0.1) if isinstance(layer, nn.LeakyReLU) else torch.nn.MaxPool2d(2))
    theirs = torch.nn.Sequential(*layers)
    arrays = [value for name, value in net.state_dict().items() if "num_batches" not in name]
    names = [name for name in theirs.state_dict() if "num_batches" not in name]
    theirs.load_state_dict(dict(zip(names, map(torch.tensor, arrays), strict=True)), strict=False)
    return theirs


def test_losses_and_gradients_step_by_step(rng):
    net = models.yolo_tiny(cells=4, image_size=32, width=4, rng=np.random.default_rng(1))
    theirs = twin(net)
    ours = optim.Adam(net.parameters(), lr=1e-3)
    rule = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    for _ in range(4):
        x, truths = rng.random((4, 3, 32, 32), dtype=np.float32), some_truths(rng, 4, 3)
        loss = yolo_loss(net(Tensor(x)), truths, SIZE, 2)
        y = theirs(torch.tensor(x)).permute(0, 2, 3, 1)
        aims = yolo_aims(y.detach().numpy(), truths, SIZE, 2)
        weight = torch.tensor(np.array([0, 1, 5, 0.5])[aims.weight.astype(int)])
        other = (weight * (y - torch.tensor(aims.aim)) ** 2).sum() / len(x)
        assert abs(loss.item() - other.item()) <= 1e-4 * abs(other.item())
        for optimizer, one in ((ours, loss), (rule, other)):
            optimizer.zero_grad()
            one.backward()
        mine = [p.grad for p in net.parameters()]
        for a, b in zip(mine, (p.grad.numpy() for p in theirs.parameters()), strict=True):
            assert np.abs(a - b).max() <= 1e-3 * max(1e-2, np.abs(b).max())
        ours.step()
        rule.step()
