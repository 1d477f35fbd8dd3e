"""One thing of every public class, made by hand with what makes it long: the walks over all that people can see."""

import importlib
import inspect
import pkgutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np

import minidl
from minidl import Function, Tensor, cost, data, kernels, models, nn, observe, ops, optim, teach, training
from minidl._gradcheck import ArgumentReport, GradcheckReport, GradientError
from minidl._gradcheck.evidence import Pattern
from minidl.data import transforms
from minidl.export import Exported
from minidl.folding import FoldedConv2d
from minidl.predict import Guess, Prediction, Predictor
from minidl.proof import tables
from minidl.proof.layers import LAYERS
from minidl.proof.student import Result
from minidl.teach import claims, learn
from minidl.teach.learn import prediction as prediction
from minidl.teach.learn.marking import Marked
from minidl.teach.learn.marking.student import Marks
from minidl.training.state import build
from minidl.weights import Loaded
from tests.looks import detection, generation

WORDS = tuple(f"a class with a long name, number {number}" for number in range(200))
# a program; a kernel set that compiles when it is opened; texts
NOT_WALKED = ("minidl.cli", "minidl.kernels.cpu", "minidl.teach.strings")


def packages():
    """Return all that is imported by a public name: the packages, and the modules that a package offers."""
    names = ["minidl"]
    for module in pkgutil.walk_packages(minidl.__path__, "minidl."):
        private = any(part.startswith("_") for part in module.name.split("."))
        if module.ispkg and not private and not module.name.startswith(NOT_WALKED):
            names.append(module.name)
    found = {name: importlib.import_module(name) for name in names}
    for module in [*found.values()]:
        for name in module.__all__:
            if inspect.ismodule(one := getattr(module, name)):
                found[one.__name__] = one
    return found


def classes():
    """Return every public class that is minidl's own."""
    found = (getattr(module, name) for module in packages().values() for name in module.__all__)
    return sorted({it for it in found if inspect.isclass(it) and it.__module__.startswith("minidl")}, key=str)


class Square(Function):
    """An operation of a student's own, which looks at its context."""

    @staticmethod
    def forward(ctx, x):
        ctx.save(x)
        return x * x

    @staticmethod
    def backward(ctx, dy):
        Seen.context = repr(ctx)
        return 2 * ctx.saved[0] * dy


class Seen:
    """What a context looked like in the middle of its backward pass."""

    context = ""


def events():
    """Return what an observer is told of a convolution and an own operation, forward and backward."""
    seen = []
    with observe(seen.append):
        x = Tensor(np.ones((2, 3, 8, 8), "float32"), requires_grad=True)
        Square.apply(ops.conv2d(x, Tensor(np.ones((4, 3, 3, 3), "float32"), requires_grad=True))).sum().backward()
    return seen


def report(verdict="FAIL", arguments=9):
    pattern = Pattern("scaled", "a constant factor: dx is 1/2 times the slope, " * 4)
    rows = [
        ArgumentReport(i, (64, 3, 7, 7), verdict, 0.5, 1.0, 2.0, (0, 1), 3, "", 5, 9, pattern) for i in range(arguments)
    ]
    return GradcheckReport("elements", 0, rows, ["a note that says something at length " * 4] * 3)


def metrics(classes=200):
    found = training.Metrics(classes)
    found.update(np.eye(classes)[[0, 1, 1]], np.array([0, 1, 2]), loss=0.123456789)
    found.left_out = ["a file"]
    return found


def split():
    return data.Split.of(data.Pictures(np.zeros((3, 1, 8, 8), "float32"), np.array([0, 1, 1]), WORDS))


def dataset():
    return data.Dataset("Tiny-ImageNet", "/a/rather/long/path/" * 6, split(), split(), WORDS)


def info():
    found = data.describe(replace(dataset(), where="there"), workers=0)
    sizes = Counter({(3, n, n): n for n in range(1, 50)})
    return replace(found, train=replace(found.train, sizes=sizes, broken=dict.fromkeys(WORDS, "broken")))


def loader():
    steps = [{"name": "flip"}, {"name": "shift", "pixels": 2}] * 20
    return data.Loader(split(), 2, transforms=steps, shuffle=True, workers=0)


def state():
    found = build(training.Config(), {"num_classes": 10})
    found.history = [{"epoch": 1, "val_top1": 0.5}]
    return found


def groups():
    return optim.SGD([{"params": [nn.Parameter(np.ones(3))], "lr": 1 / 3} for _ in range(30)], lr=0.1, momentum=0.9)


def transforms_of_all_kinds():
    needed = {"size": 8, "padding": 2, "pixels": 2, "amount": 0.5, "mean": [0.5] * 3, "std": [0.5] * 3}
    for kind in transforms.TRANSFORMS.values():
        asked = [name for name, one in inspect.signature(kind).parameters.items() if one.default is one.empty]
        yield kind(**{name: needed[name] for name in asked})


def predictor():
    found = Predictor.__new__(Predictor)
    found.model, found.classes, found.notes = "lenet5", WORDS, list(WORDS)
    return found


def schedules():
    named = {"name": "step", "milestones": list(range(1, 100)), "warmup": 1 / 3}
    others = (
        {"name": name, **({"warmup": 1} if name == "inverse_sqrt" else {})}
        for name in optim.SCHEDULES
        if name != "step"
    )
    return [optim.make_schedule(one, lr=0.1, epochs=9, steps=5) for one in (named, *others)]


def schedulers():
    """Return one scheduler of every kind, each with an optimiser of its own."""
    plain = optim.make_schedule({"name": "cosine"}, lr=0.1, epochs=9, steps=5)
    asked = {"schedule": plain, "step_size": 3, "milestones": [3], "gamma": 0.1, "T_max": 9, "max_lr": 1.0}
    asked |= {"lr_lambda": lambda k: 1.0}
    for name in optim.lr_scheduler.__all__:
        kind, rule = getattr(optim.lr_scheduler, name), optim.SGD([nn.Parameter([1.0])], lr=0.1, momentum=0.9)
        wanted = [key for key, it in inspect.signature(kind).parameters.items() if it.default is it.empty]
        settings = {key: asked[key] for key in wanted if key in asked}
        yield kind(rule, **settings, **({"total_steps": 9} if name == "OneCycleLR" else {}))


def network():
    with nn.init.unfilled():
        return models.resnet18()


def lessons():
    """Yield what the exercises are made of, and what counting says of a network."""
    step = learn.get_step("b1")
    with nn.init.unfilled():
        net = models.get_model("lenet5_modern")
        yield next(field for field in cost.receptive_fields(cost.walk(net)) if field is not None)
        rows = learn.prediction.rows(net)
        counts, change = cost.conventions(net), cost.difference(net, models.get_model("lenet5"))
    yield from [counts, counts.rows[0], change, change.changes[0]]
    times = cost.Pass(0.01, 10**9, 10**8)
    row, roof = cost.Timed("features.0", "conv2d", times, None), cost.Machine(1e11, 1e10)
    yield from [times, row, roof, cost.Measured("resnet18", (3, 224, 224), 1, 5, roof, (row,) * 200)]
    yield from [*claims.check("VGG-16 has 130M weights"), claims.Unclear("no number")]
    yield cost.empirical_field(models.get_model("lenet5_modern"), layer="conv2")
    yield from [step, learn.Verdict(step.name, "wrong", mistake=WORDS[0] * 9), rows[0], rows[0].cells[0]]
    yield learn.prediction.Score(asked=3, right=2)
    marks = Marks("김민준", {step.name: WORDS[0] * 9}, {step.name: "wrong"}, ("audit hook",))
    yield from [marks, Marked([marks] * 200, 20262, ("audit hook",), (Path("marks.csv"),))]


def things():
    """Yield the things."""
    x, net, weight = Tensor(np.ones((8, 3, 32, 32))), network(), nn.Parameter(np.ones((2, 3)))
    seen, found = events(), report()
    yield from [
        x,
        x.data.sum() * weight,
        weight,
        net,
        *seen,
        Square(),
        Seen.context,
        nn.Module(),
        nn.ModuleDict({"a": net}),
        nn.ModuleList(),
    ]
    yield from [
        found,
        *found.arguments,
        report("ok", 1),
        GradientError(found),
        cost.count(net),
        *cost.count(net).layers,
        cost.memory(net),
        cost.memory(net).highest,
    ]
    for kind in (optim.SGD, optim.Adam, optim.AdamW, optim.RMSprop):
        yield kind(net.parameters(), lr=0.1)
    yield from [groups(), optim.Optimizer([weight], lr=0.1), optim.SGD.momentum, *schedules(), *schedulers()]
    yield from [optim.Schedule(0.1, 9, 5), teach.explore("conv"), *lessons()]
    yield from [
        split(),
        split().source,
        data.split.Files([Path(WORDS[0] * 9)] * 3),
        dataset(),
        info(),
        info().train,
        loader(),
        loader().cache,
        loader().transforms,
    ]
    yield from [data.Pictures(split().x, split().labels, WORDS), transforms.IMAGENET, transforms.Transform()]
    yield from [*transforms_of_all_kinds(), Loaded(net.state_dict(), WORDS), net.load_state_dict(net.state_dict())]
    yield from (case.build() for cases in LAYERS.values() for case in cases)
    yield from (models.describe(name) for name in models.list_models())
    yield from (models.describe(name).variant for name in models.list_models())
    yield from [models.Neocognitron(), models.Stage(2, 1), models.Network(), FoldedConv2d(nn.Conv2d(1, 2, 3))]
    yield from [kernels.SETS["cpu"], kernels.explain((1, 6, 14, 14), (16, 6, 5, 5)).dx, minidl.cuda.is_available()]
    for table in tables().values():
        yield from [table, *table.cases]
    yield Result("conv2d", "loops", 3, 1e-9, 0.5, "FAIL", "wrong at the border\n" * 20)
    yield from [Exported(Path("net.onnx"), "lenet5", (1, 28, 28), "new, as drawn", [*WORDS]), predictor()]
    guesses = [Guess(number, name, 0.01) for number, name in enumerate(WORDS)]
    yield from [*guesses[:1], Prediction("a.png", guesses), Prediction("b.png", error="b.png: is no picture " * 9)]
    yield from detection.things(WORDS)
    yield from generation.things()
    yield from [training.Config(), training.Config(data="/a/long/path" * 9, transforms=[{"name": "flip"}] * 9), state()]
    yield from [metrics(), training.Metrics(3), training.Interrupted("kept"), training.NonFiniteError("NaN " * 90)]
    run = training.RunFolder("runs/" + "lenet5-digits" * 9)
    yield from [run, training.Callback(), training.Outcome(run, state(), True, 3, None, WORDS)]
