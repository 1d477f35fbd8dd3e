"""Every kernel alone: its time, its rate, and its share of what this machine can do.

    python -m benchmarks.layers [--rounds N] [WORD ...]        # rows whose name has one of the words
    python -m benchmarks.layers --tokens                       # what transformers are made of, alone

Convolutions are measured forward, dx and dw. Their rate counts the multiplications and additions of the direct
convolution, whatever the algorithm does; "share" is that rate over the rate of NumPy's product of the very matrices of
im2col that the pass stands for: (N·P, K) @ (K, O), (N·P, O) @ (O, K) or (O, N·P) @ (N·P, K). Winograd's algorithm
multiplies less, so its share may pass 100 %. Products of tokens (linear layers, attention, stacks of matrices) are
measured beside NumPy's product of a linear layer's size. All other kernels move memory: their rate counts each array
once, and "share" is that rate over copying an array of that size.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from benchmarks._asked import Parser, at_least, run
from benchmarks._tables import RESULTS, publish, table
from benchmarks._timing import calls_for, take_turns

N = 8  # pictures
WIDTH = 768  # numbers of a token
TOKENS = ("linear", "matmul", "attention", "layer_norm", "gelu")


@dataclass(frozen=True)
class Conv:
    """A convolution: C and O channels, H×H pixels, a K×K kernel."""

    layer: str
    c: int
    o: int
    h: int
    k: int
    stride: int = 1
    groups: int = 1


CONVOLUTIONS = (
    Conv("1x1", 64, 256, 56, 1),
    Conv("1x1", 256, 64, 56, 1),
    Conv("1x1", 512, 128, 28, 1),
    Conv("1x1", 1024, 256, 14, 1),
    Conv("1x1", 512, 2048, 7, 1),
    Conv("1x1", 96, 24, 56, 1),
    Conv("1x1 stride 2", 256, 512, 56, 1, 2),
    Conv("3x3", 64, 64, 224, 3),
    Conv("3x3", 64, 64, 56, 3),
    Conv("3x3", 128, 128, 28, 3),
    Conv("3x3", 256, 256, 14, 3),
    Conv("3x3 small", 512, 512, 7, 3),
    Conv("3x3 stride 2", 128, 128, 56, 3, 2),
    Conv("5x5", 64, 192, 27, 5),
    Conv("stem 7x7", 3, 64, 224, 7, 2),
    Conv("stem 3x3", 3, 64, 224, 3),
    Conv("depthwise 3x3", 144, 144, 56, 3, 1, 144),
    Conv("depthwise 3x3 stride 2", 96, 96, 112, 3, 2, 96),
    Conv("depthwise 5x5", 240, 240, 28, 5, 1, 240),
    Conv("depthwise 5x5 stride 2", 144, 144, 56, 5, 2, 144),
    Conv("grouped 32x4", 128, 128, 56, 3, 1, 32),
    Conv("grouped 32x8", 256, 256, 28, 3, 1, 32),
    Conv("grouped 32x16", 512, 512, 14, 3, 1, 32),
    Conv("grouped 32x32", 1024, 1024, 7, 3, 1, 32),
)


def pictures(c: int, h: int) -> np.ndarray:
    """Return random pictures (8, C, H, H), channels-last in memory."""
    block = np.random.default_rng(0).standard_normal((N, h, h, c), dtype=np.float32)
    return block.transpose(0, 3, 1, 2)


def convolution(conv: Conv, rounds: int, points: list[dict[str, Any]]) -> list[Any]:
    """Measure forward, dx and dw beside the matrix product; adds points for the roofline."""
    from minidl import kernels

    rng = np.random.default_rng(1)
    x = pictures(conv.c, conv.h)
    w = rng.standard_normal((conv.o, conv.k, conv.k, conv.c // conv.groups), dtype=np.float32).transpose(0, 3, 1, 2)
    pad = conv.k // 2
    geometry = ((conv.stride,) * 2, ((pad, pad), (pad, pad)), (1, 1), conv.groups)
    height = (conv.h + 2 * pad - conv.k) // conv.stride + 1
    dy, out_size = pictures(conv.o, height), (height, height)
    p, k = height**2, conv.c // conv.groups * conv.k**2
    cols = rng.standard_normal((N * p, k), dtype=np.float32)
    outputs = conv.o // conv.groups
    matrix, dy_rows = (rng.standard_normal(shape, dtype=np.float32) for shape in ((outputs, k), (N * p, outputs)))
    products = {"forward": (cols, matrix.T), "dx": (dy_rows, matrix), "dw": (dy_rows.T, cols)}
    found = readings(
        {
            "forward": lambda: kernels.conv2d(x, w, None, *geometry, out_size),
            "dx": lambda: kernels.conv2d_dx(dy, w, x.shape, *geometry),
            "dw": lambda: kernels.conv2d_dw(dy, x, w.shape, *geometry),
        },
        rounds,
    )
    # By themselves: the threads of NumPy's BLAS would disturb ours.
    seconds = readings(
        {part: partial(np.matmul, *pair, out=pair[0] @ pair[1]) for part, pair in products.items()}, rounds
    )
    flop, moved = 2 * N * p * k * conv.o, x.nbytes + w.nbytes + dy.nbytes
    rates = {part: flop / conv.groups / seconds[part] / 1e9 for part in products}
    cells: list[Any] = [f"{conv.layer}: {conv.c}→{conv.o}, {conv.h}²"]
    for part in ("forward", "dx", "dw"):
        rate = flop / found[part] / 1e9
        points.append(
            {
                "name": f"{conv.layer} {conv.c}→{conv.o} {conv.h}²",
                "part": part,
                "intensity": flop / moved,
                "rate": rate,
                "product": rates[part],
            }
        )
        cells += [f"{found[part] * 1e3:.2f}", f"{rate:.0f}", f"{rate / rates[part]:.0%}"]
    return cells


def readings(work: dict[str, Callable[[], Any]], rounds: int) -> dict[str, float]:
    """Return the median seconds of each."""
    from minidl import kernels

    with kernels.use("cpu"):
        calls = max(calls_for(function) for function in work.values())
        return {name: reading.median for name, reading in take_turns(work, rounds, calls).items()}


def passes() -> dict[str, tuple[Callable[[], Any], int]]:
    """Return the kernels that move memory: what to call, and how many bytes it reads and writes at least."""
    from minidl import kernels

    x, dy = pictures(256, 56), pictures(256, 56)
    tokens, above = x.reshape(-1, 1024), dy.reshape(-1, 1024)
    s = np.random.default_rng(2).random((N, 256), dtype=np.float32)
    w, b = np.ones(256, np.float32), np.zeros(256, np.float32)
    pool = ((3, 3), (2, 2), ((1, 1), (1, 1)))
    y, winners = kernels.max_pool2d(x, *pool, (1, 1), (28, 28))
    _, mean, rstd = kernels.batch_norm(x, w, b, 1e-5)
    _, scale = kernels.lrn(x, 5, 1e-4, 0.75, 2.0)
    dpool = pictures(256, 28)
    logits, labels = s @ np.ones((256, 1000), np.float32), np.arange(N)
    _, log_p = kernels.cross_entropy(logits, np.eye(1000, dtype=np.float32)[labels])
    rows: dict[str, tuple[Callable[[], Any], int]] = {}
    for name in ("relu", "relu6", "silu", "sigmoid", "hardswish", "tanh"):
        forward, backward = getattr(kernels, name), getattr(kernels, f"{name}_dx")
        rows[name] = (partial(forward, x), 2 * x.nbytes)
        rows[f"{name}_dx"] = (partial(backward, dy, x), 3 * x.nbytes)
    lines = np.ones(1024, np.float32), np.zeros(1024, np.float32)
    _, middle, scales = kernels.layer_norm(tokens, *lines, 1e-6)
    return rows | {
        "gelu": (lambda: kernels.gelu(x, "none"), 2 * x.nbytes),
        "gelu_dx": (lambda: kernels.gelu_dx(dy, x, "none"), 3 * x.nbytes),
        "layer_norm": (lambda: kernels.layer_norm(tokens, *lines, 1e-6), 2 * x.nbytes),
        "layer_norm_grads": (lambda: kernels.layer_norm_grads(above, tokens, lines[0], middle, scales), 3 * x.nbytes),
        "add_relu": (lambda: kernels.add_relu(x, dy), 3 * x.nbytes),
        "scale_channels": (lambda: kernels.scale_channels(x, s), 2 * x.nbytes),
        "scale_channels_grads": (lambda: kernels.scale_channels_grads(dy, x, s), 3 * x.nbytes),
        "batch_norm, relu": (lambda: kernels.batch_norm_fused(x, w, b, 1e-5, "relu", None), 3 * x.nbytes),
        "batch_norm_grads, relu": (
            lambda: kernels.batch_norm_fused_grads(dy, x, w, b, mean, rstd, "relu", None, None),
            5 * x.nbytes,
        ),
        "batch_norm_eval, relu": (
            lambda: kernels.batch_norm_eval_fused(x, w, b, mean, rstd, "relu", None),
            2 * x.nbytes,
        ),
        "max_pool2d 3x3/2": (
            lambda: kernels.max_pool2d(x, *pool, (1, 1), (28, 28)),
            x.nbytes + y.nbytes + winners.nbytes,
        ),
        "max_pool2d_dx 3x3/2": (
            lambda: kernels.max_pool2d_dx(dpool, winners, x.shape, *pool, (1, 1)),
            x.nbytes + y.nbytes + winners.nbytes,
        ),
        "avg_pool2d 3x3/2": (lambda: kernels.avg_pool2d(x, *pool, (28, 28), True), x.nbytes + y.nbytes),
        "avg_pool2d_dx 3x3/2": (
            lambda: kernels.avg_pool2d_dx(dpool, x.shape, *pool, (28, 28), True),
            x.nbytes + y.nbytes,
        ),
        "lrn": (lambda: kernels.lrn(x, 5, 1e-4, 0.75, 2.0), 3 * x.nbytes),
        "lrn_dx": (lambda: kernels.lrn_dx(dy, x, scale, 5, 1e-4, 0.75), 4 * x.nbytes),
        "softmax 8×1000": (lambda: kernels.softmax(log_p, 1), 2 * log_p.nbytes),
    }


def products_of_tokens(rounds: int, wanted: Callable[[str], bool]) -> list[list[Any]]:
    """Measure the products of a transformer's block, their rate, and its share of NumPy's product."""
    from minidl import kernels

    rng = np.random.default_rng(3)
    x, w, dy = (
        rng.standard_normal(shape, dtype=np.float32) for shape in ((N * 197, WIDTH), (WIDTH,) * 2, (N * 197, WIDTH))
    )
    q = rng.standard_normal((N, 197, 12, 64), dtype=np.float32).transpose(
        0, 2, 1, 3
    )  # heads, where a layer leaves them
    far = rng.standard_normal((1, 4, 4096, 64), dtype=np.float32)
    scores = rng.standard_normal((N, 12, 197, 197), dtype=np.float32)
    earlier = np.tri(4096, dtype=bool)
    y, sums = kernels.attention(q, q, q, None)
    far_y, far_sums = kernels.attention(far, far, far, earlier)
    of_q, of_far = 2 * q.size * 197, 2 * far.size * 4096
    work: dict[str, tuple[Callable[[], Any], int]] = {
        "linear (1576, 768)→768": (lambda: kernels.linear(x, w, None), 2 * x.size * WIDTH),
        "linear_dx": (lambda: kernels.linear_dx(dy, w), 2 * x.size * WIDTH),
        "linear_dw": (lambda: kernels.linear_dw(dy, x), 2 * x.size * WIDTH),
        "matmul (8, 12, 197, 197)→64": (lambda: kernels.matmul(scores, q), of_q),
        "attention (8, 12, 197, 64)": (lambda: kernels.attention(q, q, q, None), 2 * of_q),
        "attention_grads (8, 12, 197, 64)": (
            lambda: kernels.attention_grads(q, q, q, q, None, y, sums, False),
            5 * of_q,
        ),
        "attention (1, 4, 4096, 64), masked": (lambda: kernels.attention(far, far, far, earlier), 2 * of_far),
        "attention_grads (1, 4, 4096, 64), masked": (
            lambda: kernels.attention_grads(far, far, far, far, earlier, far_y, far_sums, False),
            5 * of_far,
        ),
    }
    found = {name: (readings({name: call}, rounds)[name], flop) for name, (call, flop) in work.items() if wanted(name)}
    product = 2 * x.size * WIDTH / readings({"it": partial(np.matmul, x, w, out=x @ w)}, rounds)["it"]
    return [
        [name, f"{seconds * 1e3:.2f}", f"{flop / seconds / 1e9:.0f}", f"{flop / seconds / product:.0%}"]
        for name, (seconds, flop) in found.items()
    ]


def main() -> None:
    """Measure all, or the rows that were asked for."""
    parser = Parser("benchmarks.layers", __doc__)
    parser.add_argument("words", nargs="*", metavar="WORD")
    parser.add_argument("--rounds", type=at_least(1), default=7)
    parser.add_argument("--tokens", action="store_true", help="what transformers are made of, alone")
    asked = parser.parse_args()
    words = asked.words or (TOKENS if asked.tokens else ())
    wanted = (lambda name: any(word in name for word in words)) if words else (lambda name: True)
    from minidl import kernels

    points: list[dict[str, Any]] = []
    rows = [convolution(conv, asked.rounds, points) for conv in CONVOLUTIONS if wanted(conv.layer)]
    columns = [f"{part} {unit}" for part in ("y", "dx", "dw") for unit in ("ms", "GF/s", "share")]
    body = table(["convolution, batch 8", *columns], rows) if rows else ""
    with kernels.use("cpu"):
        tokens = products_of_tokens(asked.rounds, wanted)
        others, copies = memory_bound(asked.rounds, wanted)
    if tokens:
        body += "\n\n" + table(["products of tokens", "ms", "GF/s", "share"], tokens)
    if others:
        body += "\n\n" + table(["kernel, (8, 256, 56, 56)", "ms", "GB/s", "share", "copy GB/s"], others)
    if not (rows or tokens or others):
        raise ValueError(f"no row has any of these in its name: {', '.join(words)}")
    label = "-some" if asked.words else "-tokens" if asked.tokens else ""  # a part does not replace the whole
    publish(f"layers{label}", "Kernels, batch 8, float32", body)
    if rows and others and not words:
        best = max([point.pop("product") for point in points])
        note = {"points": points, "product": best, "copy": max(copies)}
        (RESULTS / "layers.json").write_text(json.dumps(note, indent=1), encoding="utf-8")


def memory_bound(rounds: int, wanted: Callable[[str], bool]) -> tuple[list[list[Any]], list[float]]:
    """Measure the kernels that move memory beside copying; return their rows, and the rates of the copies in GB/s."""
    from minidl.cost.machine import copying

    copy_all, copied = copying(4 * N * 256 * 56 * 56)
    rows: list[list[Any]] = []
    copies = []
    for name, (work, size) in passes().items():
        if wanted(name):
            found = readings({"it": work, "copy": copy_all}, rounds)
            copy, rate = copied / found["copy"] / 1e9, size / found["it"] / 1e9
            copies.append(copy)
            rows.append([name, f"{found['it'] * 1e3:.3f}", f"{rate:.1f}", f"{rate / copy:.0%}", f"{copy:.1f}"])
    return rows, copies


if __name__ == "__main__":
    run("benchmarks.layers", main)
