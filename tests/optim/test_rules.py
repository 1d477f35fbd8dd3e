"""Every rule follows its formula, goes on from its state, and refuses nonsense."""

import numpy as np
import pytest

from minidl import nn, optim

RULES = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "adam": lambda ps: optim.Adam(ps, lr=0.01, weight_decay=0.1),
    "adamw": lambda ps: optim.AdamW(ps, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.01, momentum=0.5, weight_decay=0.1),
    "rmsprop_inside": lambda ps: optim.RMSprop(ps, lr=0.01, eps=0.5, eps_inside=True),
}


def adam(p, gradients, *, decoupled):
    """Algorithm 1 of the Adam paper, one number at a time, with weight decay 0.1."""
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        g, p = (g, p * (1 - 0.01 * 0.1)) if decoupled else (g + 0.1 * p, p)
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        p = p - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return p


def rmsprop(p, gradients, *, inside):
    v = u = 0.0
    for g in gradients:
        g = g if inside else g + 0.1 * p
        v = 0.99 * v + 0.01 * g * g
        d = g / np.sqrt(v + 0.5) if inside else g / (np.sqrt(v) + 1e-8)
        u = d if inside else 0.5 * u + d
        p = p - 0.01 * u
    return p


FORMULAS = {
    "adam": lambda p, gs: adam(p, gs, decoupled=False),
    "adamw": lambda p, gs: adam(p, gs, decoupled=True),
    "rmsprop": lambda p, gs: rmsprop(p, gs, inside=False),
    "rmsprop_inside": lambda p, gs: rmsprop(p, gs, inside=True),
}


def run(p, optimizer, gradients):
    for g in gradients:
        p.grad = g.astype(p.dtype)
        optimizer.step()


@pytest.mark.parametrize("rule", FORMULAS)
def test_thirty_steps_follow_the_formula(rule, rng):
    start, gradients = rng.standard_normal((3, 4)), rng.standard_normal((30, 3, 4))
    p = nn.Parameter(start.copy())
    run(p, RULES[rule]([p]), gradients)
    np.testing.assert_allclose(p.data, FORMULAS[rule](start, gradients), rtol=1e-10)


@pytest.mark.parametrize("rule", RULES)
def test_a_rule_goes_on_from_its_state_bit_for_bit(rule, rng):
    gradients = rng.standard_normal((8, 5))
    p = nn.Parameter(rng.standard_normal(5).astype(np.float32))
    optimizer = RULES[rule]([p])
    run(p, optimizer, gradients[:4])
    q = nn.Parameter(p.data.copy())
    resumed = RULES[rule]([q])
    resumed.load_state_dict(optimizer.state_dict())
    run(p, optimizer, gradients[4:])
    run(q, resumed, gradients[4:])
    np.testing.assert_array_equal(p.data, q.data)
    assert p.dtype == np.float32


@pytest.mark.parametrize("rule", RULES)
def test_gradients_and_old_values_are_not_changed(rule, rng):
    p = nn.Parameter(rng.standard_normal(5))
    old, value = p.data, p.data.copy()
    p.grad = gradient = rng.standard_normal(5)
    kept = gradient.copy()
    RULES[rule]([p]).step()
    np.testing.assert_array_equal(old, value)
    np.testing.assert_array_equal(gradient, kept)
    assert p._version == 1


def test_groups_have_a_decay_of_their_own():
    layer = nn.Linear(2, 1)
    layer.load_state_dict({"weight": np.ones((1, 2)), "bias": np.ones(1)})
    for p in layer.parameters():
        p.grad = np.zeros_like(p.data)
    optim.SGD(optim.decay_groups(layer, 0.5), lr=0.1).step()
    np.testing.assert_allclose(layer.weight.data, 0.95)
    np.testing.assert_array_equal(layer.bias.data, 1)


def test_no_norm_decays_whatever_axes_its_scale_has():
    net = nn.Sequential(nn.Conv2d(2, 4, 3), nn.GroupNorm(2, 4), nn.LayerNorm((4, 5, 5)), nn.BatchNorm2d(4))
    weights, rest = optim.decay_groups(net, 0.1)
    assert [p is net[0].weight for p in weights["params"]] == [True]
    assert len(rest["params"]) == len(list(net.parameters())) - 1


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: optim.Adam([p], betas=(0.9, 1.0)), "Adam: betas must be from 0 to below 1; received betas=1.0"),
        (lambda p: optim.AdamW([p], eps=-1), "AdamW: eps must be >= 0; received eps=-1"),
        (lambda p: optim.RMSprop([p], alpha=-0.1), "RMSprop: alpha must be from 0 to below 1; received alpha=-0.1"),
        (lambda p: optim.RMSprop([p], momentum=-1), "RMSprop: momentum must be >= 0; received momentum=-1"),
        (lambda p: optim.RMSprop([p], eps=-1), "RMSprop: eps must be >= 0"),
        (lambda p: optim.SGD([{"params": [p], "weight_decay": -1}], lr=1), "SGD: weight_decay must be >= 0"),
    ],
)
def test_nonsense_is_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make(nn.Parameter([1.0]))


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (
            lambda net: optim.SGD(net, lr=1),
            TypeError,
            "SGD: expects a list of parameters or of groups; received a Linear",
        ),
        (
            lambda net: optim.SGD(net.weight, lr=1),
            TypeError,
            "SGD: expects a list .* received a Parameter; pass net.par",
        ),
        (
            lambda net: optim.SGD(net.named_parameters(), lr=1),
            TypeError,
            "SGD: expects parameters; received a tuple; pass",
        ),
        (lambda net: optim.Adam([np.ones(1)]), TypeError, "Adam: expects parameters; received a ndarray; pass net.par"),
        (
            lambda net: optim.SGD([net.bias, net.bias], lr=1),
            ValueError,
            r"SGD: a parameter of shape \(1,\) is named twice",
        ),
        (
            lambda net: optim.SGD([{"parameters": [net.bias]}], lr=1),
            ValueError,
            r"SGD: a group is {'params': \[...\], 'lr': number, ...}; received one with 'parameters'",
        ),
        (
            lambda net: optim.SGD([{"params": [net.bias], "learning_rate": 2}], lr=1),
            ValueError,
            "SGD: a group has no setting 'learning_rate'; did you mean weight_decay",
        ),
        (
            lambda net: optim.Adam([net.bias], betas=0.9),
            ValueError,
            "Adam: betas must be a pair of numbers; received betas=0.9",
        ),
    ],
)
def test_what_is_no_list_of_parameters_is_refused(make, error, message):
    with pytest.raises(error, match=message):
        make(nn.Linear(2, 1))


def test_a_rule_without_an_update_says_so():
    p = nn.Parameter([1.0])
    p.grad = np.ones(1, dtype=np.float32)
    with pytest.raises(NotImplementedError, match="Optimizer: update is not written"):
        optim.Optimizer([p], lr=0.1).step()
