"""An optimiser's state is slots, learning rates and settings, in PyTorch's form; all is taken over or nothing."""

import copy
import pickle

import numpy as np
import pytest

from minidl import nn, optim
from minidl.optim._state import flat_slots

RULES = {
    "SGD": ({"momentum": 0.9, "nesterov": True}, {"momentum": 0.5, "weight_decay": 0.1}),
    "RMSprop": ({"momentum": 0.9, "eps": 1e-3}, {"alpha": 0.5, "eps_inside": True}),
    "Adam": ({"betas": (0.9, 0.99)}, {"betas": (0.8, 0.95), "eps": 1e-4}),
    "AdamW": ({"weight_decay": 0.2}, {"weight_decay": 0.3}),
}


def made(rule, seed=0, **more):
    """Return parameters of which the last has a group of its own, and their rule."""
    rng = np.random.default_rng(seed)
    ps = [nn.Parameter(rng.standard_normal(shape)) for shape in ((3, 2), (4,), (2,))]
    common, own = RULES[rule]
    return ps, getattr(optim, rule)(
        [{"params": ps[:2]}, {"params": ps[2:], "lr": 0.03, **own}], lr=0.1, **common, **more
    )


def walked(ps, optimizer, steps, seed=1):
    rng = np.random.default_rng(seed)
    for _ in range(steps):
        for p in ps:
            p.grad = rng.standard_normal(p.shape)
        optimizer.step()


def settings(optimizer):
    return [{key: one for key, one in group.items() if key != "params"} for group in optimizer.param_groups]


def test_every_rule_is_here():
    kinds = {name for name in optim.__all__ if isinstance(getattr(optim, name), type)}
    assert {name for name in kinds if issubclass(getattr(optim, name), optim.Optimizer)} - {"Optimizer"} == set(RULES)


@pytest.mark.parametrize("through", [copy.deepcopy, lambda state: pickle.loads(pickle.dumps(state))])
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_that_was_made_with_other_numbers_goes_on_bit_for_bit(rule, through):
    ps, optimizer = made(rule)
    walked(ps, optimizer, 3)
    optimizer.param_groups[0]["lr"], optimizer.param_groups[1]["weight_decay"] = 0.02, 0.05
    state = through(optimizer.state_dict())
    qs, other = made(rule, seed=5)
    other.lr, other.weight_decay = 0.9, 0.7
    for p, q in zip(ps, qs, strict=True):
        q.data = p.data.copy()
    other.load_state_dict(state)
    assert settings(other) == settings(optimizer)
    assert [group["params"] for group in other.param_groups] == [qs[:2], qs[2:]]
    walked(ps, optimizer, 3, seed=2)
    walked(qs, other, 3, seed=2)
    for p, q in zip(ps, qs, strict=True):
        np.testing.assert_array_equal(p.data, q.data)


def test_it_has_pytorchs_form_and_is_a_copy():
    ps, optimizer = made("SGD")
    walked(ps, optimizer, 1)
    state = optimizer.state_dict()
    assert sorted(state) == ["param_groups", "state"]
    assert [group["params"] for group in state["param_groups"]] == [[0, 1], [2]]
    assert [group["lr"] for group in state["param_groups"]] == [0.1, 0.03]
    assert [(number, list(own)) for number, own in state["state"].items()] == [(n, ["velocity"]) for n in range(3)]
    state["param_groups"][0]["lr"] = 5.0
    state["state"][0]["velocity"][...] = 5.0
    assert optimizer.lr == 0.1
    assert (optimizer.state_dict()["state"][0]["velocity"] != 5).all()


@pytest.mark.parametrize("rule", RULES)
def test_a_state_of_older_versions_has_slots_alone(rule):
    ps, optimizer = made(rule)
    walked(ps, optimizer, 2)
    _, other = made(rule)
    other.lr = 0.7
    before = settings(other)
    other.load_state_dict(flat_slots(optimizer.state_dict()))
    assert settings(other) == before
    mine, theirs = (flat_slots(one.state_dict()) for one in (optimizer, other))
    assert mine.keys() == theirs.keys()
    for name, slot in mine.items():
        np.testing.assert_array_equal(slot, theirs[name])


def changed(**changes):
    """Change a state: `lr` and such in its second group, "groups" and "slots" as a whole."""

    def change(state):
        group = {**state["param_groups"][1], **{name: one for name, one in changes.items() if name not in PARTS}}
        groups = changes.get("groups", [state["param_groups"][0], group])
        return {"state": changes.get("slots", state["state"]), "param_groups": groups}

    return change


PARTS = ("groups", "slots")
REFUSED = {
    "a learning rate": (changed(lr=-1), ValueError, "SGD: lr must be >= 0; received lr=-1"),
    "its beginning": (changed(initial_lr=float("nan")), ValueError, "SGD: initial_lr must be >= 0; received .*nan"),
    "a text": (changed(lr="fast"), (ValueError, TypeError), "SGD: lr must be "),
    "a flag": (changed(nesterov=3), (ValueError, TypeError), "SGD: nesterov must be "),
    "another setting": (changed(dampening=0), ValueError, "SGD: a group has no setting 'dampening'; did you mean"),
    "fewer groups": (changed(groups=[]), ValueError, "SGD: the state has 0 param_groups, the optimiser 2"),
    "more parameters": (changed(params=[2, 3]), ValueError, "SGD: group 1 of the state must name 1 params; .* 2 param"),
    "no parameters": (changed(params=None), ValueError, "SGD: group 1 of the state must name 1 params; received None"),
    "groups of nothing": (changed(groups=3), TypeError, "SGD: param_groups must be a list of dicts; received 3"),
    "one part": (lambda state: {"state": {}}, TypeError, "SGD: expects a dict as state_dict.*, with 'state' and"),
    "a list": (lambda state: [state], TypeError, "SGD: expects a dict as state_dict"),
    "slots of nothing": (
        changed(slots={0: 3}),
        TypeError,
        "SGD: the state of a parameter is a dict of slots; .* for 0",
    ),
    "another slot": (
        changed(slots={0: {"moment": 0}}),
        ValueError,
        "an entry that belongs to no parameter: '0.moment'",
    ),
    "another parameter": (changed(slots={3: {"velocity": np.ones(2)}}), ValueError, "no parameter: '3.velocity'"),
    "another shape": (
        changed(slots={0: {"velocity": np.ones(2)}}),
        ValueError,
        r"0.velocity of shape \(2,\), expected",
    ),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_on_an_error_nothing_is_taken_over(kind):
    change, error, message = REFUSED[kind]
    ps, optimizer = made("SGD")
    walked(ps, optimizer, 1)
    before, slots = settings(optimizer), flat_slots(optimizer.state_dict())
    state = optimizer.state_dict()
    state["param_groups"][0]["lr"] = 0.77
    with pytest.raises(error, match=message):
        optimizer.load_state_dict(change(state))
    assert settings(optimizer) == before
    for name, slot in flat_slots(optimizer.state_dict()).items():
        np.testing.assert_array_equal(slot, slots[name])


def test_gradients_are_forgotten_or_become_zeros():
    ps, optimizer = made("Adam")
    ps[0].grad = np.full(ps[0].shape, np.nan)
    optimizer.zero_grad(set_to_none=False)
    np.testing.assert_array_equal(ps[0].grad, 0)
    assert ps[1].grad is None
    optimizer.zero_grad()
    assert ps[0].grad is None
