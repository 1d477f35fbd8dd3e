"""The same detector in PyTorch, from the same weights and on the same batches: the same losses, step after step."""

import numpy as np
import pytest

from benchmarks import boxes
from minidl import Tensor, models, optim
from minidl.detection import yolo_loss
from tests.detection.test_yolo import SIZE, some_truths

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers


def test_losses_and_gradients_step_by_step(rng):
    net = models.yolo_tiny(cells=4, image_size=32, width=4, rng=np.random.default_rng(1))
    theirs = boxes.twin(net)
    ours = optim.Adam(net.parameters(), lr=1e-3)
    rule = torch.optim.Adam(theirs.parameters(), lr=1e-3)
    for _ in range(4):
        x, truths = rng.random((4, 3, 32, 32), dtype=np.float32), some_truths(rng, 4, 3)
        loss = yolo_loss(net(Tensor(x)), truths, SIZE, 2)
        other = boxes.yolo_loss(theirs(torch.tensor(x)).permute(0, 2, 3, 1), truths, SIZE, 2)
        assert abs(loss.item() - other.item()) <= 1e-4 * abs(other.item())
        for optimizer, one in ((ours, loss), (rule, other)):
            optimizer.zero_grad()
            one.backward()
        mine = [p.grad for p in net.parameters()]
        for a, b in zip(mine, (p.grad.numpy() for p in theirs.parameters()), strict=True):
            assert np.abs(a - b).max() <= 1e-3 * max(1e-2, np.abs(b).max())
        ours.step()
        rule.step()
