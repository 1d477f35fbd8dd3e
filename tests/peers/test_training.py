"""The whole loop against PyTorch: the same network, initial weights and batches give the same losses, step by step.

In float64, where the two agree as long as they compute the same; in float32 rounding would grow from step to step.
"""

import numpy as np
import pytest

from minidl import kernels, models, nn
from minidl.training import Callback, fit
from tests.contract import relative_error

torch = pytest.importorskip("torch")
torchvision = pytest.importorskip("torchvision")
pytestmark = pytest.mark.peers

EPOCHS, STEPS, N = 2, 4, 6
ONE_CYCLE = {"name": "one_cycle", "pct_start": 0.4}
CASES = {
    "fast": {"lr": 0.02, "weight_decay": 5e-4, "schedule": ONE_CYCLE},
    "smooth": {
        "lr": 0.02,
        "momentum": 0.8,
        "nesterov": False,
        "label_smoothing": 0.1,
        "decay_norms": False,
        "weight_decay": 0.1,
    },
    "clipped": {"lr": 0.05, "clip_norm": 1.0},
    "accumulated": {"lr": 0.02, "accumulate": 2, "schedule": {"name": "cosine", "warmup": 1}},
    "adamw": {"lr": 1e-3, "optimizer": "adamw", "weight_decay": 0.1, "schedule": ONE_CYCLE},
}


class Noise:
    """Batches in float64 that are addressed by epoch and step."""

    def __init__(self, seed):
        self.seed = seed

    def __len__(self):
        return STEPS

    def epoch(self, number, start_step=0):
        for step in range(start_step, STEPS):
            rng = np.random.default_rng((self.seed, number, step))
            labels = rng.integers(0, 10, N)
            yield rng.standard_normal((N, 3, 32, 32)) + labels[:, None, None, None] / 4, labels


class Losses(Callback):
    def __init__(self):
        self.losses = []

    def on_step(self, state, loss):
        self.losses.append(loss)


def small(library):
    """A small network, with the modules of minidl's nn or PyTorch's."""
    return library.Sequential(
        library.Conv2d(3, 8, 3, padding=1, bias=False),
        library.BatchNorm2d(8),
        library.ReLU(),
        library.MaxPool2d(2),
        library.Conv2d(8, 8, 3, padding=1),
        library.AvgPool2d(8),
        library.Flatten(),
        library.Linear(32, 10),
    )


def in_float64(ours, theirs):
    """Give ours the weights of theirs, and make float64 of both."""
    ours.load_state_dict({key: value.numpy() for key, value in theirs.state_dict().items()})
    for parameter in ours.parameters():
        parameter._data = parameter.data.astype(np.float64)
    for module in ours.modules():
        for name, buffer in module.named_buffers(recurse=False):
            module._buffers[name] = buffer.astype(np.float64)
    theirs.double()


def their_rule(net, settings):
    """PyTorch's optimiser and scheduler for the same settings."""
    decay, bare = settings.get("weight_decay", 0.001), not settings.get("decay_norms", True)
    groups = [
        {"params": [p for p in net.parameters() if p.ndim > 1], "weight_decay": decay},
        {"params": [p for p in net.parameters() if p.ndim <= 1], "weight_decay": 0.0 if bare else decay},
    ]
    if settings.get("optimizer") == "adamw":
        rule = torch.optim.AdamW(groups, settings["lr"])
    else:
        momentum, nesterov = settings.get("momentum", 0.9), settings.get("nesterov", True)
        rule = torch.optim.SGD(groups, settings["lr"], momentum, nesterov=nesterov)
    steps, schedulers = EPOCHS * STEPS // settings.get("accumulate", 1), torch.optim.lr_scheduler
    schedule = settings.get("schedule", {"name": "constant"})
    if schedule["name"] == "one_cycle":
        return rule, [schedulers.OneCycleLR(rule, settings["lr"], steps, pct_start=schedule["pct_start"])]
    if schedule["name"] == "cosine":
        warm = schedulers.LinearLR(rule, 0.1, total_iters=steps // EPOCHS)
        return rule, [warm, schedulers.CosineAnnealingLR(rule, steps)]
    return rule, []


def their_losses(net, settings):
    rule, schedulers = their_rule(net, settings)
    together, losses = settings.get("accumulate", 1), []
    smoothing = settings.get("label_smoothing", 0.0)
    net.train()
    for epoch in range(EPOCHS):
        batches = list(Noise(0).epoch(epoch))
        for first in range(0, STEPS, together):
            rule.zero_grad()
            total = 0.0
            for x, labels in batches[first : first + together]:
                output = net(torch.tensor(x))
                loss = torch.nn.functional.cross_entropy(output, torch.tensor(labels), label_smoothing=smoothing)
                (loss / together).backward()
                total += loss.item() / together
            if "clip_norm" in settings:
                torch.nn.utils.clip_grad_norm_(net.parameters(), settings["clip_norm"])
            rule.step()
            for scheduler in schedulers:
                scheduler.step()
            losses.append(total)
    return losses


def check(ours, theirs, settings):
    in_float64(ours, theirs)
    callback = Losses()
    fit(ours, Noise(0), Noise(1), callbacks=[callback], epochs=EPOCHS, **settings)
    np.testing.assert_allclose(callback.losses, their_losses(theirs, settings), rtol=1e-6)
    state = ours.state_dict()
    expected = {path: tensor.numpy() for path, tensor in theirs.state_dict().items() if "num_batches" not in path}
    assert state.keys() == expected.keys()
    for path, array in expected.items():
        assert relative_error(state[path], array) < 1e-6, path


@pytest.mark.parametrize("case", CASES)
def test_every_setting_does_what_it_does_in_pytorch(case):
    torch.manual_seed(0)
    check(small(nn), small(torch.nn), CASES[case])


@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
def test_resnet18_follows_pytorch(kernel_set):
    torch.manual_seed(0)
    theirs = torchvision.models.resnet18(num_classes=10)
    with nn.init.unfilled():
        ours = models.get_model("resnet18", num_classes=10)
    with kernels.use(kernel_set):
        check(ours, theirs, CASES["fast"])
