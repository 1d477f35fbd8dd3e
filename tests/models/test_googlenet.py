"""GoogLeNet: Table 1, the auxiliary heads, the loss, and the figures that are quoted of it."""

import numpy as np
import pytest

from minidl import Tensor, models, ops
from minidl.models.googlenet import CELLS, GoogLeNetOutput, Inception, NaiveInception
from minidl.nn import BatchNorm2d, Conv2d, init
from minidl.training.loss import objective
from tests.models.walk import count, depth, dropouts, macs_by_layer, output_of, shapes, unfilled, walk


def events_of(net, x_shape):
    """Return the events of a module that is no network."""
    import minidl

    events = []
    with minidl.no_grad(), minidl.observe(events.append):
        net.eval()(Tensor(np.zeros((0, *x_shape), dtype=np.float32)))
    return events


@pytest.mark.parametrize("name", ["googlenet", "googlenet_bn"])
def test_shape_trail(name):
    events = walk(unfilled(name))
    assert shapes(events, "max_pool2d")[:2] == [(64, 56, 56), (192, 28, 28)]
    assert [output_of(events, layer) for layer in ("conv1", "conv2", "conv3")] == [
        *((64, 112, 112), (64, 56, 56), (192, 56, 56)),
    ]
    channels = (256, 480, 512, 512, 512, 528, 832, 832, 1024)
    sides = (28, 28, 14, 14, 14, 14, 14, 7, 7)
    assert [output_of(events, f"inception{cell}") for cell in CELLS] == [
        (c, side, side) for c, side in zip(channels, sides)
    ]
    assert shapes(events, "global_avg_pool2d", "linear") == [(1024,), (1000,)]


def test_22_layers_27_with_poolings_9_modules_and_about_100_blocks():
    net = unfilled("googlenet")
    events = walk(net)
    assert depth(events, "conv2d", "linear") == 22
    assert depth(events, "conv2d", "linear", "max_pool2d", "global_avg_pool2d") == 27
    assert sum(isinstance(module, Inception) for module in net.modules()) == 9
    blocks = [event for event in events if event.op not in ("relu", "reshape")]
    assert 80 < len(blocks) < 120
    assert depth(walk(unfilled("vgg19")), "conv2d", "linear") == 19
    assert depth(walk(unfilled("alexnet")), "conv2d", "linear") == 8


def test_parameters_with_and_without_heads_and_linear_layer():
    """Quoted as 5 million, 12 times fewer than AlexNet; it is 7, or 6 without the linear layer, and 8.7 times."""
    without = unfilled("googlenet", aux_logits=False)
    assert count(without) == 6_998_552
    assert count(without) - count(without.fc) == 5_973_552
    net = unfilled("googlenet")
    assert (count(net.aux1), count(net.aux2)) == (3_188_840, 3_190_888)
    assert count(net) == 13_378_280
    alexnet = count(unfilled("alexnet"))
    assert round(alexnet / count(without), 1) == 8.7
    assert round(alexnet / 5_973_552, 1) == 10.2
    assert count(unfilled("googlenet_bn", aux_logits=False)) == 6_624_904


def test_one_and_a_half_billion_multiply_accumulates():
    assert sum(macs_by_layer(walk(unfilled("googlenet"))).values()) == 1_582_671_872


def test_the_naive_module_costs_three_times_as_much_and_widens():
    """The worked example of lectures, 28×28×256: often quoted as 854M against 358M; the second sum is wrong."""
    with init.unfilled():
        naive, reduced = NaiveInception(256, 128, 192, 96), Inception(256, (128, 64, 192, 64, 96, 64))
    events = events_of(naive, (256, 28, 28))
    assert events[-1].output.shape[1:] == (672, 28, 28)
    assert naive.out_channels == 128 + 192 + 96 + 256 == 672
    macs = sum(macs_by_layer(events).values())
    assert macs == 28 * 28 * 256 * (128 + 9 * 192 + 25 * 96) == 854_196_224
    events = events_of(reduced, (256, 28, 28))
    assert events[-1].output.shape[1:] == (480, 28, 28)
    assert reduced.out_channels == 480
    fewer = sum(macs_by_layer(events).values())
    branches = 256 * 128, 256 * 64 + 9 * 64 * 192, 256 * 64 + 25 * 64 * 96, 256 * 64
    assert fewer == 28 * 28 * sum(branches) == 271_351_808
    assert fewer + 28 * 28 * 9 * 64 * 192 == 358_055_936  # the quoted sum: the 3×3 counted twice
    assert round(macs / fewer, 2) == 3.15


def test_the_naive_module_computes_its_four_windows(rng):
    module = NaiveInception(3, 2, 2, 2, rng=rng)
    x = Tensor(rng.standard_normal((1, 3, 6, 6)).astype(np.float32))
    y = module(x).data
    np.testing.assert_array_equal(y[:, 6:], ops.max_pool2d(x, 3, stride=1, padding=1).data)
    np.testing.assert_array_equal(y[:, 4:6], ops.relu(module.branch3.conv(x)).data)
    assert [branch.conv.kernel_size for branch in (module.branch1, module.branch2, module.branch3)] == [
        *((1, 1), (3, 3), (5, 5)),
    ]


def test_the_widest_window_is_5_in_the_paper_and_3_in_torchvision():
    for name, size in (("googlenet", (5, 5)), ("googlenet_bn", (3, 3))):
        assert unfilled(name).inception3a.branch3[1].conv.kernel_size == size


def test_the_norm_stands_after_the_first_pooling_and_after_conv3():
    assert [event.op for event in walk(unfilled("googlenet"))][:10] == [
        *("conv2d", "relu", "max_pool2d", "local_response_norm"),
        *("conv2d", "relu", "conv2d", "relu", "local_response_norm", "max_pool2d"),
    ]
    assert not any(event.op == "local_response_norm" for event in walk(unfilled("googlenet_bn")))
    assert not any(event.op == "relu" for event in walk(unfilled("googlenet_bn")))  # fused into the norms


# ---------------------------------------------------------------------- auxiliary heads


def test_the_heads_pool_14_to_4_at_4a_and_4d():
    """(14 - 5) / 3 + 1 = 4: 4×4×512 after 4a and 4×4×528 after 4d (often misquoted as 4b)."""
    net = unfilled("googlenet")
    events = events_of(net.aux1, (512, 14, 14)) + events_of(net.aux2, (528, 14, 14))
    assert shapes(events, "avg_pool2d") == [(512, 4, 4), (528, 4, 4)]
    assert shapes(events, "conv2d", "reshape", "linear") == [(128, 4, 4), (2048,), (1024,), (1000,)] * 2


def test_dropout_is_70_percent_in_the_heads():
    heads = [(0.7, (1024,)), (0.7, (1024,))]
    assert dropouts(unfilled("googlenet")) == [(0.4, (1024,)), *heads]
    assert dropouts(unfilled("googlenet_bn")) == [(0.2, (1024,)), *heads]


def test_the_norms_of_torchvisions_network_add_a_thousandth():
    norms = [module for module in unfilled("googlenet_bn").modules() if isinstance(module, BatchNorm2d)]
    assert len(norms) == 59
    assert {norm.eps for norm in norms} == {1e-3}


def test_outputs_have_names_in_training_and_are_one_tensor_in_evaluation(rng):
    net = models.googlenet_bn(num_classes=4, rng=rng)
    x = Tensor(rng.standard_normal((2, 3, 48, 48)).astype(np.float32))
    out = net(x)
    assert isinstance(out, GoogLeNetOutput)
    assert out._fields == ("main", "aux1", "aux2")
    assert out.main.shape == out.aux1.shape == out.aux2.shape == (2, 4)
    assert isinstance(net.eval()(x), Tensor)
    bare = models.googlenet_bn(num_classes=4, aux_logits=False, rng=rng)
    assert isinstance(bare(x), Tensor)


def test_heads_hang_where_they_are_said_to(rng):
    """aux1 does not see what comes after 4a, nor aux2 what comes after 4d."""
    net = models.googlenet_bn(num_classes=4, rng=rng)
    x = Tensor(rng.standard_normal((2, 3, 32, 32)).astype(np.float32))
    reached = {}
    for name in GoogLeNetOutput._fields:
        net.zero_grad()
        getattr(net(x), name).sum().backward()
        reached[name] = {path.split(".")[0] for path, p in net.named_parameters() if p.grad is not None}
    stem = {"conv1", "conv2", "conv3", "inception3a", "inception3b", "inception4a"}
    assert reached["aux1"] == stem | {"aux1"}
    assert reached["aux2"] == stem | {"inception4b", "inception4c", "inception4d", "aux2"}
    assert reached["main"] == {path.split(".")[0] for path, _ in net.named_parameters()} - {"aux1", "aux2"}


def test_the_loss_counts_the_heads_by_three_tenths(rng):
    logits = [Tensor(rng.standard_normal((3, 5)), requires_grad=True) for _ in range(3)]
    labels = np.array([1, 0, 4])
    main, aux1, aux2 = (ops.cross_entropy(one, labels).item() for one in logits)
    loss = objective(GoogLeNetOutput(*logits), labels)
    assert loss.item() == pytest.approx(main + 0.3 * (aux1 + aux2), rel=1e-12)
    loss.backward()
    single = Tensor(logits[2].data, requires_grad=True)
    ops.cross_entropy(single, labels).backward()
    np.testing.assert_allclose(logits[2].grad, 0.3 * single.grad, rtol=1e-12)
    assert objective(logits[0], labels).item() == main
    smooth = ops.cross_entropy(logits[0], labels, label_smoothing=0.1).item()
    assert objective(logits[0], labels, label_smoothing=0.1).item() == smooth


def test_sizes_that_do_not_fit_are_refused_with_the_reason():
    net = unfilled("googlenet")
    small = Tensor(np.zeros((1, 3, 128, 128), dtype=np.float32))
    with pytest.raises(
        ValueError, match=r"^googlenet: expects pictures of 223 to 270 .*4×4 windows of 5×5.*aux_logits=False$"
    ):
        net(small)
    with pytest.raises(
        ValueError, match=r"^googlenet: expects pictures of at least 31 .*five halvings must leave something$"
    ):
        net.eval()(Tensor(np.zeros((1, 3, 30, 30), dtype=np.float32)))
    assert unfilled("googlenet", aux_logits=False).legal_sizes() == (31, None)


def test_weights_start_as_described():
    for name, std in (
        ("googlenet", lambda conv: np.sqrt(2 / conv.weight.data[0].size)),
        ("googlenet_bn", lambda _: 0.01),
    ):
        net = models.get_model(name, num_classes=4, rng=np.random.default_rng(0))
        for conv in (net.conv1.conv, net.inception4e.branch2[1].conv, net.inception5b.branch1.conv):
            assert isinstance(conv, Conv2d)
            assert abs(conv.weight.data.std() / std(conv) - 1) < 0.03
            assert conv.bias is None or not conv.bias.data.any()
