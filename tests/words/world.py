"""What the lines of PyTorch code begin with, made of minidl or of PyTorch: the same numbers in both."""

import ast
import contextlib
import sys

import numpy as np


def waves(*shape, phase=0.0):
    """Numbers without ties and not near 0, the same everywhere."""
    return (np.sin(np.arange(1.0, 1 + np.prod(shape)) * 1.7 + phase) * 1.5 + 0.01).reshape(shape).astype(np.float32)


def names(torch, nn, functional, optim):
    """Return the names that a line may use, of minidl or of PyTorch."""

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = nn.Conv2d(1, 2, 3, padding=1)
            self.fc = nn.Linear(72, 5)

        def forward(self, x):
            x = functional.relu(self.conv(x))
            x = x.view(x.size(0), -1)
            return self.fc(x)

    def tensor(*shape, phase=0.0):
        return torch.tensor(waves(*shape, phase=phase))

    net = Net()
    with torch.no_grad():
        for number, p in enumerate(net.parameters()):
            p.copy_(tensor(*p.shape, phase=number) * 0.3)
    found = {
        "torch": torch,
        "nn": nn,
        "F": functional,
        "optim": optim,
        "np": np,
        "Net": Net,
        "net": net,
        "x": tensor(2, 3),
        "w": tensor(4, 3, phase=1.0),
        "images": tensor(5, 1, 6, 6, phase=2.0),
        "logits": tensor(5, 5, phase=3.0),
        "labels": torch.tensor([2, 0, 4, 1, 2]),
        "criterion": nn.CrossEntropyLoss(),
    }

    def step():
        optimizer = found["optimizer"]
        optimizer.zero_grad()
        found["criterion"](net(found["images"]), found["labels"]).backward()
        optimizer.step()

    found["step"] = step
    return found


def of_minidl():
    """Return the names of minidl's world."""
    import minidl
    import minidl.nn.functional as functional

    return names(minidl, minidl.nn, functional, minidl.optim)


@contextlib.contextmanager
def minidl_called_torch():
    """Let `from torch.nn import …` find minidl."""
    import minidl
    import minidl.nn.functional
    import minidl.nn.utils
    import minidl.optim.lr_scheduler
    import minidl.utils.data

    parts = ("", ".nn", ".nn.functional", ".nn.utils", ".optim", ".optim.lr_scheduler", ".utils", ".utils.data")
    before = {name: module for name, module in sys.modules.items() if name.split(".")[0] == "torch"}
    for name in before:
        del sys.modules[name]
    sys.modules.update({f"torch{part}": sys.modules[f"minidl{part}"] for part in parts})
    try:
        yield minidl
    finally:
        for part in parts:
            del sys.modules[f"torch{part}"]
        sys.modules.update(before)


def result_of(line, world):
    """Run a line and return the value of its last expression."""
    tree = ast.parse(line)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<line>", "exec"), world)
    return eval(compile(ast.Expression(last.value), "<line>", "eval"), world) if last else None


def rounded(number):
    return float(f"{number:.7g}") if isinstance(number, float) else number


def plain(value):
    """Return a result as data that JSON can hold: of a tensor or an array its dtype, shape and numbers."""
    if hasattr(value, "detach"):
        value = value.detach().numpy()
    if isinstance(value, np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        value = value.view(np.ndarray)
        return {
            "dtype": str(value.dtype),
            "shape": list(value.shape),
            "numbers": [rounded(it) for it in value.reshape(-1).tolist()],
        }
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    return f"a {type(value).__name__}"
