"""ONNX Runtime computes what minidl computes: every network of the zoo, every operation, a run of `minidl train`."""

import hashlib
import json

import numpy as np
import pytest

import minidl
from minidl import Tensor, export, models, nn, ops, training
from minidl.data import open_dataset
from minidl.export._nodes import RULES
from minidl.models._registry import ENTRIES
from minidl.tensor import Function
from tests.models.narrow import narrow, single
from tests.models.walk import count, fill, unfilled

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.peers


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads, options.inter_op_num_threads = 3, 1, 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def compare(net, path, x, *, bound=1e-5, **settings):
    """Export a network, check the file, and compare what both compute of x and of its first picture."""
    net.eval()
    export.to_onnx(net, path, **settings)
    onnx.checker.check_model(str(path), full_check=True)
    with minidl.no_grad():
        expected = net(Tensor(x)).numpy()
    run = session(path)
    for n in (len(x), 1):
        (found,) = run.run(None, {"x": x[:n]})
        assert found.shape == expected[:n].shape
        assert np.isfinite(found).all()
        assert np.abs(found - expected[:n]).max() <= bound * np.abs(expected[:n]).max()


def settle(net, x):
    """Give norms the statistics of these pictures, so that numbers neither vanish nor grow over a thousand layers."""
    norms = [module for module in net.modules() if isinstance(module, (nn.BatchNorm2d, nn.BatchNorm1d))]
    if not norms:
        return
    for norm in norms:
        norm.momentum = 1.0
    net.train()(Tensor(x))


def carried(net, x):
    """How far the rounding of a picture carries through a network, as a share of the largest result."""
    with minidl.no_grad():
        y, near = (net(Tensor(it)).numpy() for it in (x, x * np.float32(1 + 3e-7)))
    return np.abs(near - y).max() / np.abs(y).max()


# Parameters. What is written of a larger network is what is written of its narrow relative, with more numbers in it;
# one of them is taken as it is.
MOST, WIDE = 30_000_000, "alexnet"


@pytest.mark.parametrize("name", ENTRIES)
def test_every_network(name, rng, tmp_path):
    net = unfilled(name, num_classes=7)
    net = fill(net, rng) if count(net) < MOST or name == WIDE else single(narrow(name, rng))
    least, most = net.train().legal_sizes()
    side = max(least, min(64, most or 64))  # on a map of one pixel every norm would be a matter of rounding
    x = rng.standard_normal((4, net.in_channels, side, side), dtype=np.float32)
    settle(net, x)
    net.eval()
    compare(net, tmp_path / "net.onnx", x[:2], bound=max(1e-4, 8 * carried(net, x[:2])), size=side)
    (tmp_path / "net.onnx").unlink()  # the largest has a quarter of a gigabyte


class Apply(nn.Module):
    """A module of one function, with weights that it may use."""

    def __init__(self, function):
        super().__init__()
        self.function = function
        rng = np.random.default_rng(1)
        self.w = nn.Parameter(rng.standard_normal((6, 4, 3, 3)).astype(np.float32))
        self.v = nn.Parameter(rng.standard_normal(4).astype(np.float32))
        self.m = nn.Parameter(rng.standard_normal((9, 5)).astype(np.float32))

    def forward(self, x):
        return self.function(x, self)


MASK = np.arange(9) % 3 == 0
CAUSAL = np.tri(7, dtype=bool)
CASES = {  # of pictures (2, 4, 7, 9); the operation that a case is for comes first in its name
    "abs": lambda x, it: ops.abs(x),
    "adaptive_avg_pool2d": lambda x, it: ops.adaptive_avg_pool2d(x, (3, 4)),
    "adaptive_avg_pool2d, even": lambda x, it: ops.adaptive_avg_pool2d(x, (7, 3)),
    "adaptive_avg_pool2d, one": lambda x, it: ops.adaptive_avg_pool2d(x, 1),
    "adaptive_avg_pool2d, larger": lambda x, it: ops.adaptive_avg_pool2d(x, (9, 11)),
    "add": lambda x, it: 1.5 + x + it.v.reshape(4, 1, 1),
    "add_relu": lambda x, it: ops.add(x, x * -0.5, activation="relu"),
    "append_channels, reserve_channels": lambda x, it: ops.append_channels(
        ops.append_channels(ops.reserve_channels(x, 12), ops.relu(x)), x * 2.0
    ),
    "avg_pool2d": lambda x, it: ops.avg_pool2d(x, 3, stride=2),
    "avg_pool2d, padded": lambda x, it: ops.avg_pool2d(x, 3, stride=2, padding=((1, 0), (0, 1))),
    "avg_pool2d, up": lambda x, it: ops.avg_pool2d(x, 2, stride=2, padding=1, ceil_mode=True),
    "avg_pool2d, inside": lambda x, it: ops.avg_pool2d(
        x, 3, stride=2, padding=1, ceil_mode=True, count_include_pad=False
    ),
    "batch_norm_eval": lambda x, it: ops.batch_norm(x, it.v, None, MEAN, VAR, training=False, eps=0.1),
    "batch_norm_eval, all": lambda x, it: ops.batch_norm(
        x, it.v, it.v, MEAN, VAR, training=False, activation="hardswish", residual=x * 2.0
    ),
    "batch_norm_eval, of rows": lambda x, it: ops.batch_norm(
        x.mean((2, 3)), it.v, it.v, MEAN, VAR, training=False, activation="silu"
    ),
    "channel_shuffle": lambda x, it: ops.channel_shuffle(x, 2),
    "clip": lambda x, it: ops.clip(x, -0.5, 0.25),
    "clip, below": lambda x, it: ops.clip(x, low=0.1),
    "clip, above": lambda x, it: ops.clip(x, high=0.1),
    "concat": lambda x, it: ops.concat([x, x * 2.0, ops.relu(x)], 2),
    "conv2d": lambda x, it: ops.conv2d(x, it.w, stride=(2, 1), padding=((2, 0), (1, 2)), dilation=(1, 2)),
    "conv2d, in groups": lambda x, it: ops.conv2d(x, it.w[:, :2], it.w[:, 0, 0, 0], groups=2),
    "conv2d_fused": lambda x, it: ops.conv2d_fused(x, it.w[:4], it.v, x, padding=1, activation="relu6"),
    "conv_transpose2d": lambda x, it: ops.conv_transpose2d(
        x, it.w[:4].reshape(4, 2, 6, 3)[:, :, :3], stride=3, padding=1, output_padding=(1, 2), groups=2
    ),
    "divide": lambda x, it: x / (ops.abs(x) + 1.0),
    "elu": lambda x, it: ops.elu(x, 0.5),
    "embedding": lambda x, it: x[:, :, :2, :5] * ops.embedding([[0, 2, 8, 0, 1], [3, 3, 4, 0, 5]], it.m)[:, :, 1],
    "exp": lambda x, it: ops.exp(x),
    "gelu": lambda x, it: ops.gelu(x),
    "gelu, tanh": lambda x, it: ops.gelu(x, "tanh"),
    "global_avg_pool2d": lambda x, it: ops.global_avg_pool2d(x),
    "group_norm": lambda x, it: ops.group_norm(x, 2, it.v, it.v, eps=0.1),
    "group_norm, of rows": lambda x, it: ops.group_norm(x.mean((2, 3)), 2, it.v),
    "hardsigmoid": lambda x, it: ops.hardsigmoid(x * 4.0),
    "hardswish": lambda x, it: ops.hardswish(x * 4.0),
    "index": lambda x, it: x[:, 1, ::-2, None, 2:-1],
    "index, from the back": lambda x, it: x[..., -1, :3],
    "index, by an array": lambda x, it: x[:, [3, 0, 0], 1:],
    "index, of some pictures": lambda x, it: ops.concat([x[:1], x], 0)[1:],
    "index, as it is": lambda x, it: x[:],
    "interpolate": lambda x, it: ops.interpolate(x, scale_factor=2),
    "interpolate, smaller": lambda x, it: ops.interpolate(x, scale_factor=0.5),
    "interpolate, to a size": lambda x, it: ops.interpolate(x, (10, 5)),
    "interpolate, bilinear": lambda x, it: ops.interpolate(x, scale_factor=2, mode="bilinear"),
    "interpolate, bilinear to a size": lambda x, it: ops.interpolate(x, (10, 5), mode="bilinear"),
    "interpolate, bilinear by a factor": lambda x, it: ops.interpolate(x, scale_factor=(1.5, 0.7), mode="bilinear"),
    "interpolate, corners": lambda x, it: ops.interpolate(x, scale_factor=3, mode="bilinear", align_corners=True),
    "interpolate, corners to a size": lambda x, it: ops.interpolate(x, (4, 20), mode="bilinear", align_corners=True),
    "layer_norm": lambda x, it: ops.layer_norm(x, (7, 9), it.w.reshape(-1)[:63].reshape(7, 9), eps=0.1),
    "layer_norm, of rows": lambda x, it: ops.layer_norm(ops.transpose(x, 0, 2, 3, 1), 4, it.v, it.v),
    "leaky_relu": lambda x, it: ops.leaky_relu(x, 0.3),
    "linear": lambda x, it: ops.linear(ops.mean(x, (1, 2)), it.m.T, it.m[0]),
    "linear, of maps": lambda x, it: ops.linear(x, it.m.T, it.m[0]),
    "linear, of maps without a bias": lambda x, it: ops.linear(x, it.m.T),
    "linear, without a bias": lambda x, it: ops.linear(ops.max(x, (1, 2)), it.m.T),
    "local_response_norm": lambda x, it: ops.local_response_norm(x, 3, alpha=0.5, k=1.5),
    "local_response_norm, as torch": lambda x, it: ops.local_response_norm(x, 5, alpha=0.5, convention="torch"),
    "log": lambda x, it: ops.log(ops.abs(x) + 0.5),
    "log_softmax": lambda x, it: ops.log_softmax(x, 1),
    "matmul": lambda x, it: x @ it.m,
    "max": lambda x, it: ops.max(x, (1, 3), keepdims=True),
    "max_pool2d": lambda x, it: ops.max_pool2d(x, 3, stride=2, padding=1),
    "max_pool2d, up": lambda x, it: ops.max_pool2d(x, 2, stride=2, ceil_mode=True),
    "max_pool2d, wide": lambda x, it: ops.max_pool2d(x, (3, 2), stride=(1, 3), dilation=(2, 1), ceil_mode=True),
    "mean": lambda x, it: ops.mean(x, (2, 3)),
    "multiply": lambda x, it: x * it.v.reshape(4, 1, 1),
    "pad": lambda x, it: ops.pad(x, ((1, 2), (0, 3)), 0.5),
    "power": lambda x, it: ops.power(x, 2.0),
    "power_of": lambda x, it: ops.power(2.0, x),
    "relu": lambda x, it: ops.relu(x),
    "relu6": lambda x, it: ops.relu6(x * 9.0),
    "reshape": lambda x, it: ops.relu(x.reshape(-1, 7, 9)).reshape(-1, 2, 2, 63),
    "reshape, flat": lambda x, it: ops.flatten(x),
    "scale_channels": lambda x, it: ops.scale_channels(x, ops.sigmoid(ops.mean(x, (2, 3)))),
    "scale_channels, of maps": lambda x, it: ops.scale_channels(x, ops.sigmoid(ops.mean(x, (2, 3), keepdims=True))),
    "scaled_tanh": lambda x, it: ops.scaled_tanh(x),
    "sigmoid": lambda x, it: ops.sigmoid(x),
    "silu": lambda x, it: ops.silu(x),
    "scaled_dot_product_attention": lambda x, it: ops.scaled_dot_product_attention(x, x * 0.5, x[..., :3]),
    "scaled_dot_product_attention, chosen": lambda x, it: ops.scaled_dot_product_attention(x, x, x, CAUSAL),
    "scaled_dot_product_attention, added": lambda x, it: ops.scaled_dot_product_attention(x, x, x, 3.0 * CAUSAL),
    "softmax": lambda x, it: ops.softmax(x, -1),
    "softplus": lambda x, it: ops.softplus(x, 2.0),
    "softplus, threshold": lambda x, it: ops.softplus(x, threshold=0.5),
    "sqrt": lambda x, it: ops.sqrt(ops.abs(x)),
    "subtract": lambda x, it: 1.0 - x,
    "sum": lambda x, it: ops.sum(x, (1, 2)),
    "tanh": lambda x, it: ops.tanh(x),
    "transpose": lambda x, it: ops.transpose(x, 0, 2, 3, 1),
    "var": lambda x, it: ops.var(x, (1, 3), keepdims=True),
    "where": lambda x, it: ops.where(MASK, x, x * 3.0),
}  # fmt: skip
MEAN, VAR = np.array([0.1, -0.2, 0.3, 0.0], np.float32), np.array([0.5, 1.0, 1.5, 2.0], np.float32)
LOSSES = {"cross_entropy", "nll_loss", "mse_loss", "l1_loss", "smooth_l1_loss", "binary_cross_entropy_with_logits"}
NEVER = {"batch_norm", "dropout", "dropout2d", "stochastic_depth", "im2col", "col2im", "roi_pool", "roi_align"} | LOSSES


@pytest.mark.parametrize("case", CASES)
def test_every_operation(case, rng, tmp_path):
    x = rng.standard_normal((2, 4, 7, 9), dtype=np.float32)
    path = tmp_path / "net.onnx"
    compare(Apply(CASES[case]), path, x, size=(4, 7, 9))
    export.to_onnx(Apply(CASES[case]), tmp_path / "again.onnx", size=(4, 7, 9))
    assert (tmp_path / "again.onnx").read_bytes() == path.read_bytes()


def test_no_operation_is_forgotten():
    """All operations that there are; those of training and the loss are no part of a network in evaluation."""
    kinds = list(Function.__subclasses__())
    for kind in kinds:
        kinds += kind.__subclasses__()
    known = {kind.op for kind in kinds if kind.__module__.startswith("minidl.ops")}
    assert known - RULES.keys() == NEVER
    assert {name.strip() for case in CASES for name in case.split(",")} >= RULES.keys() - {"to_device"}


def test_a_folded_network(rng, tmp_path):
    net = fill(unfilled("resnet20_cifar"), rng)
    x = rng.standard_normal((2, 3, 32, 32), dtype=np.float32)
    settle(net, x)
    compare(minidl.fuse(net.eval()), tmp_path / "net.onnx", x, size=32)


def test_names_are_those_of_the_state_dict(tmp_path):
    net = models.get_model("resnet18", num_classes=5)
    export.to_onnx(net, tmp_path / "net.onnx", size=32, metadata={"note": "a", "classes": ["고양이"]})
    model = onnx.load(tmp_path / "net.onnx")
    named = {one.name: onnx.numpy_helper.to_array(one) for one in model.graph.initializer}
    for name, array in net.state_dict().items():
        np.testing.assert_array_equal(named[name], array, strict=True)
    assert [one.version for one in model.opset_import] == [export.OPSET]
    assert model.ir_version == export.IR_VERSION
    assert {one.key: one.value for one in model.metadata_props} == {"opset": "17", "note": "a", "classes": '["고양이"]'}
    shapes = [
        [d.dim_param or d.dim_value for d in v.type.tensor_type.shape.dim]
        for v in (*model.graph.input, *model.graph.output)
    ]
    assert shapes == [["N", 3, 32, 32], ["N", 5]]
    assert any(node.name == "layer1.0.conv1/Conv" for node in model.graph.node)


class Twice(Function):
    """An operation of the user's own."""

    @staticmethod
    def forward(ctx, x):
        return 2 * x


@pytest.mark.parametrize(
    "function, words",
    [
        (
            lambda x, it: Twice.apply(x),
            "export: twice in Apply: ONNX expects one of the operations that ONNX has: abs, ad",
        ),
        (lambda x, it: ops.im2col(x, 3), "export: im2col in Apply: ONNX expects one of"),
        (lambda x, it: ops.local_response_norm(x, 4), "an odd number of channels; received size=4"),
        (lambda x, it: ops.transpose(x, 1, 0, 2, 3), "the pictures to stay the first axis; the result is (4, 0, 7, 9)"),
        (lambda x, it: x + Tensor(np.asarray(x.data) * 2), "an array that was computed from the pictures by others"),
        (lambda x, it: x[:, MASK[:4]], "one array of whole numbers as a key, beside slices"),
        (lambda x, it: Tensor(np.zeros(3)), "what Apply returns is not the result of an operation"),
    ],
)
def test_what_cannot_be_written_is_named(function, words, tmp_path):
    with pytest.raises(ValueError, match=r"^export: ") as caught:
        export.to_onnx(Apply(function), tmp_path / "net.onnx", size=(4, 7, 9))
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_several_results_are_refused(tmp_path):
    with pytest.raises(TypeError, match="export: Apply must return one tensor; it returned a tuple"):
        export.to_onnx(Apply(lambda x, it: (x, x)), tmp_path / "net.onnx", size=(4, 7, 9))


def test_what_is_too_large_is_refused_before_the_work(tmp_path, monkeypatch):
    monkeypatch.setattr("minidl.export._graph.LARGEST", 1000)
    with pytest.raises(
        ValueError, match=r"the weights of lenet5_modern are 246,824 bytes, an ONNX file holds at most 1,000"
    ):
        export.to_onnx(models.get_model("lenet5_modern"), tmp_path / "net.onnx")


def test_a_run_of_ours(tmp_path):
    """Trained, exported, and asked for all pictures of validation."""
    parts = tuple(open_dataset("digits"))
    run = training.train(training.Config(epochs=1), out=tmp_path / "run", parts=parts).run
    done = export.export(run.path, tmp_path / "net.onnx")
    assert (done.model, done.shape) == ("lenet5_modern", (1, 32, 32))
    x, labels = parts[1].x, parts[1].labels
    (logits,) = session(tmp_path / "net.onnx").run(None, {"x": np.ascontiguousarray(x)})
    score = training.evaluate_run(run.path, checkpoint="best", val=parts[1])[0]
    assert (logits.argmax(1) == labels).mean() == pytest.approx(score.top1)
    notes = {one.key: one.value for one in onnx.load(tmp_path / "net.onnx").metadata_props}
    assert json.loads(notes["classes"]) == [str(digit) for digit in range(10)]
    assert (notes["model"], notes["size"], notes["preparation"]) == ("lenet5_modern", "[32, 32]", "[]")


def test_a_network_with_weights_of_a_file(rng, tmp_path):
    net = models.get_model("squeezenet1_1", num_classes=3)
    np.savez(tmp_path / "net.npz", **net.state_dict())
    digest = hashlib.sha256((tmp_path / "net.npz").read_bytes()).hexdigest()[:8]
    file = (tmp_path / "net.npz").rename(tmp_path / f"squeezenet-{digest}.pth")  # as published weights are called
    done = export.export("squeezenet1_1", tmp_path / "net.onnx", weights_file=file, size=64)
    assert done.notes == [f"squeezenet1_1: 52 of 52 arrays from {file.name}"]
    x = rng.standard_normal((2, 3, 64, 64), dtype=np.float32)
    (found,) = session(tmp_path / "net.onnx").run(None, {"x": x})
    with minidl.no_grad():
        np.testing.assert_allclose(found, net.eval()(Tensor(x)).numpy(), rtol=1e-4, atol=1e-5)
    notes = {one.key: one.value for one in onnx.load(tmp_path / "net.onnx").metadata_props}
    assert json.loads(notes["mean"]) == [0.485, 0.456, 0.406]
    assert [step["name"] for step in json.loads(notes["preparation"])] == ["resize", "center_crop", "normalize"]
