"""Every scheduler against PyTorch's of the same name and arguments: the learning rates and momenta of forty calls."""

import pytest

from minidl import nn, optim
from minidl._words.optim import SCHEDULERS
from minidl.optim import lr_scheduler

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers
CALLS = 40
LRS = (0.4, 0.05)
CASES = {
    "StepLR": [((7,), {}), ((3,), {"gamma": 0.5})],
    "MultiStepLR": [(([5, 11, 30], 0.3), {}), ((), {"milestones": [1, 2]})],
    "ExponentialLR": [((0.9,), {})],
    "CosineAnnealingLR": [((CALLS,), {}), ((), {"T_max": CALLS + 9, "eta_min": 0.01})],
    "PolynomialLR": [((), {}), ((CALLS, 2.0), {}), ((11,), {"power": 0.5})],
    "LambdaLR": [((lambda k: 0.95**k,), {}), ((lambda k: (k + 1) / 9,), {})],
    "LinearLR": [((), {}), ((0.1,), {"total_iters": 9}), ((0.5, 0.25), {"total_iters": 30})],
    "ConstantLR": [((), {}), ((0.25, 9), {})],
    "OneCycleLR": [
        ((0.7, CALLS), {}),
        (([0.7, 0.1],), {"epochs": 8, "steps_per_epoch": 5, "pct_start": 0.2, "anneal_strategy": "linear"}),
        ((0.7, CALLS + 3), {"three_phase": True, "div_factor": 10, "final_div_factor": 100, "max_momentum": 0.9}),
    ],
    "ReduceLROnPlateau": [((), {"patience": 2}), (("max", 0.5), {"patience": 0, "cooldown": 2, "min_lr": 0.01})],
}


def test_every_scheduler_is_here():
    assert set(CASES) | {"LRScheduler"} == set(lr_scheduler.__all__)
    names = {name for name in torch.optim.lr_scheduler.__all__ if name != "LRScheduler"}
    assert names - {"SWALR"} <= set(CASES) | set(SCHEDULERS)


@pytest.mark.parametrize("rule", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "number"), [(name, n) for name, cases in CASES.items() for n in range(len(cases))])
def test_forty_calls(name, number, rule, rng):
    args, settings = CASES[name][number]
    common = {"momentum": 0.9} if rule == "SGD" else {}
    ours, theirs = (
        getattr(module, rule)([{"params": [p], "lr": lr} for p, lr in zip(ps, LRS)], **common, lr=1.0)
        for module, ps in (
            (optim, [nn.Parameter([1.0]), nn.Parameter([2.0])]),
            (torch.optim, [torch.nn.Parameter(torch.ones(1)) for _ in LRS]),
        )
    )
    mine = getattr(lr_scheduler, name)(ours, *args, **settings)
    other = getattr(torch.optim.lr_scheduler, name)(theirs, *args, **settings)
    figures = 1 + rng.uniform(-0.3, 0.3, CALLS)
    key = "momentum" if rule == "SGD" else "betas"
    for k in range(CALLS):
        assert mine.get_last_lr() == pytest.approx(other.get_last_lr(), rel=1e-9, abs=1e-15), k
        for group, theirs_ in zip(ours.param_groups, theirs.param_groups):
            assert group["lr"] == pytest.approx(theirs_["lr"], rel=1e-9, abs=1e-15), k
            assert group[key] == pytest.approx(theirs_[key], rel=1e-9), k
            assert group["initial_lr"] == pytest.approx(theirs_.get("initial_lr", theirs_["lr"]), rel=1e-12) or (
                name == "ReduceLROnPlateau"  # which has no such entry there
            )
        if k < CALLS - 1:
            theirs.step()  # PyTorch warns of the other order
            figure = [float(figures[k])] if name == "ReduceLROnPlateau" else []
            mine.step(*figure)
            other.step(*figure)
