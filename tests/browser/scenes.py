"""Random settings of every operation, legal and not, as a learner may type them; judged by the engine alone."""

import numpy as np

from minidl.teach.explorer.gather import gather
from minidl.teach.explorer.settings import OPERATIONS, complete

OPS = tuple(OPERATIONS)


def pick(rng, *choices):
    return choices[int(rng.integers(len(choices)))]


def number(rng, low, high):
    return int(rng.integers(low, high + 1))


def pair(rng, low, high):
    one = number(rng, low, high)
    return [one, one if rng.random() < 0.5 else number(rng, low, high)]


def padding(rng, most):
    if rng.random() < 0.4:
        return [[one := number(rng, 0, most), one]] * 2
    return [[number(rng, 0, most), number(rng, 0, most)] for _ in range(2)]


def likely(op, rng):
    """Return settings most of which the engine takes."""
    s = {}
    if op in ("conv", "conv-transpose"):
        groups = pick(rng, 1, 1, 2, 3)
        s = {"input": [groups * number(rng, 1, 2), number(rng, 1, 6), number(rng, 1, 6)], "groups": groups}
        s["filters"] = groups * number(rng, 1, 2)
    elif op == "depthwise":
        s = {"input": [number(rng, 1, 3), number(rng, 1, 6), number(rng, 1, 6)], "multiplier": number(rng, 1, 2)}
    elif op.endswith("-pool"):
        s = {"input": [number(rng, 1, 2), number(rng, 1, 7), number(rng, 1, 7)], "ceil_mode": rng.random() < 0.5}
    if "kernel" in OPERATIONS[op].settings:
        s |= {"kernel": pair(rng, 1, 3), "stride": pair(rng, 1, 3), "padding": padding(rng, 2)}
    if "dilation" in OPERATIONS[op].settings:
        s["dilation"] = pair(rng, 1, 2)
    if op == "conv-transpose":
        s["output_padding"] = pair(rng, 0, 1)
    if op == "avg-pool":
        s["count_include_pad"] = rng.random() < 0.5
    if op == "lrn":
        s = {"input": [number(rng, 1, 6), number(rng, 1, 3), number(rng, 1, 3)], "size": number(rng, 1, 7)}
        s |= {"alpha": pick(rng, 1e-4, 0.01, 0.5), "beta": pick(rng, 0.75, 0.5, 1.0), "k": pick(rng, 1.0, 2.0)}
        s["convention"] = pick(rng, "paper", "torch")
    if op == "batch-norm":
        s = {"batch": number(rng, 1, 3), "input": [number(rng, 1, 3), number(rng, 1, 3), number(rng, 1, 3)]}
        s["eps"] = pick(rng, 1e-5, 1e-3, 0.1)
    if op == "softmax-cross-entropy":
        s = {"batch": number(rng, 1, 4), "classes": number(rng, 1, 7), "label_smoothing": pick(rng, 0.0, 0.1, 0.5, 1.0)}
    return s


def spoiled(op, rng):
    """Return settings one or two of which are out of range more often than not."""
    s = complete(op, likely(op, rng))
    for _ in range(number(rng, 1, 2)):
        name = pick(rng, *s)
        if name in ("kernel", "stride", "dilation", "output_padding"):
            s[name] = pair(rng, -1, 8) if name != "kernel" else pair(rng, 0, 12)
        elif name == "padding":
            s[name] = [[number(rng, -1, 4), number(rng, 0, 4)] for _ in range(2)]
        elif name == "input":
            s[name] = [pick(rng, 0, 1, 2, 3, 5, 9), number(rng, 1, 20), number(rng, 0, 17)]
        elif name in ("filters", "multiplier", "groups", "size", "batch", "classes"):
            s[name] = number(rng, -1, 17)
        elif name in ("alpha", "beta", "k", "eps", "label_smoothing"):
            s[name] = pick(rng, -1, 0, 1.5, -0.25, -1e-05, 2, -1e-07, -0.001)
        elif name == "ceil_mode":
            s[name] = not s[name]
    if op == "batch-norm" and rng.random() < 0.3:
        s |= {"batch": 1, "input": [number(rng, 1, 3), 1, 1]}
    return s


def legal(op, count, seed=0):
    """Return so many scenes, and settings drawn anew where the engine has refused some."""
    rng, found = np.random.default_rng(seed), []
    while len(found) < count:
        try:
            scene = gather(op, complete(op, likely(op, rng)), seed=len(found))
        except ValueError:
            continue
        found.append(scene)
    return found


def illegal(op, count, seed=0):
    """Return pairs: settings that are refused, and the words of the refusal."""
    from minidl.teach.explorer.settings import check_drawable

    rng, found = np.random.default_rng(seed), {}
    while len(found) < count:
        settings = spoiled(op, rng)
        try:
            check_drawable(settings)
            gather(op, settings)
        except ValueError as error:
            found[str(settings)] = settings, str(error)
    return [*found.values()]
