"""Containers behave as Python's list and dict do; what they hold keeps its place, or its number is the place."""

import numpy as np
import pytest

from minidl import Tensor, nn

MAKE = {"Sequential": lambda modules: nn.Sequential(*modules), "ModuleList": nn.ModuleList}


def a_step(rng, n):
    """Draw a change of a list of n: its name, and what it is given."""
    kind = rng.choice(["set", "del", "del slice", "append", "extend", "insert", "pop", "add", "iadd", "slice"])
    place = int(rng.integers(-n, n)) if n else None
    ends = tuple(int(it) if rng.random() < 0.8 else None for it in rng.integers(-n - 1, n + 2, 2))
    return kind, place, slice(*ends, rng.choice([1, 2]).item())


@pytest.mark.parametrize("kind", MAKE)
@pytest.mark.parametrize("seed", range(30))
def test_a_row_is_what_a_list_is(kind, seed):
    rng = np.random.default_rng(seed)
    expected = [nn.Identity() for _ in range(4)]
    row = MAKE[kind](expected)
    for _ in range(25):
        n, new = len(expected), [nn.Identity() for _ in range(rng.integers(3))]
        step, place, part = a_step(rng, n)
        if step in ("set", "del", "pop") and n:
            if step == "set":
                row[place] = expected[place] = nn.Identity()
            elif step == "del":
                del row[place], expected[place]
            else:
                assert row.pop(place) is expected.pop(place)
        elif step == "del slice":
            del row[part], expected[part]
        elif step == "append":
            expected.append(nn.Identity())
            assert row.append(expected[-1]) is row
        elif step == "extend":
            expected.extend(new)
            assert row.extend(iter(new)) is row
        elif step == "insert":
            at = int(rng.integers(-n - 2, n + 3))
            expected.insert(at, nn.Identity())
            assert row.insert(at, expected[expected.index(next(it for it in expected if it not in row))]) is row
        elif step == "add":
            row, expected = row + new, expected + new
        elif step == "iadd":
            before = row
            row += new
            expected += new
            assert row is before
        elif step == "slice":
            assert list(row[part]) == expected[part]
        assert list(row) == expected
        assert [name for name, _ in row.named_children()] == [str(it) for it in range(len(expected))]
        assert len(row) == len(expected)
        assert all(it in row for it in expected)
        assert all(row[it] is expected[it] for it in range(-len(expected), len(expected)))


def test_replacing_keeps_name_and_place():
    net = nn.Sequential({"conv": nn.Conv2d(1, 1, 1), "norm": nn.BatchNorm2d(1), "act": nn.ReLU()})
    names = list(net.state_dict())
    net[0], net[-2], net.act = nn.Conv2d(1, 1, 3), nn.BatchNorm2d(1), nn.Tanh()
    assert list(net.state_dict()) == names
    assert net(Tensor(np.ones((1, 1, 4, 4), "float32"))).shape == (1, 1, 2, 2)
    del net[1]
    assert [name for name, _ in net.named_children()] == ["conv", "act"]  # names stay, numbers would move up
    with pytest.raises(ValueError, match="insert numbers the modules, and these have names: 'conv', 'act'; make a new"):
        net.insert(0, nn.ReLU())
    heads = nn.ModuleDict({"a": nn.Linear(1, 1), "b": nn.Linear(1, 2)})
    names, new = list(heads.state_dict()), nn.Linear(1, 3)
    heads["a"] = new
    heads.update({"b": nn.Linear(1, 1)})
    assert list(heads.state_dict()) == names
    assert heads["a"] is new


def test_a_slice_keeps_its_names_until_it_is_changed():
    part = nn.Sequential(*(nn.Identity() for _ in range(5)))[2:]
    assert [name for name, _ in part.named_children()] == ["2", "3", "4"]
    del part[0]
    assert [name for name, _ in part.named_children()] == ["0", "1"]
    blocks = nn.Conv2dNormActivation(2, 3)
    assert type(blocks[:1]) is type(blocks + nn.Sequential(nn.ReLU())) is nn.Sequential
    blocks[0] = nn.Conv2d(2, 3, 1)
    assert type(blocks.append(nn.Tanh())) is nn.Conv2dNormActivation


@pytest.mark.parametrize("kind", MAKE)
def test_what_is_no_module_changes_nothing(kind):
    row = MAKE[kind]([nn.ReLU(), nn.Tanh()])
    before = list(row)
    for change in (
        lambda: row.append(1),
        lambda: row.extend([nn.ReLU(), "relu"]),
        lambda: row.insert(0, None),
        lambda: row.__setitem__(0, None),
        lambda: row.__setitem__(0, lambda x: x),
        lambda: row.__setitem__(slice(0, 1), [nn.ReLU()]),
        lambda: row.__delitem__("0"),
        lambda: row.insert("0", nn.ReLU()),
        lambda: row.extend(nn.ReLU()),
        lambda: row + 3,
        lambda: setattr(row, "0", None),
    ):
        with pytest.raises(TypeError):
            change()
        assert list(row) == before
    for change in (lambda: row.pop(2), lambda: row[-3], lambda: row.__delitem__(5), lambda: row.__setitem__(2, row[0])):
        with pytest.raises(IndexError, match=f"^{kind}: there are 2 modules; received index"):
            change()
    with pytest.raises(ValueError, match="no circles"):
        row.append(row)
    assert list(row) == before


def test_a_dict_of_modules_is_what_a_dict_is():
    heads = nn.ModuleDict([("a", nn.ReLU()), ("b", nn.Tanh())])
    heads.update(nn.ModuleDict({"c": nn.Sigmoid()}))
    assert (list(heads), list(heads.keys()), len(heads)) == (["a", "b", "c"], ["a", "b", "c"], 3)
    assert list(heads.values()) == [heads[name] for name, _ in heads.items()]
    assert isinstance(heads.pop("b"), nn.Tanh)
    del heads["a"]
    assert list(heads) == ["c"]
    for missing in (lambda: heads["a"], lambda: heads.pop("a"), lambda: heads.__delitem__("a")):
        with pytest.raises(KeyError, match="ModuleDict: there is no 'a'; the names are 'c'"):
            missing()
    for wrong in (3, [1], {"d": nn.ReLU(), "e": 1}, {3: nn.ReLU()}):
        with pytest.raises(TypeError, match="^ModuleDict: "):
            heads.update(wrong)
        assert list(heads) == ["c"]
    with pytest.raises(ValueError, match="hide a method; received 'keys'"):
        heads["keys"] = nn.ReLU()
    heads.clear()
    assert not len(heads)
