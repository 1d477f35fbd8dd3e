"""Schedules and clipping against PyTorch: fifty steps, to 1e-6 in float64."""

import numpy as np
import pytest

from minidl import nn, optim
from tests.contract import relative_error

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers
schedulers = torch.optim.lr_scheduler

EPOCHS, STEPS, LR = 10, 5, 0.4
T = EPOCHS * STEPS


def chained(warmup, other):
    """PyTorch's words for a warm-up of `warmup` steps from a tenth."""
    return lambda rule: schedulers.ChainedScheduler(
        [schedulers.LinearLR(rule, start_factor=0.1, total_iters=warmup), other(rule)]
    )


def every_epoch(other):
    """Step one of PyTorch's schedulers that count epochs, once each STEPS steps."""

    class EveryEpoch:
        def __init__(self, rule):
            self.scheduler, self.k = other(rule), 0

        def step(self):
            self.k += 1
            if self.k % STEPS == 0:
                self.scheduler.step()

    return EveryEpoch


CASES = {
    "constant": ({"name": "constant"}, lambda rule: schedulers.ConstantLR(rule, factor=1.0)),
    "step": ({"name": "step", "step_size": 3, "gamma": 0.5}, every_epoch(lambda r: schedulers.StepLR(r, 3, 0.5))),
    "googlenet": (
        {"name": "step", "step_size": 8, "gamma": 0.96},
        every_epoch(lambda r: schedulers.StepLR(r, 8, 0.96)),
    ),
    "milestones": (
        {"name": "step", "milestones": [2, 5, 7], "gamma": 0.3},
        every_epoch(lambda rule: schedulers.MultiStepLR(rule, [2, 5, 7], 0.3)),
    ),
    "exponential": (
        {"name": "step", "step_size": 1, "gamma": 0.9},
        every_epoch(lambda rule: schedulers.ExponentialLR(rule, 0.9)),
    ),
    "polynomial": ({"name": "polynomial"}, lambda rule: schedulers.PolynomialLR(rule, T)),
    "polynomial 0.5": ({"name": "polynomial", "power": 0.5}, lambda rule: schedulers.PolynomialLR(rule, T, 0.5)),
    "cosine": ({"name": "cosine"}, lambda rule: schedulers.CosineAnnealingLR(rule, T)),
    "cosine min": (
        {"name": "cosine", "min_lr": 0.03},
        lambda rule: schedulers.CosineAnnealingLR(rule, T, eta_min=0.03),
    ),
    "one_cycle": ({"name": "one_cycle"}, lambda rule: schedulers.OneCycleLR(rule, LR, T)),
    "one_cycle of the paper": (
        {"name": "one_cycle", "three_phase": True, "anneal_strategy": "linear", "pct_start": 0.45, "div_factor": 10},
        lambda rule: schedulers.OneCycleLR(
            rule, LR, T, three_phase=True, anneal_strategy="linear", pct_start=0.45, div_factor=10
        ),
    ),
    "one_cycle with other numbers": (
        {"name": "one_cycle", "max_lr": 2.0, "pct_start": 0.25, "base_momentum": 0.7, "final_div_factor": 10},
        lambda rule: schedulers.OneCycleLR(rule, 2.0, T, pct_start=0.25, base_momentum=0.7, final_div_factor=10),
    ),
    "inverse_sqrt": (
        {"name": "inverse_sqrt", "warmup": 2, "warmup_factor": 0},
        lambda rule: schedulers.LambdaLR(rule, lambda k: min(k / (2 * STEPS), (2 * STEPS / max(k, 1)) ** 0.5)),
    ),
    "warmup": ({"name": "constant", "warmup": 2}, lambda rule: schedulers.LinearLR(rule, 0.1, total_iters=2 * STEPS)),
    "warmup, polynomial": (
        {"name": "polynomial", "warmup": 3},
        chained(3 * STEPS, lambda rule: schedulers.PolynomialLR(rule, T)),
    ),
    "warmup, milestones": (
        {"name": "step", "milestones": [1, 6], "warmup": 1.6},
        chained(8, lambda rule: schedulers.MultiStepLR(rule, [STEPS, 6 * STEPS], 0.1)),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_fifty_steps(case, rng):
    """The learning rate, the momentum, and what fifty steps of SGD with them make of a parameter."""
    table, theirs = CASES[case]
    start, gradients = rng.standard_normal((3, 4)), rng.standard_normal((T, 3, 4))
    p, q = nn.Parameter(start.copy()), torch.nn.Parameter(torch.tensor(start))
    our_rule, their_rule = optim.SGD([p], LR, momentum=0.9), torch.optim.SGD([q], LR, momentum=0.9)
    schedule, scheduler = optim.make_schedule(table, lr=LR, epochs=EPOCHS, steps=STEPS), theirs(their_rule)
    for k, g in enumerate(gradients):
        our_rule.lr = schedule.lr(*divmod(k, STEPS))
        momentum = schedule.momentum(*divmod(k, STEPS))
        our_rule.momentum = our_rule.momentum if momentum is None else momentum
        (group,) = their_rule.param_groups
        assert our_rule.lr == pytest.approx(group["lr"], rel=1e-6, abs=0)
        assert our_rule.momentum == pytest.approx(group["momentum"], rel=1e-6, abs=0)
        p.grad, q.grad = g.copy(), torch.tensor(g)
        our_rule.step()
        their_rule.step()
        if k < T - 1:
            scheduler.step()
        assert relative_error(p.data, q.detach().numpy()) < 1e-6


OWN = [{"weight_decay": 0.1}, {"lr": 0.05}, {"lr": 0.7, "weight_decay": 0.01}]
EACH = [LR, 0.05, 0.7]
PEAKS = {
    "one_cycle": lambda rule: schedulers.OneCycleLR(rule, EACH, T),
    "one_cycle of the paper": lambda rule: schedulers.OneCycleLR(
        rule, EACH, T, three_phase=True, anneal_strategy="linear", pct_start=0.45, div_factor=10
    ),
}
RULES = {
    "sgd": ("SGD", {"momentum": 0.9}, {"momentum": 0.5, "nesterov": True}),
    "adam": ("Adam", {"betas": (0.9, 0.99)}, {"eps": 1e-3, "betas": (0.8, 0.9)}),
    "adamw": ("AdamW", {"weight_decay": 0.2}, {"eps": 1e-4}),
    "rmsprop": ("RMSprop", {"momentum": 0.9, "eps": 1e-3}, {"alpha": 0.9}),
}


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("rule", RULES)
def test_fifty_steps_of_groups_with_settings_of_their_own(rule, case, rng):
    """Three groups with their own learning rate, weight decay and rest; the schedule moves them all."""
    name, common, last = RULES[rule]
    starts, gradients = rng.standard_normal((3, 3, 4)), rng.standard_normal((T, 3, 3, 4))
    ours = [nn.Parameter(start.copy()) for start in starts]
    theirs = [torch.nn.Parameter(torch.tensor(start)) for start in starts]
    groups = [settings | (last if at == 2 else {}) for at, settings in enumerate(OWN)]
    our_rule, their_rule = (
        getattr(module, name)(
            [{"params": [p], **settings} for p, settings in zip(ps, groups, strict=True)], lr=LR, **common
        )
        for module, ps in ((optim, ours), (torch.optim, theirs))
    )
    table, scheduler = CASES[case]
    scheduler = PEAKS.get(case, scheduler)(their_rule)
    schedule = optim.make_schedule(table, lr=LR, epochs=EPOCHS, steps=STEPS)
    for k, several in enumerate(gradients):
        our_rule.follow(schedule, *divmod(k, STEPS))
        for p, q, g in zip(ours, theirs, several, strict=True):
            p.grad, q.grad = g.copy(), torch.tensor(g)
        for our_group, their_group in zip(our_rule.param_groups, their_rule.param_groups, strict=True):
            for key in our_group.keys() & their_group.keys() - {"params", "initial_lr"}:
                assert our_group[key] == pytest.approx(their_group[key], rel=1e-6, abs=0), key
        our_rule.step()
        their_rule.step()
        if k < T - 1:
            scheduler.step()
    for p, q in zip(ours, theirs, strict=True):
        assert relative_error(p.data, q.detach().numpy()) < 1e-6


@pytest.mark.parametrize("monitor", ["val_loss", "val_top1"])
@pytest.mark.parametrize("settings", [{"patience": 2}, {"patience": 0, "cooldown": 3, "factor": 0.7, "min_lr": 0.02}])
def test_plateau_of_fifty_epochs(monitor, settings, rng):
    figures = np.maximum(0.3, 1 - np.arange(50) / 20) + rng.uniform(0, 0.1, 50)
    figures = figures if monitor == "val_loss" else 1.5 - figures
    mode = "min" if monitor == "val_loss" else "max"
    own = 0.15
    rule = torch.optim.SGD([{"params": torch.nn.Parameter(torch.zeros(1)), "lr": lr} for lr in (LR, own)], LR)
    ours = optim.SGD([{"params": nn.Parameter([0.0]), "lr": lr} for lr in (LR, own)], LR)
    scheduler = schedulers.ReduceLROnPlateau(rule, mode, **{"factor": 0.1, "eps": 0, **settings})
    schedule = optim.make_schedule({"name": "plateau", "monitor": monitor, **settings}, lr=LR, epochs=50, steps=1)
    history, seen = [], set()
    for epoch, figure in enumerate(figures):
        lr = schedule.lr(epoch, 0, history)
        assert lr == pytest.approx(rule.param_groups[0]["lr"], rel=1e-6, abs=0)
        ours.follow(schedule, epoch, 0, history)
        for our_group, their_group in zip(ours.param_groups, rule.param_groups, strict=True):
            assert our_group["lr"] == pytest.approx(their_group["lr"], rel=1e-6, abs=0)
        seen.add(round(lr, 9))
        history.append({monitor: figure})
        scheduler.step(figure)
    assert len(seen) > 3


@pytest.mark.parametrize("max_norm", [0.5, 3.0, 100.0])
def test_clipping(max_norm, rng):
    ours, theirs = [], []
    for shape in ((3, 4), (5,), (2, 3, 1)):
        g = rng.standard_normal(shape)
        ours.append(nn.Parameter(np.zeros(shape)))
        theirs.append(torch.nn.Parameter(torch.zeros(shape, dtype=torch.float64)))
        ours[-1].grad, theirs[-1].grad = g, torch.tensor(g)
    norm = optim.clip_grad_norm(ours, max_norm)
    assert norm == pytest.approx(float(torch.nn.utils.clip_grad_norm_(theirs, max_norm)), rel=1e-12)
    for p, q in zip(ours, theirs):
        assert relative_error(p.grad, q.grad.numpy()) < 1e-12
