"""Right calls, as in `calls.py`, of what stands around the engine: figures, predictions, checkpoints, exports."""

import importlib.util
from pathlib import Path

import numpy as np
from PIL import Image

from minidl import data, export, models, predict, training, viz, weights
from minidl.training.state import build

ROW = {"epoch": 1, "train_loss": 2.0, "val_loss": 1.0, "train_top1": 0.3, "val_top1": 0.6, "val_top5": 0.9, "lr": 0.1}
NET = models.lenet5_modern(num_classes=2, in_channels=3)
MAPS = {"conv1": np.ones((2, 4, 4)), "conv2": np.ones((3, 2, 2))}
P, LABELS, NAMES = np.eye(2), np.array([1, 0]), ("cat", "dog")
PICTURES = np.zeros((2, 3, 8, 8), np.uint8)
SETTINGS = {**vars(training.Config()), "eps": 1e-8, "clip_norm": 1.0, "transforms": [{"name": "flip"}]}


def told(function):
    """Take what a generator gives, too."""
    return lambda *args, **settings: list(function(*args, **settings))


def drawn_mistakes(path, read, *args, **settings):
    """Draw; but a function of the user's own may fail as it likes."""
    viz.draw_mistakes(path, PICTURES.__getitem__ if read is len else read, *args, **settings)


def of_figures(folder):
    """Yield the calls of what draws, and of what finds something to draw."""
    path, title = folder / "figure.svg", {"title": "a title"}
    yield from [
        ("viz.draw_confusion", viz.draw_confusion, lambda: ((path, np.eye(2, dtype=int), NAMES), title)),
        (
            "viz.draw_curves",
            viz.draw_curves,
            lambda: ((path, [dict(ROW)]), {"rates": [(0.0, 0.1)], "panels": ["loss"], **title}),
        ),
        ("a row of viz.draw_curves", lambda **row: viz.draw_curves(path, [row, row]), lambda: ((), ROW)),
        ("viz.draw_feature_maps", viz.draw_feature_maps, lambda: ((path, dict(MAPS), PICTURES[0]), title)),
        ("maps of viz.draw_feature_maps", lambda **m: viz.draw_feature_maps(path, m), lambda: ((), MAPS)),
        ("viz.draw_filters", viz.draw_filters, lambda: ((path, np.ones((2, 3, 3, 3))), title)),
        (
            "viz.draw_mistakes",
            drawn_mistakes,
            lambda: ((path, PICTURES.__getitem__, P, LABELS, NAMES), {"count": 2, **title}),
        ),
        (
            "pictures of viz.draw_mistakes",
            lambda x: viz.draw_mistakes(path, lambda _: x, P, LABELS, NAMES),
            lambda: ((PICTURES[0],), {}),
        ),
        ("viz.worst_mistakes", viz.worst_mistakes, lambda: ((P, LABELS), {"count": 2})),
        ("viz.first_filters", viz.first_filters, lambda: ((NET,), {})),
        ("viz.feature_maps", viz.feature_maps, lambda: ((NET, np.zeros((3, 32, 32), np.float32)), {})),
    ]


def of_predictions(folder):
    """Yield the calls that name pictures."""
    file, picture, names = folder / "net.safetensors", folder / "picture.png", folder / "names.txt"
    weights.save(file, NET.state_dict(), model="lenet5_modern", arguments={"num_classes": 2, "in_channels": 3})
    Image.new("RGB", (32, 32)).save(picture)
    names.write_text("cat\ndog\n")
    source = {"model": "lenet5_modern", "weights_file": file, "run": None, "names": names}
    numbers = {"top": 1, "batch_size": 2, "workers": 0}
    predictor = predict.Predictor(**source)
    yield from [
        ("predict.class_names", predict.class_names, lambda: ((3,), {})),
        ("predict.Predictor", predict.Predictor, lambda: ((), source)),
        ("a predictor", predictor, lambda: ((picture,), {"top": 1})),
        ("Predictor.prepare", predictor.prepare, lambda: ((picture,), {})),
        ("Predictor.logits", predictor.logits, lambda: ((picture,), {})),
        ("Predictor.answer", told(predictor.answer), lambda: (([picture],), numbers)),
        ("predict.predict", told(predict.predict), lambda: (([picture],), {**source, **numbers})),
    ]


def of_files(folder):
    """Yield the calls of settings, checkpoints, data sets and exports."""
    run, out = folder / "run", folder / "out.safetensors"
    run.mkdir(exist_ok=True)
    state = build(training.Config(threads=None), {"num_classes": 10})
    file = run / "last.safetensors"
    training.save_checkpoint(file, state)
    chosen = {"classes": ["3", "5"], "seed": 0, "val_share": 0.2}
    whole = {"to": "safetensors", "weights_file": folder / "net.safetensors", "checkpoint": "best", "size": 32}
    of_run = {"to": "safetensors", "weights_file": None, "checkpoint": "last", "size": 32}
    yield from [
        ("training.Config", training.Config, lambda: ((), SETTINGS)),
        ("Config.from_dict", training.Config.from_dict, lambda: (({"epochs": 2},), {})),
        ("training.save_checkpoint", training.save_checkpoint, lambda: ((folder / "last.safetensors", state), {})),
        ("training.load_checkpoint", training.load_checkpoint, lambda: ((file,), {"epochs": 20, "device": "cpu"})),
        ("training.RunFolder", training.RunFolder.open, lambda: ((run,), {})),
        ("RunFolder.checkpoint", training.RunFolder.open(run).checkpoint, lambda: (("last",), {})),
        ("data.open_dataset", data.open_dataset, lambda: (("digits",), chosen)),
        ("export.export", export.export, lambda: (("lenet5_modern", out), whole)),
        ("export.export of a run", export.export, lambda: ((run, out), of_run)),
    ]
    if importlib.util.find_spec("onnx"):
        about = {"size": (3, 32, 32), "metadata": {"a": 1}}
        yield "export.to_onnx", export.to_onnx, lambda: ((NET, folder / "out.onnx"), about)


def around(folder: Path):
    """Yield (name, function, right arguments) of all of them."""
    yield from of_figures(folder)
    yield from of_predictions(folder)
    yield from of_files(folder)
