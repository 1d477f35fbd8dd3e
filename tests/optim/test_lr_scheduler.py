"""Schedulers with `.step()`: they follow the schedules, go on from their state, and let nobody move in between."""

import pickle

import pytest

from minidl import Tensor, nn, optim
from minidl._words.optim import SCHEDULERS
from minidl.optim import lr_scheduler


def rule(*lrs, **settings):
    return optim.SGD([{"params": [nn.Parameter([0.0])], "lr": lr} for lr in lrs or (0.8,)], lr=0.8, **settings)


def line(scheduler, calls, figures=()):
    """Return the learning rates before each call, and after the last."""
    seen = [scheduler.get_last_lr()]
    for k in range(calls):
        scheduler.step(*figures[k : k + 1])
        seen.append(scheduler.get_last_lr())
    return seen


@pytest.mark.parametrize("name", sorted(set(optim.SCHEDULES) - {"plateau"}))
@pytest.mark.parametrize("steps", [1, 3])
def test_any_schedule_is_walked_call_by_call(name, steps):
    table = {"name": name, **{"step": {"step_size": 2}, "inverse_sqrt": {"warmup": 1.5}}.get(name, {})}
    schedule = optim.make_schedule(table, lr=0.8, epochs=4, steps=steps)
    optimizer = rule(0.8, 0.2, 0.0, momentum=0.9)
    seen = line(lr_scheduler.LRScheduler(optimizer, schedule), 4 * steps - 1)
    expected = [schedule.lr(*divmod(k, steps)) for k in range(4 * steps)]
    assert [lrs[0] for lrs in seen] == expected
    assert [lrs[1] for lrs in seen] == pytest.approx([lr / 4 for lr in expected], rel=1e-12)
    assert {lrs[2] for lrs in seen} == {0.0}


MAKERS = {
    "ConstantLR": lambda o: lr_scheduler.ConstantLR(o, 0.5, 3),
    "CosineAnnealingLR": lambda o: lr_scheduler.CosineAnnealingLR(o, 8, eta_min=0.01),
    "ExponentialLR": lambda o: lr_scheduler.ExponentialLR(o, 0.9),
    "LRScheduler": lambda o: lr_scheduler.LRScheduler(
        o, optim.make_schedule({"name": "cosine", "warmup": 1}, lr=0.8, epochs=4, steps=2)
    ),
    "LambdaLR": lambda o: lr_scheduler.LambdaLR(o, lambda k: 1 / (1 + k)),
    "LinearLR": lambda o: lr_scheduler.LinearLR(o, 0.1, total_iters=4),
    "MultiStepLR": lambda o: lr_scheduler.MultiStepLR(o, [2, 5]),
    "OneCycleLR": lambda o: lr_scheduler.OneCycleLR(o, [0.8, 0.2], epochs=4, steps_per_epoch=2),
    "PolynomialLR": lambda o: lr_scheduler.PolynomialLR(o, 8),
    "ReduceLROnPlateau": lambda o: lr_scheduler.ReduceLROnPlateau(o, patience=1, factor=0.5),
    "StepLR": lambda o: lr_scheduler.StepLR(o, 3, 0.5),
}
FIGURES = [0.9, 0.5, 0.6, 0.5, 0.5, 0.4, 0.4, 0.4]


def figures_of(name, first=0):
    return FIGURES[first:] if name == "ReduceLROnPlateau" else ()


def test_all_kinds_are_here():
    assert set(MAKERS) == set(lr_scheduler.__all__)


@pytest.mark.parametrize("name", MAKERS)
def test_it_goes_on_from_its_state_and_that_of_the_optimiser(name):
    straight = line(MAKERS[name](rule(0.8, 0.2, momentum=0.9)), 8, figures_of(name))
    optimizer = rule(0.8, 0.2, momentum=0.9)
    scheduler = MAKERS[name](optimizer)
    assert line(scheduler, 5, figures_of(name)) == straight[:6]
    kept = pickle.loads(pickle.dumps((optimizer.state_dict(), scheduler.state_dict())))
    for first in (0, 1):  # whichever of the two is restored before the other one is made
        other = rule(0.8, 0.2, momentum=0.9)
        if first:
            other.load_state_dict(kept[0])
        again = MAKERS[name](other)
        other.load_state_dict(kept[0])
        again.load_state_dict(kept[1])
        assert line(again, 3, figures_of(name, 5)) == straight[5:]
        assert other.state_dict()["param_groups"][0]["momentum"] == pytest.approx(other.momentum)
    assert len({tuple(lrs) for lrs in straight}) > 1


@pytest.mark.parametrize("name", MAKERS)
def test_two_of_them_do_not_move_one_optimiser(name):
    optimizer = rule(0.8, 0.2, momentum=0.9)
    scheduler, newer = MAKERS[name](optimizer), lr_scheduler.StepLR(optimizer, 1)
    before = newer.get_last_lr()
    with pytest.raises(
        ValueError, match=f"{name}: the optimiser follows another scheduler, made later; two do not mul"
    ):
        scheduler.step(*figures_of(name)[:1])
    assert newer.get_last_lr() == before
    assert scheduler.history == []
    newer.step()
    assert newer.get_last_lr() == pytest.approx([lr / 10 for lr in before])


@pytest.mark.parametrize("name", MAKERS)
def test_a_learning_rate_that_was_changed_by_hand_is_not_undone_in_silence(name):
    optimizer = rule(0.8, 0.2, momentum=0.9)
    scheduler = MAKERS[name](optimizer)
    scheduler.step(*figures_of(name)[:1])
    optimizer.param_groups[1]["lr"] = 0.123
    with pytest.raises(ValueError, match=rf"{name}: the learning rates were changed since the last step, to .*0.123\]"):
        scheduler.step(*figures_of(name)[:1])
    assert optimizer.param_groups[1]["lr"] == 0.123
    lr_scheduler.StepLR(optimizer, 1).step()  # a new one begins with what is there
    assert optimizer.param_groups[1]["lr"] == pytest.approx(0.0123)


@pytest.mark.parametrize("name", ["CosineAnnealingLR", "LRScheduler", "OneCycleLR"])
def test_beyond_its_end_it_is_refused(name):
    scheduler = MAKERS[name](rule(0.8, 0.2, momentum=0.9))
    line(scheduler, 8)
    with pytest.raises(ValueError, match=f"{name}: the schedule has ended: it has 8 steps; make it as long"):
        scheduler.step()


def test_a_tensor_is_a_figure():
    optimizer = rule(0.8)
    scheduler = lr_scheduler.ReduceLROnPlateau(optimizer, mode="max", patience=0, factor=0.5)
    for figure in (Tensor(0.5), 0.6, 0.6):
        scheduler.step(figure)
    assert optimizer.lr == 0.4


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda o: lr_scheduler.StepLR(0.1, 2), TypeError, "StepLR: expects an optimiser; received 0.1"),
        (lambda o: lr_scheduler.StepLR(o, 0), ValueError, "schedule: step_size must be > 0; received step_size=0"),
        (
            lambda o: lr_scheduler.StepLR(o, 2, last_epoch=4),
            ValueError,
            "StepLR: last_epoch must be -1; .* load_state_dict",
        ),
        (lambda o: lr_scheduler.StepLR(o, 2).step(3), TypeError, r"StepLR: step\(\) takes nothing; received 3"),
        (lambda o: lr_scheduler.LambdaLR(o, 2), TypeError, "LambdaLR: lr_lambda must be one function, .*; received 2"),
        (lambda o: lr_scheduler.LambdaLR(o, str), (TypeError, ValueError), r"LambdaLR: lr_lambda\(k\) must be"),
        (
            lambda o: lr_scheduler.LRScheduler(o, {"name": "cosine"}),
            TypeError,
            "LRScheduler: expects a schedule, as make",
        ),
        (
            lambda o: lr_scheduler.LRScheduler(o, optim.make_schedule({"name": "plateau"}, lr=1, epochs=1, steps=1)),
            ValueError,
            "LRScheduler: plateau looks at a figure; write ReduceLROnPlateau, whose step takes one",
        ),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1), ValueError, "OneCycleLR: how long. give total_steps, or epochs"),
        (lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9, pct=0.1), TypeError, "no setting 'pct'; did you mean pct_start"),
        (
            lambda o: lr_scheduler.OneCycleLR(o, [0.1, 0.2], 9),
            ValueError,
            "OneCycleLR: max_lr must be 1 numbers, one a",
        ),
        (
            lambda o: lr_scheduler.OneCycleLR(o, 0.1, 9),
            ValueError,
            "OneCycleLR: the optimiser has no momentum, and PyT",
        ),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o).step(), TypeError, r"ReduceLROnPlateau: step\(figure\) needs"),
        (
            lambda o: lr_scheduler.ReduceLROnPlateau(o).step("x"),
            TypeError,
            "the figure must be one number; received 'x'",
        ),
        (lambda o: lr_scheduler.ReduceLROnPlateau(o).step(-0.1), ValueError, "a figure below 0 needs threshold=0"),
        (
            lambda o: lr_scheduler.ReduceLROnPlateau(o, threshold_mode="abs"),
            ValueError,
            "threshold_mode must be one of",
        ),
        (lambda o: lr_scheduler.StepLR(o, 2).load_state_dict({}), TypeError, "StepLR: expects a dict as state_dict"),
        (
            lambda o: lr_scheduler.StepLR(o, 2).load_state_dict({"last_epoch": 1, "base_lrs": [1, 2], "history": []}),
            ValueError,
            "StepLR: the state is that of another optimiser: expected 1 numbers",
        ),
        (
            lambda o: lr_scheduler.Nonsense,
            AttributeError,
            "optim.lr_scheduler has no attribute 'Nonsense'; it has Const",
        ),
    ],
)
def test_what_is_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call(rule())


def test_every_other_word_of_pytorchs_is_answered():
    for word, (fate, way) in SCHEDULERS.items():
        if hasattr(lr_scheduler, word):
            continue
        with pytest.raises(AttributeError) as error:
            getattr(lr_scheduler, word)
        assert str(error.value) == f"optim.lr_scheduler has no .{word}; {'use ' * (fate == 'answered')}{way}"
