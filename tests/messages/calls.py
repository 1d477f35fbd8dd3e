"""A right call of every public function that is fuzzed, for one argument after the other to be made wrong.

Each entry is a function, its positional arguments and its settings; they are made afresh for every call.
"""

import copy
import inspect

import numpy as np

import minidl
from minidl import Tensor, cost, data, kernels, models, nn, ops, optim, training, weights
from minidl.data import transforms
from minidl.nn import init
from tests.messages.doors import around
from tests.messages.operations import OPERATIONS, X, sums, t, there_and_back
from tests.messages.words import WORDS

LAYERS = {
    "AdaptiveAvgPool2d": (2,),
    "AvgPool2d": (2,),
    "BatchNorm1d": (2,),
    "BatchNorm2d": (2,),
    "ChannelShuffle": (2,),
    "Conv2d": (2, 4, 3),
    "Conv2dNormActivation": (2, 4, 3),
    "ConvTranspose2d": (2, 4, 3),
    "Dropout": (0.5,),
    "Dropout2d": (0.5,),
    "GroupNorm": (1, 2),
    "LayerNorm": ((4, 4),),
    "Fold": ((4, 4), 2),
    "Linear": (3, 2),
    "Embedding": (3, 2),
    "Maxout": (2,),
    "LogSoftmax": (1,),
    "Softmax": (1,),
    "LocalResponseNorm": (5, 1e-4, 0.75, 2.0, "paper"),
    "MaxPool2d": (2,),
    "MultiheadAttention": (4, 2),
    "TransformerDecoderLayer": (4, 2, 6),
    "TransformerEncoderLayer": (4, 2, 6),
    "ModuleDict": ({"a": nn.ReLU()},),
    "ModuleList": ([nn.ReLU()],),
    "Parameter": (np.ones(2),),
    "Sequential": (nn.ReLU(), nn.ReLU()),
    "SqueezeExcitation": (2, 1),
    "StochasticDepth": (0.5,),
    "Unflatten": (1, (2, 1)),
    "Unfold": (2,),
    "Upsample": (8,),
    "ZeroPad2d": (1,),
}
SETTINGS = {
    name: {"batch_first": True} for name in ("MultiheadAttention", "TransformerDecoderLayer", "TransformerEncoderLayer")
}
INPUTS = {
    "BatchNorm1d": (t(4, 2),),
    "BCEWithLogitsLoss": (t(2, 3), t(2, 3)),
    "CrossEntropyLoss": (t(2, 3), np.array([0, 1])),
    "Fold": (t(1, 8, 9),),
    "L1Loss": (t(2, 3), t(2, 3)),
    "Linear": (t(2, 3),),
    "Embedding": (np.array([0, 2]),),
    "MultiheadAttention": (t(2, 3, 4), t(2, 5, 4), t(2, 5, 4)),
    "TransformerDecoderLayer": (t(2, 3, 4), t(2, 5, 4)),
    "TransformerEncoderLayer": (t(2, 3, 4),),
    "MSELoss": (t(2, 3), t(2, 3)),
    "NLLLoss": (t(2, 3), np.array([0, 1])),
    "SmoothL1Loss": (t(2, 3), t(2, 3)),
}
NO_LAYER = ("LoadReport", "Module", "functional", "init")


def settings_of(function, taken=0):
    """Return the defaults of what a call leaves out."""
    parameters = list(inspect.signature(function).parameters.values())[taken:]
    return {one.name: one.default for one in parameters if one.default is not inspect.Parameter.empty}


def layer(name):
    """Return the call that makes a layer, and the one that runs it."""
    kind, args, more = getattr(nn, name), LAYERS.get(name, ()), SETTINGS.get(name, {})
    yield f"nn.{name}", kind, lambda: (args, settings_of(kind, len(args)) | more)
    module = kind(*args, **more)
    if isinstance(module, nn.Module) and name not in ("ModuleDict", "ModuleList"):
        inputs = INPUTS.get(name, (t(*X),))
        yield f"nn.{name}.forward", lambda *given: there_and_back(module, *given), lambda: (inputs, {})


SHAPE = (4, 3, 2, 2)
WEIGHTS = nn.Parameter(np.ones(SHAPE, np.float32))
INITIALISERS = {
    "calculate_gain": ("leaky_relu",),
    "constant_": (WEIGHTS, 0.1),
    "default_uniform": (SHAPE, 3),
    "fans": (SHAPE,),
    "glorot_normal": (SHAPE,),
    "glorot_uniform": (SHAPE,),
    "he_normal": (SHAPE,),
    "he_uniform": (SHAPE,),
    "kaiming_normal_": (WEIGHTS,),
    "kaiming_uniform_": (WEIGHTS,),
    "normal": (SHAPE, 0.1),
    "normal_": (WEIGHTS,),
    "ones": (SHAPE,),
    "ones_": (WEIGHTS,),
    "trunc_normal_": (WEIGHTS,),
    "truncated_normal": (SHAPE, 0.1),
    "uniform": (SHAPE, 0.1),
    "uniform_": (WEIGHTS,),
    "xavier_normal_": (WEIGHTS,),
    "xavier_uniform_": (WEIGHTS,),
    "zeros": (SHAPE,),
    "zeros_": (WEIGHTS,),
}


def parameters():
    found = [nn.Parameter(np.ones((2, 3), np.float32))]
    found[0].grad = np.ones((2, 3), np.float32)
    return found


def steps_of(kind):
    def run(given, *args, **settings):
        kind(given, *args, **settings).step()

    return run


def used(kernel_set, **settings):
    with kernels.use(kernel_set, **settings):
        ops.relu(t(2, 3))


def observed(observer):
    with minidl.observe(observer):
        pass


METHODS = {
    **dict.fromkeys(["__add__", "__sub__", "__mul__", "__truediv__", "__iadd__", "__imul__", "__rpow__"], (1.0,)),
    **dict.fromkeys(["__and__", "__contains__", "__eq__", "__lt__", "__radd__", "__round__"], (1,)),
    **dict.fromkeys(["__floordiv__", "__mod__", "__pow__", "__ipow__"], (2,)),
    **dict.fromkeys(["__getitem__", "any", "argmax", "flatten", "max", "mean", "sum", "var"], (0,)),
    "__format__": (".2f",),
    "__iand__": (True,),
    "__matmul__": (np.ones((3, 2)),),
    "__setitem__": (0, 1.0),
    "backward": (np.ones((2, 3)),),
    "reshape": (3, 2),
    "to": ("cpu",),
    "transpose": (1, 0),
    **WORDS,
}
TENSORS = {
    "a leaf": lambda: Tensor(np.ones((2, 3)), requires_grad=True),
    "numbers": lambda: Tensor(np.ones((2, 3))),
    "a mask": lambda: Tensor(np.ones((2, 3), bool)),
    "a number": lambda: Tensor(np.ones(())),
}


def methods():
    for name, args in METHODS.items():
        for which, make in TENSORS.items():
            yield (
                f"Tensor.{name} of {which}",
                lambda *given, name=name, make=make: getattr(make(), name)(*given),
                lambda args=args: (args, {}),
            )


def assigned(name):
    def assign(value):
        setattr(Tensor(np.ones((2, 3))), name, value)

    return assign


NET = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
CONV = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2)).eval()
LENET = models.lenet5_modern()
EVENTS = cost.walk(LENET, 32)


def of_net(name):
    return lambda *given, **settings: getattr(copy.deepcopy(NET), name)(*given, **settings)


SCHEDULERS = {
    "ConstantLR": (0.5, 3),
    "CosineAnnealingLR": (5, 0.0),
    "ExponentialLR": (0.9,),
    "LRScheduler": (optim.make_schedule({"name": "cosine"}, lr=0.1, epochs=3, steps=2),),
    "LambdaLR": (lambda k: 0.5**k,),
    "LinearLR": (0.1, 1.0, 4),
    "MultiStepLR": ([2, 3], 0.5),
    "OneCycleLR": (0.4, 9),
    "PolynomialLR": (5, 1.0),
    "ReduceLROnPlateau": ("min", 0.5, 1, 1e-4, "rel", 0, 0.0, 1e-8),
    "StepLR": (2, 0.5),
}


def called(kind):
    """Make a scheduler and call it once."""

    def run(*args, **settings):
        scheduler = kind(*args, **settings)
        scheduler.step(*[0.5] * scheduler.takes_figures)

    return run


def others(folder):
    """Yield the calls of all that is neither an operation nor a layer nor a method of a tensor."""
    file = folder / "w.safetensors"
    weights.save(file, LENET.state_dict())
    schedule = {"lr": 0.1, "epochs": 3, "steps": 4}
    for name, kind in {"SGD": optim.SGD, "Adam": optim.Adam, "AdamW": optim.AdamW, "RMSprop": optim.RMSprop}.items():
        yield f"optim.{name}", steps_of(kind), lambda kind=kind: ((parameters(), 0.1), settings_of(kind, 2))
        optimizer = kind(parameters(), lr=0.1)
        yield f"{name}.load_state_dict", optimizer.load_state_dict, lambda o=optimizer: ((o.state_dict(),), {})
    for name, args in SCHEDULERS.items():
        kind = getattr(optim.lr_scheduler, name)
        yield f"lr_scheduler.{name}", called(kind), lambda k=kind, a=args: ((optim.SGD(parameters(), 0.1, 0.9), *a), {})
        scheduler = kind(optim.SGD(parameters(), 0.1, 0.9), *args)
        yield f"{name}.load_state_dict", scheduler.load_state_dict, lambda s=scheduler: ((s.state_dict(),), {})
    for name, kind in optim.SCHEDULES.items():
        own = {"step": {"step_size": 2}, "inverse_sqrt": {"warmup": 1.5}}.get(name, {})
        yield f"schedule {name}", kind, lambda kind=kind, own=own: ((0.1, 3, 4), {**settings_of(kind, 3), **own})
    saved, state = folder / "v.safetensors", NET.state_dict()
    yield from [
        ("optim.clip_grad_norm", optim.clip_grad_norm, lambda: ((parameters(), 1.0), {})),
        ("optim.decay_groups", optim.decay_groups, lambda: ((nn.Linear(2, 3), 0.1), {})),
        ("optim.make_schedule", optim.make_schedule, lambda: (({"name": "step", "step_size": 2},), schedule)),
        ("models.get_model", models.get_model, lambda: (("lenet5_modern",), settings_of(models.get_model))),
        ("models.lenet5_modern", models.lenet5_modern, lambda: ((), {"num_classes": 3, "in_channels": 1, "rng": None})),
        ("models.list_models", models.list_models, lambda: (("resnet",), {"family": None})),
        ("models.describe", models.describe, lambda: (("resnet18",), {})),
        ("a network", lambda x: LENET(x), lambda: ((t(1, 1, 32, 32),), {})),
        ("minidl.fuse", minidl.fuse, lambda: ((CONV, (1, 8, 8)), {})),
        ("cost.count", cost.count, lambda: ((LENET,), {"size": 32})),
        ("cost.memory", cost.memory, lambda: ((LENET,), {"size": 32, "batch": 2})),
        ("cost.walk", cost.walk, lambda: ((LENET,), {"size": 32, "training": False})),
        ("cost.flops", cost.flops, lambda: ((EVENTS[0],), {})),
        ("cost.macs", cost.macs, lambda: ((EVENTS[0],), {})),
        ("cost.depth", cost.depth, lambda: ((EVENTS, "conv2d"), {})),
        ("kernels.explain", kernels.explain, lambda: (((1, 2, 8, 8), (4, 2, 3, 3)), settings_of(kernels.explain))),
        ("kernels.use", used, lambda: (("textbook",), {"conv": "auto"})),
        ("minidl.manual_seed", minidl.manual_seed, lambda: ((0,), {})),
        ("minidl.set_num_threads", minidl.set_num_threads, lambda: ((1,), {})),
        ("minidl.observe", observed, lambda: ((len,), {})),
        ("minidl.gradcheck", minidl.gradcheck, lambda: ((sums, [np.ones(2)]), settings_of(minidl.gradcheck))),
        ("Tensor", Tensor, lambda: ((np.ones(2),), {"requires_grad": False})),
        ("Tensor.data", assigned("data"), lambda: ((np.ones((2, 3)),), {})),
        ("Tensor.grad", assigned("grad"), lambda: ((np.ones((2, 3)),), {})),
        (
            "weights.save",
            weights.save,
            lambda: ((saved, state), settings_of(weights.save)),
        ),
        ("weights.load", weights.load, lambda: ((file,), settings_of(weights.load))),
        ("weights.read_metadata", weights.read_metadata, lambda: ((file,), {})),
        ("weights.demo_path", weights.demo_path, lambda: (("efficientnet_lite0",), {})),
        ("Module.load_state_dict", of_net("load_state_dict"), lambda: ((NET.state_dict(),), {"strict": True})),
        ("Module.to", of_net("to"), lambda: (("cpu",), {})),
        ("Module.register_buffer", of_net("register_buffer"), lambda: (("b", np.ones(2)), {})),
        ("Sequential.append", of_net("append"), lambda: ((nn.ReLU(),), {})),
        ("Sequential.insert", of_net("insert"), lambda: ((0, nn.ReLU()), {})),
        ("Sequential.extend", of_net("extend"), lambda: (([nn.ReLU()],), {})),
        ("Sequential.__getitem__", of_net("__getitem__"), lambda: ((0,), {})),
        ("Sequential.__setitem__", of_net("__setitem__"), lambda: ((0, nn.Linear(2, 2)), {})),
        ("Sequential.__delitem__", of_net("__delitem__"), lambda: ((0,), {})),
    ]
    for name, args in INITIALISERS.items():
        function = getattr(init, name)
        yield f"init.{name}", function, lambda a=args, f=function: (a, settings_of(f, len(a)))


X8 = np.arange(2 * 3 * 8 * 8, dtype=np.uint8).reshape(2, 3, 8, 8)
PAIRS = np.zeros((2, 2), int)
CHANGES = {
    "add_colour": (X8, np.zeros((2, 3))),
    "brightness": (X8, np.ones(2)),
    "contrast": (X8, np.ones(2)),
    "crop": (X8, (4, 4), PAIRS),
    "cutout": (X8, 2, PAIRS),
    "flip": (X8, np.array([True, False])),
    "interpolate": (X8, 4),
    "interpolation_matrix": (4, 8),
    "mixup": (X8 / 255, np.array([0, 1]), np.ones(2), 2),
    "normalize": (X8, [0.5] * 3, [0.2] * 3),
    "pad": (X8, 1),
    "resize": (X8, 4),
    "saturation": (X8, np.ones(2)),
    "shift": (X8, PAIRS),
}
TRANSFORMS = {
    "Brightness": (0.1,),
    "CenterCrop": (4,),
    "Contrast": (0.1,),
    "Cutout": (2,),
    "Flip": (0.5,),
    "Mixup": (0.2,),
    "Normalize": ([0.5] * 3, [0.2] * 3),
    "Pad": (1,),
    "Pipeline": ((transforms.Flip(),),),
    "RandomCrop": (4,),
    "RandomResizedCrop": (4,),
    "Resize": (4,),
    "Saturation": (0.1,),
    "Shift": (1,),
}


def pictures(n=2):
    return data.Pictures(np.zeros((n, 1, 32, 32), np.uint8), np.arange(n) % 2, ("a", "b"))


def loaded(*args, **settings):
    for _ in data.Loader(*args, **settings).epoch(0):
        pass


def of_data():
    """Yield the calls of data sets, transforms and training."""
    for name, args in {**CHANGES, **TRANSFORMS}.items():
        function = getattr(transforms, name)
        yield f"transforms.{name}", function, lambda a=args, f=function: (a, settings_of(f, len(a)))
    steps = [{"name": "flip"}, {"name": "normalize", "mean": [0.5] * 3, "std": [0.2] * 3}]
    net, settings = models.lenet5_modern(num_classes=2), {"epochs": 1, "batch_size": 2, "lr": 0.1, "callbacks": ()}
    yield from [
        ("transforms.build", transforms.build, lambda: ((steps,), {"statistics": None})),
        ("a pipeline", transforms.build(steps), lambda: ((X8,), {})),
        ("data.Pictures", data.Pictures, lambda: ((X8, np.array([0, 1]), ("a", "b")), {})),
        ("data.Loader", loaded, lambda: ((pictures(), 1), {**settings_of(data.Loader, 3), "workers": 0})),
        ("data.Loader of arrays", loaded, lambda: ((X8, np.array([0, 1]), 1), {"workers": 0, "shuffle": True})),
        ("data.open_dataset", data.open_dataset, lambda: (("digits",), {"classes": None, "seed": 0})),
        ("data.describe", data.describe, lambda: ((data.open_dataset("digits"),), {"workers": 0})),
        ("data.measure", data.measure, lambda: ((data.Split.of(pictures()),), {"workers": 0, "skip_broken": False})),
        ("training.make_config", training.make_config, lambda: (("lenet5_modern",), {"epochs": 1, "lr": 0.1})),
        ("training.parse_setting", training.parse_setting, lambda: (("lr=0.1",), {})),
        ("training.load_recipe", training.load_recipe, lambda: (("fast", "lenet5_modern"), {})),
        ("Metrics.update", lambda *a: training.Metrics(2).update(*a), lambda: ((np.eye(2), np.array([0, 1]), 0.5), {})),
        ("training.evaluate", training.evaluate, lambda: ((net, pictures()), {"device": "cpu", "batch_size": 2})),
        ("training.fit", training.fit, lambda: ((net, pictures(), pictures()), settings)),
    ]


def every(folder):
    """Yield (name, function, right arguments) of all of them."""
    for name, make in OPERATIONS.items():
        function = getattr(ops, name)
        yield f"ops.{name}", lambda *a, function=function, **s: there_and_back(function, *a, **s), make
    for name in set(nn.__all__) - set(NO_LAYER):
        yield from layer(name)
    yield from methods()
    yield from others(folder)
    yield from of_data()
    yield from around(folder)
