"""Whatever way something of a folded network is changed, it is noted; and where nothing was, nothing is asked."""

import copy
import pickle

import numpy as np
import pytest

from minidl import Tensor, nn, no_grad
from minidl.folding import _scripts
from minidl.nn._attributes import STORES, latest_change
from minidl.nn._watched import Watched
from tests.inference.test_scripts import looked_at, planned

READING = {
    "__class__", "__class_getitem__", "__contains__", "__delattr__", "__dir__", "__doc__", "__eq__", "__format__",
    "__ge__", "__getattribute__", "__getitem__", "__getstate__", "__gt__", "__hash__", "__init__",
    "__init_subclass__", "__iter__", "__le__", "__len__", "__lt__", "__ne__", "__new__", "__or__", "__reduce__",
    "__reduce_ex__", "__repr__", "__reversed__", "__ror__", "__setattr__", "__sizeof__", "__str__",
    "__subclasshook__", "copy", "fromkeys", "get", "items", "keys", "values",
}  # fmt: skip
WAYS = {
    "__setitem__": lambda held: held.__setitem__("one", 2),
    "__delitem__": lambda held: held.__delitem__("one"),
    "__ior__": lambda held: held.__ior__({"two": 2}),
    "clear": lambda held: held.clear(),
    "pop": lambda held: held.pop("one"),
    "popitem": lambda held: held.popitem(),
    "setdefault": lambda held: held.setdefault("two", 2),
    "update": lambda held: held.update(one=2),
}


def test_all_ways_to_change_a_dict_are_known():
    assert set(dir(dict)) == READING | set(WAYS)


@pytest.mark.parametrize("way", WAYS)
def test_each_is_noted_when_it_is_done(way):
    held, plain = Watched(one=1), {"one": 1}
    before = latest_change[0]
    assert WAYS[way](held) == WAYS[way](plain) or way == "__ior__"
    assert held == plain
    assert latest_change[0] > before


def test_setting_and_deleting_are_noted_of_every_module():
    module = nn.ReLU()
    changes = [
        *(lambda value=value: setattr(module, "new", value) for value in (1, nn.Tanh(), nn.Parameter([1.0]), None)),
        lambda: delattr(module, "new"),
        lambda: setattr(module, "setting", 1),
        lambda: delattr(module, "setting"),
    ]
    for change in changes:
        before = latest_change[0]
        change()
        assert latest_change[0] > before


def test_copies_are_ordinary_dicts():
    held = Watched(one=[1])
    for twin in (copy.copy(held), copy.deepcopy(held), pickle.loads(pickle.dumps(held)), held.copy()):
        assert type(twin) is dict
        assert twin == {"one": [1]}


@pytest.mark.parametrize(
    "change",
    [
        lambda net: vars(net[2]).update(padding=(1, 1), kernel_size=(4, 4), stride=(2, 2)),
        lambda net: vars(net[2]).__setitem__("stride", (2, 2)) or vars(net[2]).__setitem__("kernel_size", (1, 1)),
        lambda net: vars(net[4]).__setitem__("forward", lambda x: Tensor(x.data.reshape(len(x.data), -1) * 3)),
        lambda net: net._modules.__setitem__("5", nn.Linear(24 * 16, 3)),
        lambda net: net[5]._parameters.update(bias=None),
        lambda net: delattr(net, "5"),
        lambda net: net.add_module("6", nn.Tanh()),
        lambda net: net[5].register_parameter("bias", None),
        lambda net: net.__delitem__(slice(4, 6)),
        lambda net: net.train().eval(),
    ],
)
def test_a_change_past_the_modules_own_ways_is_seen(change, rng):
    fused = planned(rng)
    change(fused)
    looked_at(fused, (2, 3, 8, 8), rng)


def test_without_a_change_nothing_is_asked(rng, monkeypatch):
    fused, x = planned(rng), Tensor(rng.standard_normal((2, 3, 8, 8), dtype=np.float32))
    known = _scripts._scripts[fused]
    with no_grad():
        fused(x)
        monkeypatch.setattr(known._holdings, "held", None)  # which would be walked
        fused(x)
        nn.ReLU().eval()  # another module's change: all is asked once
        with pytest.raises(TypeError, match="NoneType"):
            fused(x)


def test_a_planned_network_is_copied_and_kept_as_any_other(rng):
    fused = planned(rng)
    x = rng.standard_normal((2, 3, 8, 8), dtype=np.float32)
    for twin in (copy.deepcopy(fused), pickle.loads(pickle.dumps(fused)), copy.copy(fused)):
        assert type(vars(twin)) is dict
        assert all(type(vars(twin)[store]) is dict for store in STORES)
        with no_grad():
            np.testing.assert_array_equal(twin(Tensor(x)).data, fused(Tensor(x)).data)
