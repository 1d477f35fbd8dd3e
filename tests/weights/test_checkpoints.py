"""Files that people really have: nests, companions, and the prefixes of wrappers, in every format."""

import numpy as np
import pytest
import safetensors.numpy

from minidl import models, nn, weights
from tests.weights.writer import (
    Call,
    Made,
    Name,
    Raw,
    Reference,
    Storages,
    opcodes,
    parameter,
    refuse,
    window,
    write_old,
    write_zip,
)

WRITERS = pytest.mark.parametrize("write", [write_zip, write_old])
ONES, TWOS = np.ones((2, 3), np.float32), np.full((2, 3), 2, np.float32)


def state(storages: Storages, array=ONES, prefix: str = "") -> dict:
    return {f"{prefix}fc.weight": storages.tensor(array), f"{prefix}fc.bias": storages.tensor(array[:, 0].copy())}


def numpy_array(kind: str, content) -> Call:
    """A NumPy array of two elements, as protocol 2 writes it."""
    dtype = Call("numpy.dtype", (kind, False, True), state=(3, "<", None, None, None, -1, -1, 0))
    head = (Name("numpy.ndarray"), (0,), b"b")
    return Call("numpy._core.multiarray._reconstruct", head, state=(1, (2,), dtype, False, content))


COMPANIONS = {
    "options": Made("argparse.Namespace", {"lr": 0.1, "out": Call("pathlib.PosixPath", ("runs", "1"))}),
    "simple options": Call("types.SimpleNamespace", (), {"lr": 0.1}),
    "options of a library": Made("omegaconf.dictconfig.DictConfig", {"_content": {"a": Made("omegaconf.AnyNode")}}),
    "a kind of dict": Made("lightning.fabric.utilities.data.AttributeDict", items={"lr": 0.1}),
    "counter": Call("collections.Counter", ({"cat": 3},)),
    "default dict": Call("collections.defaultdict", (Name("__builtin__.list"),)),
    "path": Call("pathlib.PosixPath", ("/", "data")),
    "set": Call("__builtin__.set", ([1, 2],)),
    "frozen set": Call("builtins.frozenset", ([1],)),
    "complex": Call("__builtin__.complex", (1.0, 2.0)),
    "device": Call("torch.device", ("cuda", 0)),
    "dtype": Name("torch.float32"),
    "odd dtype": Name("torch.float8_e4m3fn"),
    "size": Call("torch.Size", ((1, 3, 8, 8),)),
    "time": Call("datetime.datetime", (b"\x07\xe8\x01\x01\0\0\0\0\0\0",)),
    "zone": Call("datetime.timezone", (Call("datetime.timedelta", (0, 0, 0)),)),
    "enumeration": Call("project.options.Mode", ("train",)),
    "enumeration of Python 3.11": Call("builtins.getattr", (Name("project.options.Mode"), "TRAIN")),
    "function": Name("project.losses.focal"),
    "partial": Call("functools.partial", (Name("torch.nn.LayerNorm"),), (Name("torch.nn.LayerNorm"), (), {}, None)),
    "numbers of NumPy": numpy_array("f4", bytes(8)),
    "texts of NumPy": numpy_array("U2", bytes(16)),
    "objects of NumPy": numpy_array("O8", [None, {}]),
    "number of NumPy": Call("numpy._core.multiarray.scalar", (Call("numpy.dtype", ("f8",)), bytes(8))),
    "date of NumPy": Call("numpy._core.multiarray.scalar", (Call("numpy.dtype", ("M8",)), bytes(8))),
    "random": Call("numpy.random._pickle.__generator_ctor", (Name("numpy.random._pcg64.PCG64"),)),
    "whole network": Made("project.Net", {"_modules": Call("collections.OrderedDict"), "training": True}),
    "whole optimiser": Made("torch.optim.sgd.SGD", {"param_groups": [{"lr": 0.1, "params": [0]}]}),
    "odd keys": {0.5: 1, (1, 2): 3, None: 4, Name("project.Callback"): {}, 2**80: 5},
    "sparse": Call("torch._utils._rebuild_sparse_tensor", (Name("torch.sparse_coo"), ())),
    "logger": Call("logging.getLogger", ("train",)),
    "texts": ["a", b"b", ("c", None, True)],
    "history": [{"epoch": 1, "loss": 0.5}],
    "annotation": Name("typing.Any"),
    "old object": Call("copy_reg._reconstructor", (Name("project.Old"), Name("__builtin__.object"), None), {"a": 1}),
}  # fmt: skip


@WRITERS
@pytest.mark.parametrize("companion", COMPANIONS)
def test_a_companion_is_left_out(write, companion, tmp_path):
    """Beside the nest, beside the arrays themselves, and deep in something else."""
    storages = Storages()
    value = COMPANIONS[companion]
    loaded = weights.load(write(tmp_path / "a.pth", {"net": state(storages), "it": value}, storages))
    assert loaded.notes == ["took the entry 'net'", "left out 'it'"]
    assert list(loaded) == ["fc.weight", "fc.bias"]
    np.testing.assert_array_equal(loaded["fc.weight"], ONES, strict=True)
    storages = Storages()
    deep = {"hyper_parameters": Made("a.B", {"deep": [{"it": value}]}), "state_dict": state(storages)}
    assert list(weights.load(write(tmp_path / "b.pth", deep, storages))) == ["fc.weight", "fc.bias"]


@WRITERS
@pytest.mark.parametrize("companion", sorted(COMPANIONS.keys() - {"numbers of NumPy", "number of NumPy", "sparse"}))
def test_a_companion_among_the_arrays_is_left_out(write, companion, tmp_path):
    storages = Storages()
    loaded = weights.load(write(tmp_path / "a.pth", state(storages) | {"it": COMPANIONS[companion]}, storages))
    assert (list(loaded), loaded.notes) == (["fc.weight", "fc.bias"], ["left out 'it'"])


def test_what_might_be_a_weight_is_not_passed_over(tmp_path):
    storages = Storages()
    whole = state(storages) | {"fc.scale": COMPANIONS["sparse"]}
    refuse(
        write_zip(tmp_path / "a.pth", whole, storages), "the entry 'fc.scale' is an object of torch._utils._rebuild_sp"
    )
    storages = Storages()
    kept = state(storages) | {"fc.scale": numpy_array("f4", np.array([1, 2], "<f4").tobytes())}
    loaded = weights.load(write_zip(tmp_path / "b.pth", kept, storages))
    np.testing.assert_array_equal(loaded["fc.scale"], np.array([1, 2], np.float32), strict=True)


@WRITERS
def test_a_companion_with_storages_that_numpy_does_not_know(write, tmp_path):
    """In the old format all storages lie behind each other, so each must have a known size."""
    storages = Storages()
    storages.add(np.ones(2, np.complex64), "float32")
    storages.counts["0"] = 2
    strange = window(Reference(("storage", Name("torch.ComplexFloatStorage"), "0", "cpu", 2)), 0, (2,), (1,))
    path = write(tmp_path / "a.pth", {"model": state(storages), "spectrum": strange}, storages)
    np.testing.assert_array_equal(weights.load(path)["fc.weight"], ONES, strict=True)


def test_a_class_of_layers_in_the_old_format(tmp_path):
    storages = Storages()
    whole = Reference(("module", Name("project.Net"), "net.py", "import os\nos.system('ls')"))
    assert list(weights.load(write_old(tmp_path / "a.pth", {"net": state(storages), "kind": whole}, storages)))


NESTS = ["state_dict", "model_state_dict", "model", "net", "params", "model_ema", "state_dict_ema", "ema", "params_ema",
         "ema_state_dict",
         "module", "resnet", "Model", "checkpoint/model", "ema/module", "model/state_dict"]  # fmt: skip


@WRITERS
@pytest.mark.parametrize("nest", NESTS)
def test_a_nest_without_doubt_is_taken(write, nest, tmp_path):
    storages = Storages()
    found = state(storages)
    for name in reversed(nest.split("/")):
        found = {name: found, "step": 3}
    moments = {"state": {0: {"exp_avg": storages.tensor(TWOS)}}, "param_groups": [{"lr": 0.1}]}
    found |= {
        "optimizer": moments,
        "best": storages.tensor(np.array(0.5)),
        "rng": storages.tensor(np.zeros(9, np.uint8)),
    }
    loaded = weights.load(write(tmp_path / "a.pth", found, storages))
    np.testing.assert_array_equal(loaded["fc.weight"], ONES, strict=True)
    assert list(loaded) == ["fc.weight", "fc.bias"]
    assert loaded.notes[0] == f"took the entry {nest!r}"
    assert "'optimizer'" in loaded.notes[1]


@WRITERS
@pytest.mark.parametrize("own, average", [("model", "model_ema"), ("state_dict", "state_dict_ema"),
                                          ("params", "params_ema"), ("net", "ema"),
                                          ("generator", "generator_ema")])  # fmt: skip
def test_the_weights_come_before_their_average(write, own, average, tmp_path):
    storages = Storages()
    path = write(tmp_path / "a.pth", {average: state(storages, TWOS), own: state(storages)}, storages)
    loaded = weights.load(path)
    np.testing.assert_array_equal(loaded["fc.weight"], ONES)
    assert loaded.notes[0] == f"took the entry {own!r}, not {average!r} (entry=… takes it)"
    np.testing.assert_array_equal(weights.load(path, entry=average)["fc.weight"], TWOS)


@WRITERS
@pytest.mark.parametrize("names", [("model", "net"), ("student", "teacher"), ("g/net", "g/ema/model", "d/net")])
def test_a_doubt_is_refused_and_can_be_settled(write, names, tmp_path):
    storages = Storages()
    saved: dict = {}
    for value, name in enumerate(names):
        *outer, last = name.split("/")
        inner = saved
        for one in outer:
            inner = inner.setdefault(one, {})
        inner[last] = state(storages, np.full((2, 3), value, np.float32))
    path = write(tmp_path / "a.pth", saved, storages)
    refuse(path, "this file holds 2 state_dicts, ")
    refuse(path, f"; choose one: minidl.weights.load(path, entry={names[0]!r})")
    for value, name in enumerate(names):
        np.testing.assert_array_equal(weights.load(path, entry=name)["fc.weight"], np.full((2, 3), value))


def test_one_state_under_two_names_is_no_doubt(tmp_path):
    storages = Storages()
    twice = opcodes(state(storages)) + b"q\x00"
    saved = b"}(" + opcodes("model") + twice + opcodes("net") + b"h\x00u"
    assert weights.load(write_zip(tmp_path / "a.pth", Raw(saved), storages)).notes == [
        "took the entry 'model'",
        "left out 'net'",
    ]


def test_arrays_beside_a_nest(tmp_path):
    storages = Storages()
    saved = state(storages) | {"head": state(storages, TWOS)}
    path = write_zip(tmp_path / "a.pth", saved, storages)
    refuse(path, "this file holds 2 state_dicts, 'head', ''; choose one: minidl.weights.load(path, entry='head')")
    np.testing.assert_array_equal(weights.load(path, entry="")["fc.weight"], ONES)
    np.testing.assert_array_equal(weights.load(path, entry="head")["fc.weight"], TWOS)


@pytest.mark.parametrize(
    "entry, words",
    [
        ("none", "there is no entry 'none'; there is 'net', 'epoch'"),
        ("net/none", "there is no entry 'net/none'; there is 'net', 'epoch'"),
        ("epoch", "the entry 'epoch' is 3, expected a state_dict"),
    ],
)
def test_an_entry_that_is_not_there(entry, words, tmp_path):
    storages = Storages()
    path = write_zip(tmp_path / "a.pth", {"net": state(storages), "epoch": 3}, storages)
    with pytest.raises(ValueError, match=words):
        weights.load(path, entry=entry)


@pytest.mark.parametrize("name, what", [("a.safetensors", "safetensors"), ("a.npz", r"\.npz")])
def test_formats_without_entries(name, what, tmp_path):
    write_as(tmp_path / name, {"w": ONES})
    with pytest.raises(ValueError, match=f"{what} has no entries but arrays; received entry='ema'; leave it out"):
        weights.load(tmp_path / name, entry="ema")


def test_a_whole_network_is_named_with_its_cure(tmp_path):
    whole = COMPANIONS["whole network"]
    refuse(
        write_zip(tmp_path / "a.pth", whole), "this file holds an object of project.Net, expected a state_dict: torch.s"
    )
    words = (
        "the entry 'model' is an object of project.Net, not a tensor; expected a state_dict, or a dict that has one "
    )
    refuse(write_zip(tmp_path / "b.pth", {"epoch": "1", "model": whole}), words)
    refuse(write_zip(tmp_path / "b.pth", {"epoch": "1", "model": whole}), "save its state_dict()")


# Prefixes


def write_as(path, arrays: dict):
    if path.suffix == ".npz":
        np.savez(path, **arrays)
    elif path.suffix == ".safetensors":
        safetensors.numpy.save_file(arrays, path)
    else:
        storages = Storages()
        found = {name: parameter(storages.tensor(array)) for name, array in arrays.items()}
        (write_zip if path.suffix == ".pth" else write_old)(path, found, storages)
    return path


FORMATS = pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".npz"])
PREFIXES = [
    "module.",
    "_orig_mod.",
    "module._orig_mod.",
    "_orig_mod.module.",
    "module.module.",
    "_fsdp_wrapped_module.",
]


@FORMATS
@pytest.mark.parametrize("prefix", PREFIXES)
def test_what_wrappers_put_before_names_goes(suffix, prefix, tmp_path):
    path = write_as(tmp_path / f"a{suffix}", {f"{prefix}fc.weight": ONES, f"{prefix}fc.bias": ONES[:, 0].copy()})
    loaded = weights.load(path)
    assert sorted(loaded) == ["fc.bias", "fc.weight"]
    assert len(loaded.notes) == 1
    assert loaded.notes[0].startswith("took '")
    assert loaded.notes[0].endswith("off the names")
    assert sorted(weights.load(path, prefix="")) == [f"{prefix}fc.bias", f"{prefix}fc.weight"]


@FORMATS
def test_an_averaged_model(suffix, tmp_path):
    names = {"n_averaged": np.array(7), "module.fc.weight": ONES, "module.n_averaged.weight": ONES}
    loaded = weights.load(write_as(tmp_path / f"a{suffix}", names))
    assert sorted(loaded) == ["fc.weight", "n_averaged.weight"]
    assert loaded.notes == ["took 'module.' off the names", "left out 'n_averaged'"]


@FORMATS
@pytest.mark.parametrize(
    "names, expected",
    [
        (["module.w", "b"], ["b", "module.w"]),
        (["modules.w"], ["modules.w"]),
        (["model.w", "model.b"], ["model.b", "model.w"]),
        (["w", "_orig_mod.w"], ["_orig_mod.w", "w"]),
        (["layer._orig_mod.w", "b"], ["b", "layer.w"]),
        (["n_averaged"], ["n_averaged"]),
        (["module."], ["module."]),
    ],
)
def test_names_that_stay(suffix, names, expected, tmp_path):
    assert sorted(weights.load(write_as(tmp_path / f"a{suffix}", dict.fromkeys(names, ONES)))) == expected


@FORMATS
def test_a_prefix_of_ones_own(suffix, tmp_path):
    path = write_as(tmp_path / f"a{suffix}", {"model.w": ONES, "model.b": TWOS, "loss.weight": TWOS})
    loaded = weights.load(path, prefix="model.")
    assert sorted(loaded) == ["b", "w"]
    assert loaded.notes == ["took 'model.' off the names", "left out 1 names without it"]
    with pytest.raises(ValueError, match=r"no name begins with prefix='net\.'; the first is '"):
        weights.load(path, prefix="net.")


def test_our_own_files_keep_their_names(tmp_path):
    class Wrapped(nn.Module):
        def __init__(self):
            super().__init__()
            self.module = nn.Linear(2, 2)

    weights.save(tmp_path / "a.safetensors", Wrapped().state_dict())
    assert not Wrapped().load_state_dict(weights.load(tmp_path / "a.safetensors")).missing


def test_companions_in_npz(tmp_path):
    np.savez(tmp_path / "a.npz", w=ONES, names=np.array(["a", "b"]), options=np.array({"a": 1}, dtype=object))
    loaded = weights.load(tmp_path / "a.npz")
    assert (list(loaded), loaded.notes) == (["w"], ["left out 'names.npy', 'options.npy'"])


# What networks make of it


@pytest.fixture
def lenet():
    return models.get_model("lenet5_modern", rng=np.random.default_rng(3))


@FORMATS
@pytest.mark.parametrize("prefix", ["model.", "net.backbone.", "module.model.", "_orig_mod.encoder."])
def test_a_network_finds_its_own_names(suffix, prefix, lenet, tmp_path):
    arrays = {f"{prefix}{name}": array for name, array in lenet.state_dict().items()}
    own = prefix.removeprefix("module.").removeprefix("_orig_mod.")
    net = models.get_model("lenet5_modern", weights=write_as(tmp_path / f"a{suffix}", arrays))
    assert all(np.array_equal(array, net.state_dict()[name]) for name, array in lenet.state_dict().items())
    assert f"took {own!r} off the names" in str(net.load_report)
    others = arrays | {f"{prefix}".split(".")[0] + "_loss.weight": ONES} if prefix == own else arrays
    net = models.get_model("lenet5_modern", num_classes=3, weights=write_as(tmp_path / f"b{suffix}", others))
    assert net.load_report.missing == ["fc3.weight", "fc3.bias"]


def test_a_network_that_is_there_twice(lenet, tmp_path):
    arrays = {f"{prefix}{name}": a for name, a in lenet.state_dict().items() for prefix in ("model.", "ema.")}
    path = write_as(tmp_path / "a.npz", arrays)
    with pytest.raises(
        ValueError, match=r"under 'model\.' and 'ema\.'; choose: minidl\.weights\.load\(path, prefix='mod"
    ):
        models.get_model("lenet5_modern", weights=path)
    assert not lenet.load_state_dict(weights.load(path, prefix="ema.")).missing


def test_the_report_says_what_was_done(lenet, tmp_path):
    storages = Storages()
    saved = {f"module.{name}": storages.tensor(array) for name, array in lenet.state_dict().items()}
    path = write_zip(tmp_path / "a.pth", {"model": saved, "epoch": 3}, storages)
    did = "; took the entry 'model'; left out 'epoch'; took 'module.' off the names"
    assert repr(lenet.load_state_dict(weights.load(path))) == f"10 used, 0 missing, 0 unexpected{did}"
    report = models.get_model("lenet5_modern", weights=path).load_report
    assert str(report) == f"lenet5_modern: 10 of 10 arrays from a.pth{did}"


def test_counters_among_the_arrays(lenet, tmp_path):
    storages = Storages()
    saved = {name: storages.tensor(array) for name, array in lenet.state_dict().items()} | {"epoch": 3, "arch": "lenet"}
    net = models.get_model("lenet5_modern", weights=write_zip(tmp_path / "a.pth", saved, storages))
    assert (net.load_report.missing, net.load_report.unexpected) == ([], ["epoch"])
    assert net.load_report.notes == ["left out 'arch'"]
