"""Schedules follow their formulas, keep nothing between calls, and refuse nonsense. PyTorch's are in tests/peers."""

import math

import pytest

from minidl.optim import SCHEDULES, make_schedule

ALL = [
    {"name": "constant", "warmup": 1.5},
    {"name": "step", "step_size": 2},
    {"name": "step", "milestones": [1, 2.5], "gamma": 0.5, "warmup": 2},
    {"name": "polynomial", "power": 0.5},
    {"name": "cosine", "warmup": 1},
    {"name": "inverse_sqrt", "warmup": 1.5},
    {"name": "one_cycle"},
    {"name": "plateau", "patience": 0},
]
HISTORY = [{"val_loss": loss, "val_top1": 1 - loss} for loss in (0.9, 0.5, 0.6, 0.4)]


def line(table, *, lr=1.0, epochs=5, steps=4):
    schedule = make_schedule(table, lr=lr, epochs=epochs, steps=steps)
    return [schedule.lr(epoch, step, HISTORY[:epoch]) for epoch in range(epochs) for step in range(steps)]


def test_all_kinds_are_here():
    assert {table["name"] for table in ALL} == set(SCHEDULES)


@pytest.mark.parametrize("table", ALL, ids=lambda table: table["name"])
def test_a_step_does_not_depend_on_the_steps_asked_before(table):
    whole = line(table)
    fresh = [
        make_schedule(table, lr=1.0, epochs=5, steps=4).lr(*divmod(k, 4), HISTORY) for k in reversed(range(len(whole)))
    ]
    assert fresh[::-1] == whole
    assert len(set(whole)) > 1


@pytest.mark.parametrize("table", ALL, ids=lambda table: table["name"])
def test_everything_is_a_share_of_lr(table):
    assert line(table, lr=0.3) == pytest.approx([0.3 * lr for lr in line(table)], rel=1e-12)


@pytest.mark.parametrize("table", ALL, ids=lambda table: table["name"])
def test_only_what_says_so_asks_how_long_the_training_is(table):
    kind = SCHEDULES[table["name"]]
    assert (line(table, epochs=5)[:12] != line(table, epochs=4)[:12]) == kind.to_the_end


@pytest.mark.parametrize("step_size, gamma", [(1, 0.9), (8, 0.96), (30, 0.1)])
def test_step_equals_multiplying_again_and_again(step_size, gamma):
    schedule, lr = (
        make_schedule({"name": "step", "step_size": step_size, "gamma": gamma}, lr=0.4, epochs=9, steps=3),
        0.4,
    )
    for epoch in range(100):
        if epoch and epoch % step_size == 0:
            lr *= gamma
        assert schedule.lr(epoch, 2) == pytest.approx(lr, rel=1e-12)


def test_step_counts_parts_of_epochs_exactly():
    """EfficientNet changes every 2.4 epochs; 24 / 10 / 2.4 and its like must not fall below a whole number."""
    schedule = make_schedule({"name": "step", "step_size": 2.4, "gamma": 0.5}, lr=1, epochs=1, steps=10)
    for k in range(24 * 50):
        assert schedule.lr(*divmod(k, 10)) == 0.5 ** (k // 24)


def test_milestones_may_lie_within_an_epoch():
    assert line({"name": "step", "milestones": [0.5, 2.25], "gamma": 0.5}, epochs=3) == [1] * 2 + [0.5] * 7 + [0.25] * 3


def test_warm_up_is_a_straight_line_that_ends_at_its_epoch():
    warm = line({"name": "constant", "warmup": 2, "warmup_factor": 0.2}, epochs=3)
    assert warm == pytest.approx([0.2 + 0.1 * k for k in range(8)] + [1] * 4)


def test_warm_up_multiplies_the_rest():
    table = {"name": "step", "milestones": [1], "gamma": 0.5}
    shares = line({"name": "constant", "warmup": 2})
    assert line(table | {"warmup": 2}) == pytest.approx([a * b for a, b in zip(line(table), shares)])


@pytest.mark.parametrize("name", ["polynomial", "cosine"])
def test_min_lr_is_reached_at_the_end_and_kept(name):
    schedule = make_schedule({"name": name, "min_lr": 0.1}, lr=0.5, epochs=3, steps=2)
    assert schedule.lr(0) == 0.5
    assert schedule.lr(2, 1) > 0.1
    assert schedule.lr(3) == schedule.lr(7, 1) == pytest.approx(0.1)


def test_inverse_sqrt_is_the_papers_formula():
    """Equation 3 of arXiv:1706.03762 for 512 numbers and 4,000 steps of warm-up, its step k counted from 1."""
    table = {"name": "inverse_sqrt", "warmup": 8, "warmup_factor": 0}
    schedule = make_schedule(table, lr=(512 * 4000) ** -0.5, epochs=1, steps=500)
    for k in (1, 2, 1999, 3999, 4000, 4001, 20_000, 100_000):
        assert schedule.lr(*divmod(k, 500)) == pytest.approx(512**-0.5 * min(k**-0.5, k * 4000**-1.5), rel=1e-12)


def test_one_cycle_rises_falls_and_turns_the_momentum_over():
    schedule = make_schedule({"name": "one_cycle", "max_lr": 0.2}, lr=9.0, epochs=10, steps=10)
    lrs, momenta = zip(*((schedule.lr(*divmod(k, 10)), schedule.momentum(*divmod(k, 10))) for k in range(100)))
    assert max(lrs) == lrs[29] == pytest.approx(0.2)
    assert momenta[29] == pytest.approx(0.85)
    assert (lrs[0], lrs[99]) == pytest.approx((0.2 / 25, 0.2 / 25e4))
    assert (momenta[0], momenta[99]) == pytest.approx((0.95, 0.95))
    assert list(lrs[:30]) == sorted(lrs[:30])
    assert list(lrs[29:]) == sorted(lrs[29:], reverse=True)
    assert schedule.lr(10) == pytest.approx(lrs[99], rel=1e-9)  # a training that is made longer stays at the end
    assert make_schedule({"name": "one_cycle", "cycle_momentum": False}, lr=1, epochs=2, steps=2).momentum(0) is None


@pytest.mark.parametrize("pct_start", [0.0, 0.1, 1.0])
def test_one_cycle_of_a_few_steps_is_finite(pct_start):
    for steps in (1, 2, 3, 11):
        lrs = line({"name": "one_cycle", "pct_start": pct_start}, epochs=1, steps=steps)
        assert all(0 < lr <= 1 and math.isfinite(lr) for lr in lrs)


def test_plateau_looks_at_what_it_is_told():
    rows = [{"val_loss": 1.0, "val_top1": 0.1}, {"val_loss": 1.0, "val_top1": 0.2}, {"val_loss": 1.0, "val_top1": 0.2}]
    table = {"name": "plateau", "patience": 0, "factor": 0.5}
    by_loss = make_schedule(table, lr=1, epochs=9, steps=1)
    by_top1 = make_schedule(table | {"monitor": "val_top1"}, lr=1, epochs=9, steps=1)
    assert [by_loss.lr(epoch, 0, rows) for epoch in range(4)] == [1, 1, 0.5, 0.25]
    assert [by_top1.lr(epoch, 0, rows) for epoch in range(4)] == [1, 1, 1, 0.5]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ({"name": "cosin"}, "schedule: there is no 'cosin'; did you mean cosine"),
        ({"gamma": 1}, "schedule: expects a table with a name; received"),
        ("cosine", "schedule: expects a table with a name; received 'cosine'"),
        ({"name": "step", "stepsize": 2}, "schedule: step has no setting 'stepsize'; did you mean step_size"),
        ({"name": "step", "steps": 2}, "schedule: step has no setting 'steps'; did you mean step_size"),
        ({"name": "step"}, "schedule: step needs either step_size or milestones; received step_size=None"),
        ({"name": "step", "step_size": 0}, "schedule: step_size must be > 0; received step_size=0"),
        ({"name": "step", "milestones": 3}, "schedule: milestones must be a list of epochs; received milestones=3"),
        ({"name": "step", "milestones": [2, -1]}, "schedule: milestones must be > 0; received milestones=-1"),
        ({"name": "step", "step_size": 1, "gamma": 0}, "schedule: gamma must be > 0; received gamma=0"),
        ({"name": "constant", "warmup": -1}, "schedule: warmup must be >= 0; received warmup=-1"),
        ({"name": "constant", "warmup_factor": 2}, "schedule: warmup_factor must be from 0 to 1; received"),
        (
            {"name": "inverse_sqrt"},
            r"schedule: inverse_sqrt is lr · √\(warmup / t\) from the end of the warm-up on, so warmup must be > 0; "
            r"received warmup=0\.0",
        ),
        ({"name": "polynomial", "power": "2"}, "schedule: power must be > 0; received power='2'"),
        ({"name": "cosine", "min_lr": 2}, "schedule: min_lr must be at most lr; received min_lr=2, lr=1"),
        ({"name": "one_cycle", "warmup": 1}, "schedule: one_cycle has a warm-up of its own: pct_start"),
        ({"name": "one_cycle", "max_lr": 0}, "schedule: max_lr must be > 0; received max_lr=0"),
        ({"name": "one_cycle", "pct_start": 2}, "schedule: pct_start must be from 0 to 1; received pct_start=2"),
        ({"name": "one_cycle", "base_momentum": 1}, "schedule: base_momentum must be from 0 to below 1; received"),
        (
            {"name": "one_cycle", "anneal_strategy": "cosine"},
            "schedule: anneal_strategy must be one of 'cos', 'linear'",
        ),
        ({"name": "one_cycle", "three_phase": "no"}, "schedule: three_phase must be one of True, False; received"),
        ({"name": "one_cycle", "div_factor": 0}, "schedule: div_factor must be > 0; received div_factor=0"),
        ({"name": "plateau", "factor": 1.0}, "schedule: factor must be from 0 to below 1; received factor=1.0"),
        ({"name": "plateau", "patience": 0.5}, "schedule: patience must be an int >= 0; received patience=0.5"),
        ({"name": "plateau", "threshold": -1}, "schedule: threshold must be >= 0; received threshold=-1"),
    ],
)
def test_nonsense_is_refused(table, message):
    with pytest.raises(ValueError, match=message):
        make_schedule(table, lr=1, epochs=2, steps=2)


@pytest.mark.parametrize(
    ("sizes", "message"),
    [
        ({"lr": 0}, "schedule: lr must be > 0; received lr=0"),
        ({"epochs": 0}, "schedule: epochs must be an int >= 1; received epochs=0"),
        ({"steps": 1.5}, "schedule: steps must be an int >= 1; received steps=1.5"),
    ],
)
def test_sizes_are_judged(sizes, message):
    with pytest.raises(ValueError, match=message):
        make_schedule({"name": "constant"}, **{"lr": 1, "epochs": 2, "steps": 2, **sizes})


def test_places_are_judged():
    schedule = make_schedule({"name": "plateau", "monitor": "val_los"}, lr=1, epochs=2, steps=2)
    with pytest.raises(ValueError, match="schedule: epoch must be an int >= 0; received epoch=-1"):
        schedule.lr(-1)
    with pytest.raises(ValueError, match=r"schedule: step must be an int >= 0; received step=0\.5"):
        schedule.lr(0, 0.5)
    with pytest.raises(ValueError, match="schedule: plateau needs a row .*; received epoch=2, 1 rows"):
        schedule.lr(2, 0, HISTORY[:1])
    with pytest.raises(ValueError, match="plateau looks at 'val_los', which the history lacks; did you mean val_loss"):
        schedule.lr(2, 0, HISTORY)
