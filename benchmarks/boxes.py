"""A detector beside PyTorch: average precision, first losses and time, from the same weights and on the same batches.

    python -m benchmarks.boxes --data DIR [--model yolo_tiny] [--seeds 0 1 2] [--epochs N] [--only minidl]

minidl's side is `minidl train yolo_tiny --data DIR`. PyTorch's has its own layers, loss, gradients and Adam, and is
given minidl's batches, rates and readings of the answers, so that what differs is the arithmetic alone. Both are judged
with the weights of the last epoch on the test pictures, at IoU 0.5 as VOC 2010 does it. Each training is made in a
process of its own; minutes are those of a processor core, which hold whatever else runs. Needs the extra `peers`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._asked import Parser, at_least, folder, need, run
from benchmarks._machine import honest_environment
from benchmarks._tables import publish, table

ROOT = Path(__file__).resolve().parents[1]
SIDES = ("minidl", "torch")
FIRST = 5  # so many steps are compared one by one


def train_minidl(config: Any) -> tuple[Any, list[float]]:
    """Train as the command does; return what a network says to pictures, and the losses of all steps."""
    from minidl import Tensor, no_grad
    from minidl.training import Callback, train

    class Losses(Callback):
        def __init__(self) -> None:
            self.all: list[float] = []

        def on_step(self, state: Any, loss: float) -> None:
            self.all.append(loss)

        def on_epoch_end(self, state: Any) -> None:
            print(state.history[-1], file=sys.stderr, flush=True)

    losses = Losses()
    with tempfile.TemporaryDirectory() as folder:
        net = train(config, out=Path(folder, "run"), callbacks=[losses]).state.net.eval()

    def say(x: np.ndarray) -> np.ndarray:
        with no_grad():
            return net(Tensor(x)).numpy()

    return say, losses.all


def train_torch(config: Any) -> tuple[Any, list[float]]:
    """Train PyTorch's twin of the network by the same rates."""
    import torch

    from minidl.optim import make_schedule
    from minidl.training.tasks.detection import DetectionTask

    if config.optimizer != "adam" or config.weight_decay:
        raise ValueError("PyTorch's side knows Adam without decay")
    task = DetectionTask()
    found = task.open(config, None)
    config = task.resolve(config, found, lambda line: None)
    batches, _ = task.batches(config, found.train, found.val)
    state = task.begin(config, found, (batches, None), lambda line: None)
    net = twin(state.net)
    torch.set_num_threads(config.threads)
    rule = torch.optim.Adam(net.parameters(), config.lr, config.betas)
    schedule = make_schedule(config.schedule, lr=config.lr, epochs=config.epochs, steps=len(batches))
    losses = []
    for epoch in range(config.epochs):
        net.train()
        for step, batch in enumerate(batches.epoch(epoch)):
            state.epoch, state.step = epoch, step
            state.follow(schedule)
            rule.param_groups[0]["lr"] = state.optimizer.lr
            rule.zero_grad()
            y = net(torch.from_numpy(batch.x)).permute(0, 2, 3, 1)
            loss = yolo_loss(y, batch.boxes, batch.x.shape[2:], state.net.boxes)
            loss.backward()
            if config.clip_norm:
                torch.nn.utils.clip_grad_norm_(net.parameters(), config.clip_norm)
            rule.step()
            losses.append(loss.item())
        print(epoch + 1, np.mean(losses[-len(batches) :]), file=sys.stderr, flush=True)
    net.eval()

    def say(x: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(x)).permute(0, 2, 3, 1).contiguous().numpy()

    return say, losses


def twin(ours: Any) -> Any:
    """Return the layers of a `yolo_tiny` as PyTorch's, with its weights."""
    import torch

    from minidl import nn

    layers: list[Any] = []
    for layer in [*ours.features, ours.head]:
        if isinstance(layer, nn.Conv2d):
            o, c, k, _ = layer.weight.shape
            layers.append(torch.nn.Conv2d(c, o, k, padding=k // 2, bias=layer.bias is not None))
        elif isinstance(layer, nn.BatchNorm2d):
            layers.append(torch.nn.BatchNorm2d(len(layer.weight.data)))
        else:
            layers.append(torch.nn.LeakyReLU(0.1) if isinstance(layer, nn.LeakyReLU) else torch.nn.MaxPool2d(2))
    net = torch.nn.Sequential(*layers)
    arrays = [value for name, value in ours.state_dict().items() if "num_batches" not in name]
    names = [name for name in net.state_dict() if "num_batches" not in name]
    net.load_state_dict(dict(zip(names, map(torch.tensor, arrays), strict=True)), strict=False)
    return net


def yolo_loss(y: Any, truths: Any, size: tuple[int, int], boxes: int) -> Any:
    """The loss, with PyTorch's gradient; what an answer should be is no part of it, and comes from minidl."""
    import torch

    from minidl.detection.yolo import yolo_aims

    aims = yolo_aims(y.detach().numpy(), truths, size, boxes)
    weight = np.array([0, 1, 5, 0.5])[aims.weight.astype(int)]  # the paper's two λ behind what counts as it is
    aim, weight = (torch.from_numpy(part.astype(np.float32)) for part in (aims.aim, weight))
    return (weight * (y - aim) ** 2).sum() / len(y)


def judged(say: Any, config: Any) -> dict[str, Any]:
    """Return average precision on the test pictures, in percent."""
    from minidl.data.boxes import BoxLoader, open_boxes
    from minidl.detection import evaluate, yolo_decode
    from minidl.training.tasks.detection import DetectionTask, in_file

    found = open_boxes(config.data)
    config = DetectionTask().resolve(config, found, lambda line: None)
    loader = BoxLoader(found.parts["test"], config.batch_size, transforms=config.test_transforms, workers=0)
    answers, truths = [], []
    for batch in loader.epoch(0):
        said = yolo_decode(say(batch.x), batch.x.shape[2:], config.options["boxes"] or 2)
        answers += [in_file(one, frame) for one, frame in zip(said, batch.frames)]
        truths += [loader.split.truth(number) for number in batch.numbers.tolist()]
    score = evaluate(answers, truths, found.classes)
    means = score.means()
    return {
        "map50": 100 * means["voc2010"],
        "coco": 100 * means["coco"],
        "classes": {name: 100 * float(value) for name, value in zip(score.classes, score.voc2010)},
    }


def child(asked: argparse.Namespace) -> None:
    """Make one training and print what it reached."""
    from minidl.training import make_config

    given = {} if asked.epochs is None else {"epochs": asked.epochs}
    config = make_config(asked.model, data=asked.data, seed=asked.seeds[0], **given)
    began = time.process_time()
    say, losses = (train_minidl if asked.child == "minidl" else train_torch)(config)
    minutes = (time.process_time() - began) / 60
    print(json.dumps({"minutes": minutes, "first": losses[:FIRST], "epochs": config.epochs} | judged(say, config)))


def training(side: str, seed: int) -> dict[str, Any]:
    """Make one training in a process of its own."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.boxes", *sys.argv[1:], "--child", side]
    command += ["--seeds", str(seed)]
    environment = honest_environment() | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True, cwd=ROOT)
    return json.loads(done.stdout.splitlines()[-1])


def main() -> None:
    """Train with each seed on both sides, and print precision, first losses and time."""
    parser = Parser("benchmarks.boxes", __doc__)
    parser.add_argument("--data", required=True, type=folder)
    parser.add_argument("--model", default="yolo_tiny", choices=("yolo_tiny",))
    parser.add_argument("--seeds", type=at_least(0), nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=at_least(1), help="others than those of the recipe; nothing is published then")
    parser.add_argument("--only", choices=SIDES, help="nothing is published then")
    parser.add_argument("--child", choices=SIDES, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if "minidl" not in (asked.only, asked.child):
        need("torch")
    if asked.child:
        child(asked)
        return
    rows, apart = [], np.zeros(FIRST)
    for seed in asked.seeds:
        both = {side: training(side, seed) for side in ([asked.only] if asked.only else SIDES)}
        for side, it in both.items():
            precisions = ", ".join(f"{name} {value:.1f}" for name, value in it["classes"].items())
            rows.append(
                [f"{seed} {side}", f"{it['map50']:.1f}", precisions, f"{it['coco']:.1f}", f"{it['minutes']:.1f}"]
            )
            print(*rows[-1], it["first"], sep=" | ", flush=True)
        if len(both) == 2:
            mine, theirs = (np.array(it["first"]) for it in both.values())
            apart = np.maximum(apart, np.abs(mine - theirs) / np.abs(theirs))
    if asked.only or asked.epochs is not None:
        return
    columns = ["seed", "mAP at 0.5, %", "of the classes, %", "COCO's mean, %", "minutes of a core"]
    means = [np.mean([float(row[1]) for row in rows if row[0].endswith(side)]) for side in SIDES]
    body = (
        f"{table(columns, rows)}\n\n{it['epochs']} epochs from nothing; the weights after the last, on the test "
        f"pictures. In the mean {means[0]:.1f} and {means[1]:.1f} % (wanted: within 2 points). The first losses differ "
        f"by at most {', '.join(f'{one:.0e}' for one in apart)} of theirs (wanted: 1e-4): Adam goes as far along a "
        f"gradient that is mere rounding as along any other, and then another box may answer for an object."
    )
    publish("boxes", f"{asked.model} on {Path(asked.data).name}, beside PyTorch", body)


if __name__ == "__main__":
    run("benchmarks.boxes", main)
