"""What reaches an update rule is judged: where a gradient is assigned, and again where it is used."""

import numpy as np
import pytest

from minidl import Tensor, kernels, nn, ops, optim
from minidl.optim._state import flat_slots

RULES = {
    "sgd": lambda ps: optim.SGD(ps, lr=0.1),
    "momentum": lambda ps: optim.SGD(ps, lr=0.1, momentum=0.9, weight_decay=0.01, nesterov=True),
    "adam": lambda ps: optim.Adam(ps, lr=0.01, weight_decay=0.1),
    "adamw": lambda ps: optim.AdamW(ps, lr=0.01, weight_decay=0.1),
    "rmsprop": lambda ps: optim.RMSprop(ps, lr=0.01, momentum=0.5, weight_decay=0.1),
    "rmsprop_inside": lambda ps: optim.RMSprop(ps, lr=0.01, eps=0.5, eps_inside=True),
}
SIDE = 512  # (512, 512) numbers are enough for the fast set

SHAPE, NUMBER = "grad must have the tensor's shape", "grad must be a plain array like the tensor"
WRONG = {
    "a row": (lambda p: np.ones(SIDE, p.dtype), ValueError, rf"{SHAPE} \(512, 512\); received grad.shape=\(512,\)"),
    "one row": (lambda p: np.ones((1, SIDE), p.dtype), ValueError, rf"{SHAPE} .*grad.shape=\(1, 512\)"),
    "one column": (lambda p: np.ones((SIDE, 1), p.dtype), ValueError, rf"{SHAPE} .*grad.shape=\(512, 1\)"),
    "one number": (lambda p: np.ones(1, p.dtype), ValueError, rf"{SHAPE} .*grad.shape=\(1,\)"),
    "no axis": (lambda p: np.ones((), p.dtype), ValueError, rf"{SHAPE} .*grad.shape=\(\)"),
    "more axes": (lambda p: np.ones((1, SIDE, SIDE), p.dtype), ValueError, rf"{SHAPE} .*=\(1, 512, 512\)"),
    "too long": (lambda p: np.ones((SIDE + 1, SIDE), p.dtype), ValueError, rf"{SHAPE} .*=\(513, 512\)"),
    "nothing": (lambda p: np.ones((0, SIDE), p.dtype), ValueError, rf"{SHAPE} .*=\(0, 512\)"),
    "double": (lambda p: np.ones(p.shape, "f8"), TypeError, r"must be float32 .* float64 .*grad.astype\('float32'\)"),
    "half": (lambda p: np.ones(p.shape, "f2"), TypeError, "grad must be float32 on cpu.* received float16"),
    "foreign": (lambda p: np.ones(p.shape, ">f4"), TypeError, "grad must be float32 on cpu"),
    "whole": (lambda p: np.ones(p.shape, int), TypeError, "received int64 on cpu"),
    "a tensor": (lambda p: Tensor(np.ones(p.shape, p.dtype)), TypeError, "received a Tensor; take its array: grad.dat"),
    "0.0": (lambda p: 0.0, TypeError, rf"{NUMBER} \(None forgets it\); received a float"),
    "NumPy's 0.0": (lambda p: np.float32(0), TypeError, f"{NUMBER} .* received a float32"),
    "a list": (lambda p: [[1.0] * SIDE] * SIDE, TypeError, "received a list"),
    "False": (lambda p: False, TypeError, "received a bool"),
}


def reshaped(p, shape):
    """Leave a gradient whose shape somebody has changed in place, after it was judged."""
    p.grad = np.ones(p.shape, p.dtype)
    p.grad.resize(shape, refcheck=False)


GROWN = [(SIDE * SIDE,), (1, SIDE * SIDE), (SIDE * SIDE, 1), (2, SIDE // 2, SIDE)]


def parameters():
    """Return two parameters, of which the first has a gradient that is right."""
    p, q = nn.Parameter(np.ones((4, 3), "float32")), nn.Parameter(np.ones((SIDE, SIDE), "float32"))
    p.grad = np.ones(p.shape, p.dtype)
    return p, q


@pytest.mark.parametrize("kind", WRONG)
def test_a_wrong_gradient_cannot_be_assigned(kind):
    make, error, message = WRONG[kind]
    q = parameters()[1]
    q.grad = kept = np.zeros(q.shape, q.dtype)
    with pytest.raises(error, match=f"^Tensor.grad: .*{message}") as caught:
        q.grad = make(q)
    assert "\n" not in str(caught.value)
    assert q.grad is kept


def test_what_is_like_the_tensor_can():
    q = parameters()[1]
    for grad in (np.ones(q.shape, q.dtype), np.ones((SIDE, SIDE), q.dtype).T, np.broadcast_to(q.data[:1], q.shape)):
        q.grad = grad
        assert q.grad is grad
    q.grad = None
    assert q.grad is None


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("kind", WRONG)
@pytest.mark.parametrize("kernel_set", ["textbook", "cpu"])
def test_a_refused_step_changes_nothing(kernel_set, kind, rule):
    make, error, message = WRONG[kind]
    p, q = parameters()
    optimizer = RULES[rule]([p, q])
    with kernels.use(kernel_set):
        optimizer.step()  # there are slots from now on
        before, versions = [it.data.copy() for it in (p, q)], (p._version, q._version)
        slots = flat_slots(optimizer.state_dict())
        q._grad = make(q)  # past the door
        with pytest.raises(error, match=message):
            optimizer.step()
        with pytest.raises(error, match=f"^clip_grad_norm: .*{message}"):
            optim.clip_grad_norm([p, q], 1e-3)
    for it, old in zip((p, q), before, strict=True):
        np.testing.assert_array_equal(it.data, old)
    assert (p._version, q._version) == versions
    assert p.grad.max() == 1
    after = flat_slots(optimizer.state_dict())
    assert after.keys() == slots.keys()
    for name, slot in slots.items():
        np.testing.assert_array_equal(after[name], slot)


@pytest.mark.parametrize("shape", GROWN)
@pytest.mark.parametrize("rule", RULES)
def test_a_gradient_that_was_reshaped_in_place_is_refused(rule, shape):
    p, q = parameters()
    reshaped(q, shape)
    with pytest.raises(ValueError, match=SHAPE):
        RULES[rule]([p, q]).step()
    np.testing.assert_array_equal(p.data, 1)


@pytest.mark.parametrize("shape", [(1, 6), (6, 1), (6,), (2, 3, 1), (3, 2)])
def test_a_gradient_does_not_grow_by_broadcasting(shape):
    w = nn.Parameter(np.ones((2, 3)))
    reshaped(w, shape)
    with pytest.raises(ValueError, match=rf"^backward: {SHAPE} \(2, 3\); received grad.shape="):
        (w * 2.0).sum().backward()
    assert w.grad.shape == shape
    np.testing.assert_array_equal(w.grad, 1)


def test_a_gradient_that_somebody_gave_is_added_to():
    w = nn.Parameter(np.ones((2, 3)))
    w.grad = given = np.full((2, 3), 5.0)
    ops.sum(w * 2.0).backward()
    np.testing.assert_array_equal(w.grad, 7)
    np.testing.assert_array_equal(given, 5)


def stepped(rule):
    """Return a rule for two parameters that has made a step, and its state."""
    p, q = nn.Parameter(np.ones((4, 3), "float32")), nn.Parameter(np.ones(5, "float32"))
    p.grad, q.grad = np.ones(p.shape, p.dtype), np.ones(q.shape, q.dtype)
    optimizer = RULES[rule]([p, q])
    optimizer.step()
    return optimizer, flat_slots(optimizer.state_dict())


KEEPING = ["momentum", "adam", "adamw", "rmsprop", "rmsprop_inside"]
SPOILT = {
    "another shape": (lambda a: np.ones((*a.shape, 1), a.dtype), ValueError, "of shape .*, expected"),
    "whole numbers": (lambda a: a.astype(int), TypeError, "arrays of float32 or float64; received dtype=int64 for"),
    "objects": (lambda a: a.astype(object), TypeError, "received dtype=object for"),
    "complex": (lambda a: a.astype(complex), TypeError, "received dtype=complex128 for"),
    "a list": (lambda a: a.tolist(), TypeError, "received a (list|float) for"),
    "a tensor": (Tensor, TypeError, "received a Tensor for"),
}


@pytest.mark.parametrize("rule", KEEPING)
@pytest.mark.parametrize("kind", SPOILT)
def test_slots_are_judged_where_they_are_loaded(kind, rule):
    spoil, error, message = SPOILT[kind]
    optimizer, state = stepped(rule)
    for name, slot in state.items():
        with pytest.raises(error, match=rf"the state .*{message}"):
            optimizer.load_state_dict(state | {name: spoil(slot)})
    for name, slot in flat_slots(optimizer.state_dict()).items():
        np.testing.assert_array_equal(slot, state[name])


@pytest.mark.parametrize("rule", ["adam", "adamw", "rmsprop"])
def test_slots_that_belong_together_come_together(rule):
    optimizer, state = stepped(rule)
    for name in state:
        if not name.endswith("velocity"):
            with pytest.raises(ValueError, match=rf"the state has {name[0]}\.\w+ but not {name}"):
                optimizer.load_state_dict({key: slot for key, slot in state.items() if key != name})
    optimizer.load_state_dict({key: slot for key, slot in state.items() if key.startswith("1.")})
    optimizer.load_state_dict({})


@pytest.mark.parametrize("step", [-1.0, np.nan, np.inf])
def test_a_step_is_a_count(step):
    optimizer, state = stepped("adam")
    with pytest.raises(ValueError, match=f"Adam: the state has 1.step = {step}, expected a number of steps"):
        optimizer.load_state_dict(state | {"1.step": np.array(step)})


@pytest.mark.parametrize("shape", [(6,), (1, 6), (5, 1), (1,), ()])
@pytest.mark.parametrize("at", range(1, 4))
def test_the_textbook_broadcasts_no_slot(at, shape, rng):
    arrays = [np.ones((5, 6)) for _ in range(4)]
    arrays[at] = np.ones(shape)
    with pytest.raises(ValueError, match=r"must be float64 \(5, 6\) like p; received .* of float64"):
        kernels.textbook.adam(*arrays, 1, 0.1, (0.9, 0.99), 1e-8, 0.1, False)
    with pytest.raises(ValueError, match=r"must be float64 \(5, 6\) like p; received .* of float64"):
        kernels.textbook.rmsprop(*arrays, 0.1, 0.9, 1e-8, 0.1, 0.9, False)
    if at < 3:
        with pytest.raises(ValueError, match=r"must be float64 \(5, 6\) like p; received .* of float64"):
            kernels.textbook.sgd(*arrays[:3], 0.1, 0.9, 0.1, False)
