"""Names of the modules in containers are PyTorch's after every change."""

import numpy as np
import pytest

from minidl import nn

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.peers

KINDS = {
    "Sequential": (nn.Sequential, torch.nn.Sequential, True),
    "ModuleList": (nn.ModuleList, torch.nn.ModuleList, False),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(20))
def test_changes_leave_the_names_that_pytorch_leaves(kind, seed):
    rng = np.random.default_rng(seed)
    width = iter(range(1, 1000))

    def both():
        out = next(width)
        return nn.Linear(1, out), torch.nn.Linear(1, out)

    mine, theirs, star = KINDS[kind]
    pairs = [both() for _ in range(4)]
    ours, other = (make(*it) if star else make(it) for make, it in zip((mine, theirs), zip(*pairs), strict=True))
    for _ in range(25):
        a, b = both()
        n = len(other)
        step = rng.choice(["set", "del", "del slice", "append", "extend", "insert", "pop", "slice", "name", "add"])
        at = int(rng.integers(-n, n)) if n else 0
        if step in ("set", "del", "pop", "name") and not n:
            continue
        if step == "set":
            ours[at], other[at] = a, b
        elif step == "del":
            del ours[at], other[at]
        elif step == "del slice":
            part = slice(*sorted(rng.integers(0, n + 1, 2).tolist()))
            del ours[part], other[part]
        elif step == "append":
            ours.append(a), other.append(b)
        elif step == "extend":
            ours.extend(mine(a) if star else [a]), other.extend(theirs(b) if star else [b])
        elif step == "insert":
            ours.insert(abs(at), a), other.insert(abs(at), b)
        elif step == "pop":
            ours.pop(at), other.pop(at)
        elif step == "name":
            setattr(ours, str(at % n), a), setattr(other, str(at % n), b)
        elif step == "add":
            ours, other = ours + (mine(a) if star else [a]), other + (theirs(b) if star else [b])
        elif step == "slice":
            names = [[name for name, _ in it[1:3].named_children()] for it in (ours, other)]
            assert names[0] == names[1]
        shapes = [{name: tuple(it.shape) for name, it in net.state_dict().items()} for net in (ours, other)]
        assert list(shapes[0].items()) == list(shapes[1].items())
