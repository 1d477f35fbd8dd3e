"""Update rules against PyTorch: fifty steps, to 1e-6 in float64."""

import pytest

from minidl import nn, optim
from tests.contract import relative_error

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.05, "momentum": 0.9, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.05, "momentum": 0.8, "weight_decay": 0.01, "nesterov": True}),
    ("Adam", {"lr": 0.01}),
    ("Adam", {"lr": 0.01, "betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": 0.1}),
    ("AdamW", {"lr": 0.01}),
    ("AdamW", {"lr": 0.02, "weight_decay": 0.3}),
    ("RMSprop", {"lr": 0.01}),
    ("RMSprop", {"lr": 0.01, "alpha": 0.9, "momentum": 0.9, "weight_decay": 0.01, "eps": 1e-3}),
]


@pytest.mark.parametrize(("rule", "settings"), CASES)
def test_fifty_steps(rule, settings, rng):
    start, gradients = rng.standard_normal((3, 4)), rng.standard_normal((50, 3, 4))
    ours, theirs = nn.Parameter(start.copy()), torch.nn.Parameter(torch.tensor(start))
    our_rule = getattr(optim, rule)([ours], **settings)
    their_rule = getattr(torch.optim, rule)([theirs], **settings)
    for g in gradients:
        ours.grad, theirs.grad = g.copy(), torch.tensor(g)
        our_rule.step()
        their_rule.step()
        assert relative_error(ours.data, theirs.detach().numpy()) < 1e-6
