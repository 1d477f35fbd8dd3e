"""The first look at a GPU: training steps of minidl on CuPy beside PyTorch, and LeNet-5 on the digits.

    python -m benchmarks.gpu                    under five minutes; writes benchmarks/results/gpu.md
    python -m benchmarks.gpu --device cpu --batch 2 --size 64 --seconds 60        to try the script without a GPU

Both sides compute in float32, from the same weights, on the same batch, which lies on the device. minidl runs its
textbook kernels, the only ones that there are for a GPU. Where memory runs out, the batch is halved for both, and the
table says so. A time is the median of the steps that fit into its share of the seconds; the loss of the first step must
agree. "Copies" are those between the device and the host that one step makes. Needs CuPy, NumPy, PyTorch and
torchvision; the digits need scikit-learn as well.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from benchmarks._asked import Parser, at_least, need, run
from benchmarks._devices import Minidl, OutOfMemory, Torch, copies_of
from benchmarks._tables import publish, table

NETWORKS = ("resnet18", "vgg16", "mobilenet_v2")
COLUMNS = ("network, batch", "minidl ms", "PyTorch ms", "ratio", "minidl MiB", "PyTorch MiB", "loss", "copies")
MOST_STEPS, SHARE = 10, 0.12  # steps that are timed, and the share of all seconds that one side of a network may take
AGREE = 1e-3  # relative difference of the first losses


def batch(n: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return pictures and labels."""
    rng = np.random.default_rng(0)
    return rng.standard_normal((n, 3, size, size), dtype=np.float32), rng.integers(0, 1000, n)


def timed(side: Any, step: Any, seconds: float) -> tuple[float, float]:
    """Return the loss of the first step, and the median milliseconds of those after it."""
    began = time.perf_counter()
    first, times = step(), []
    side.wait()
    while len(times) < MOST_STEPS and (not times or time.perf_counter() - began < seconds):
        start = time.perf_counter()
        step()
        side.wait()
        times.append(1e3 * (time.perf_counter() - start))
    return first, statistics.median(times)


def compared(name: str, n: int, size: int, ours: Minidl, theirs: Torch, seconds: float) -> list[Any]:
    """Return the row of a network: with half the batch where memory runs out, down to one picture."""
    while True:
        try:
            return _compared(name, n, size, ours, theirs, seconds)
        except OutOfMemory:
            ours.let_go()
            theirs.let_go()
            if n == 1:
                return [f"{name}, no room for one picture", *["–"] * (len(COLUMNS) - 1)]
            n //= 2
            print(f"{name}: memory ran out, so both take {n} pictures", flush=True)


def _compared(name: str, n: int, size: int, ours: Minidl, theirs: Torch, seconds: float) -> list[Any]:
    x, labels = batch(n, size)
    net, weights = ours.network(name)
    step = ours.step(net, x, labels)
    loss, milliseconds = timed(ours, step, seconds)
    peak = ours.peak(step)
    copies = copies_of(step, ours.wait) if ours.device == "cuda" else "–"
    del net, step
    ours.let_go()
    their_step = theirs.step(theirs.network(name, weights), x, labels)
    their_loss, their_milliseconds = timed(theirs, their_step, seconds)
    their_peak = theirs.peak(their_step)
    del their_step
    theirs.let_go()
    agreed = "agrees" if abs(loss - their_loss) <= AGREE * abs(their_loss) else f"{loss:.5f} / {their_loss:.5f}"
    row = [f"{name}, {n}", milliseconds, their_milliseconds, milliseconds / their_milliseconds, peak, their_peak]
    return [*row, agreed, copies]


def learned(device: str, seconds: float) -> str:
    """Train LeNet-5 on the digits for as long as there is time, and tell what it reached."""
    try:
        from minidl import data

        train, test = data.open_dataset("digits")
    except ModuleNotFoundError as error:
        return f"LeNet-5 on the digits: left out: {error}"
    from minidl import Tensor, kernels, models, no_grad, ops, optim

    net = models.get_model("lenet5_modern", num_classes=10).to(device)
    optimizer = optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    x = Tensor(train.x).to(device)
    began, epochs = time.perf_counter(), 0
    with kernels.use("textbook"):
        while epochs < 10 and time.perf_counter() - began < seconds:
            order = np.random.default_rng(epochs).permutation(len(train))
            for start in range(0, len(train), 64):
                rows = order[start : start + 64].tolist()
                net.zero_grad()
                ops.cross_entropy(net(x[rows]), Tensor(train.labels[rows]).to(device)).backward()
                optimizer.step()
            epochs += 1
        with no_grad():
            answers = net.eval()(Tensor(test.x).to(device)).numpy().argmax(axis=1)
    right = 100 * float(np.mean(answers == test.labels))
    per_epoch = (time.perf_counter() - began) / epochs
    return (
        f"LeNet-5 on the digits: {right:.1f} % of the test pictures after {epochs} epochs, {per_epoch:.2f} s an epoch"
    )


def card() -> str:
    """Return the name of the GPU, its memory, and the versions of CuPy and CUDA."""
    import cupy

    told = cupy.cuda.runtime.getDeviceProperties(0)
    name = told["name"].decode() if isinstance(told["name"], bytes) else told["name"]
    cuda = cupy.cuda.runtime.runtimeGetVersion()
    return f"{name}, {told['totalGlobalMem'] / 2**30:.0f} GiB; CuPy {cupy.__version__}, CUDA {cuda}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, and write the table where the device is a GPU."""
    parser = Parser("benchmarks.gpu", __doc__)
    parser.add_argument("--device", choices=("cuda", "cpu"), default="cuda")
    parser.add_argument("--batch", type=at_least(1), default=64)
    parser.add_argument("--size", type=at_least(1), default=224)
    parser.add_argument("--networks", nargs="+", choices=NETWORKS, default=NETWORKS)
    parser.add_argument("--seconds", type=at_least(1, float), default=240, help="of all measurements together")
    given = parser.parse_args(arguments)
    import minidl

    status = minidl.cuda.is_available() if given.device == "cuda" else True
    if not status:
        print(f"benchmarks.gpu: no GPU here, so nothing is measured: {minidl.cuda.is_available().reason}")
        return 0
    need("torch", "torchvision")
    theirs, ours, ends = Torch(given.device), Minidl(given.device), time.perf_counter() + given.seconds
    rows = []
    for name in given.networks:
        if time.perf_counter() > ends - 2 * SHARE * given.seconds:
            print(f"{name}: left out, the {given.seconds:.0f} seconds are over", flush=True)
            continue
        print(f"{name} …", flush=True)
        rows.append(compared(name, given.batch, given.size, ours, theirs, SHARE * given.seconds))
    body = f"{table(COLUMNS, rows)}\n\n{learned(given.device, max(5.0, ends - time.perf_counter()))}."
    if given.device == "cuda":
        publish("gpu", f"Training steps on {card()}", f"Pictures of {given.size}×{given.size}.\n\n{body}")
    else:
        print(body)
    return 0


if __name__ == "__main__":
    run("benchmarks.gpu", main)
