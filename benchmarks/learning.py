"""Whole trainings beside PyTorch: accuracy and time, with the same settings, initial weights and batches.

    python -m benchmarks.learning resnet18 --data DIR [--recipe fast] [--seeds 0 1 2] [--epochs N] [--only minidl]
    python -m benchmarks.learning resnet18 --data DIR --epochs 2 --kernels textbook        the curves of the textbook

Each training is made in a process of its own. PyTorch takes its batches from minidl's loader, so that both see the same
pictures; its networks are torchvision's (`vit_tiny_cifar` is their vision transformer in that size), and a twin of
`cnn_deep`. A time is that of an epoch with its validation, the median of all epochs; a ratio minidl's over PyTorch's.
Needs the extra `peers`. Where only the time is asked for, two epochs are enough; let the machine do nothing else.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks._asked import Parser, at_least, data_set, need, network, run
from benchmarks._machine import describe, honest_environment

ROOT = Path(__file__).resolve().parents[1]
SIDES = ("minidl", "torch")
FIRST = 5  # so many steps are compared one by one
RULES: dict[str, Callable[[Any, Any, Any], Any]] = {
    "sgd": lambda optim, parameters, config: optim.SGD(
        parameters, config.lr, config.momentum, 0, config.weight_decay, config.nesterov
    ),
    "adamw": lambda optim, parameters, config: optim.AdamW(
        parameters, config.lr, config.betas, config.eps or 1e-8, config.weight_decay
    ),
}

Row = dict[str, Any]


def cnn_deep(num_classes: int) -> Any:
    """The twin of minidl's `cnn_deep`, with the same names."""
    from torch import nn

    class NormRelu(nn.BatchNorm2d):
        def forward(self, x: Any) -> Any:
            return nn.functional.relu(super().forward(x))

    def block(c: int, widths: tuple[int, ...]) -> Any:
        layers: list[Any] = []
        for width in widths:
            layers += [nn.Conv2d(c, width, 3, padding=1), NormRelu(width)]
            c = width
        return nn.Sequential(*layers, nn.MaxPool2d(2))

    net = nn.Sequential()
    net.add_module("block1", block(3, (32, 32)))
    net.add_module("block2", block(32, (64, 64, 64)))
    net.add_module("block3", block(64, (128, 128, 128)))
    net.add_module("flatten", nn.Flatten())
    net.add_module("fc1", nn.Linear(2048, 512))
    net.add_module("fc2", nn.Linear(512, num_classes))
    return net


def train_minidl(config: Any, kernels: str | None) -> list[Row]:
    """Train as the command does, with a run folder."""
    from minidl import kernels as sets
    from minidl.training import Callback, train

    class Clock(Callback):
        def __init__(self) -> None:
            self.began, self.seconds, self.losses = 0.0, [], []

        def on_epoch_begin(self, state: Any, steps: int) -> None:
            self.began = time.perf_counter()
            self.losses.append([])

        def on_step(self, state: Any, loss: float) -> None:
            self.losses[-1].append(loss)

        def on_epoch_end(self, state: Any) -> None:
            self.seconds.append(time.perf_counter() - self.began)
            print(state.history[-1], round(self.seconds[-1], 1), file=sys.stderr, flush=True)

    clock = Clock()
    with tempfile.TemporaryDirectory() as folder, sets.use(kernels) if kernels else nullcontext():
        rows = train(config, out=Path(folder, "run"), callbacks=[clock]).state.history
    names = ("train_loss", "val_loss", "val_top1")
    return [
        {name: row[name] for name in names} | {"seconds": seconds, "first": losses[:FIRST]}
        for row, seconds, losses in zip(rows, clock.seconds, clock.losses)
    ]


def train_torch(config: Any) -> list[Row]:
    """Train PyTorch's twin by the same rule along one cycle, from the same weights and on the same batches."""
    import torch
    from torch.nn.functional import cross_entropy

    from minidl import data
    from minidl.training.batches import training_batches, validation_batches
    from minidl.training.settings.resolve import resolve
    from minidl.training.state import build

    opened = data.open_dataset(config.data, config.classes, seed=config.seed, val_share=config.val_share)
    config = resolve(config, opened.train)
    batches, evaluated = training_batches(opened.train, config), validation_batches(opened.val, config)
    classes = len(opened.train.classes)
    state = build(config, {"num_classes": classes, "in_channels": 3})
    net, schedule = _twin(config.model, state.net, classes), config.schedule
    torch.set_num_threads(config.threads or torch.get_num_threads())
    if config.optimizer not in RULES or schedule["name"] != "one_cycle" or not config.decay_norms:
        raise ValueError("PyTorch's side knows SGD and AdamW with one cycle, which decay all weights")
    rule = RULES[config.optimizer](torch.optim, net.parameters(), config)
    numbers = {name: value for name, value in schedule.items() if name != "name"}
    peak = numbers.pop("max_lr", config.lr)
    cycle = torch.optim.lr_scheduler.OneCycleLR(rule, peak, config.epochs * len(batches), **numbers)
    rows = []
    for epoch in range(config.epochs):
        began, losses, counts = time.perf_counter(), [], []
        net.train()
        for x, labels in batches.epoch(epoch):
            rule.zero_grad()
            loss = cross_entropy(
                net(torch.from_numpy(x)), torch.from_numpy(labels), label_smoothing=config.label_smoothing
            )
            loss.backward()
            if config.clip_norm:
                torch.nn.utils.clip_grad_norm_(net.parameters(), config.clip_norm)
            rule.step()
            cycle.step()
            losses.append(loss.item())
            counts.append(len(labels))
        row: Row = {"train_loss": sum(a * b for a, b in zip(losses, counts)) / sum(counts)}
        row |= _evaluate(net, evaluated)
        rows.append(row | {"seconds": time.perf_counter() - began, "first": losses[:FIRST]})
        print(epoch + 1, rows[-1], file=sys.stderr, flush=True)
    return rows


def _twin(model: str, ours: Any, classes: int) -> Any:
    import torch
    import torchvision

    if model == "cnn_deep":
        net = cnn_deep(classes)
    elif model == "vit_tiny_cifar":
        net = torchvision.models.VisionTransformer(32, 4, 6, 4, 128, 256, num_classes=classes)
    elif hasattr(torchvision.models, model):
        net = getattr(torchvision.models, model)(num_classes=classes)
    else:
        raise ValueError(f"torchvision has no {model}; choose a network that it has, cnn_deep or vit_tiny_cifar")
    weights = {key: torch.from_numpy(array) for key, array in ours.state_dict().items()}
    missing = net.load_state_dict(weights, strict=False)
    if missing.unexpected_keys or any("num_batches" not in key for key in missing.missing_keys):
        raise ValueError(f"the twin of {model} has other weights: {missing}")
    return net


def _evaluate(net: Any, batches: Any) -> dict[str, float]:
    import torch
    from torch.nn.functional import cross_entropy

    net.eval()
    loss, right, n = 0.0, 0, 0
    with torch.no_grad():
        for x, labels in batches.epoch(0):
            logits, labels = net(torch.from_numpy(x)), torch.from_numpy(labels)
            loss += cross_entropy(logits, labels).item() * len(labels)
            right, n = right + int((logits.argmax(1) == labels).sum()), n + len(labels)
    return {"val_loss": loss / n, "val_top1": right / n}


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = Parser("benchmarks.learning", __doc__)
    parser.add_argument("model", type=network)
    parser.add_argument("--data", required=True, type=data_set)
    parser.add_argument("--recipe", default="fast")
    parser.add_argument("--seeds", type=at_least(0), nargs="+", default=[0])
    parser.add_argument("--epochs", type=at_least(1))
    parser.add_argument("--batch-size", type=at_least(1))
    parser.add_argument("--workers", type=at_least(0))
    parser.add_argument("--kernels", choices=("textbook", "cpu"), help="one set of minidl's kernels")
    parser.add_argument("--only", choices=SIDES)
    parser.add_argument("--child", choices=SIDES, help=argparse.SUPPRESS)
    return parser.parse_args()


def _config(asked: argparse.Namespace, seed: int) -> Any:
    from minidl.training import make_config

    names = ("epochs", "batch_size", "workers")
    given = {name: getattr(asked, name) for name in names if getattr(asked, name) is not None}
    return make_config(asked.model, recipe=asked.recipe, data=asked.data, seed=seed, **given)


def child(asked: argparse.Namespace) -> None:
    """Make one training and print its rows."""
    (seed,) = asked.seeds
    config = _config(asked, seed)
    rows = train_minidl(config, asked.kernels) if asked.child == "minidl" else train_torch(config)
    print(json.dumps(rows))


def training(side: str, seed: int) -> list[Row]:
    """Make one training in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.learning", *sys.argv[1:], "--child", side]
    command += ["--seeds", str(seed)]
    environment = honest_environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Train with each seed on both sides, and print accuracy, time and their ratios."""
    asked = arguments()
    if "minidl" not in (asked.only, asked.child):
        need("torch", "torchvision")
    if asked.child:
        child(asked)
        return
    _config(asked, asked.seeds[0])  # which judges the recipe
    print("\n".join(describe()), flush=True)
    sides = (asked.only,) if asked.only else SIDES
    found: dict[str, list[list[Row]]] = {side: [] for side in sides}
    for seed in asked.seeds:
        for side in sides:
            rows = training(side, seed)
            found[side].append(rows)
            losses = " ".join(f"{row['train_loss']:.3f}" for row in rows)
            top1, best = rows[-1]["val_top1"], max(row["val_top1"] for row in rows)
            seconds = statistics.median(row["seconds"] for row in rows)
            print(
                f"seed {seed}  {side:<7} top-1 {top1:.1%} (best epoch {best:.1%})  {seconds:6.1f} s an epoch   {losses}"
            )
            print(f"        the first losses: {' '.join(f'{loss:.6f}' for loss in rows[0]['first'])}", flush=True)
    print()
    seconds = {side: statistics.median(row["seconds"] for rows in found[side] for row in rows) for side in sides}
    for side in sides:
        tops = [rows[-1]["val_top1"] for rows in found[side]]
        print(f"{side:<7} top-1 {statistics.mean(tops):.1%} (mean of {len(tops)})   {seconds[side]:.1f} s an epoch")
    if len(sides) == 2:
        print(f"time    minidl / PyTorch = {seconds['minidl'] / seconds['torch']:.2f}   (at most 1.20)")


if __name__ == "__main__":
    run("benchmarks.learning", main)
