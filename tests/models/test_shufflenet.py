"""ShuffleNet V2: what goes around a block, what goes through it, and the shuffle behind it."""

import numpy as np

from minidl import no_grad, ops
from minidl.models.shufflenet_v2 import ShuffleBlock
from minidl.tensor import Tensor
from tests.models.walk import macs_by_layer, shapes, unfilled, walk


def test_half_of_the_channels_go_around_the_block_untouched(rng):
    """And the shuffle deals them out to both halves, so that the next block changes half of them."""
    block = ShuffleBlock(6, 6, 1).eval()
    x = rng.standard_normal((2, 6, 4, 4)).astype(np.float32)
    with no_grad():
        y = block(Tensor(x)).data
        through = block.branch2(Tensor(x[:, 3:])).data
    np.testing.assert_array_equal(y[:, 0::2], x[:, :3])
    np.testing.assert_array_equal(y[:, 1::2], through)


def test_with_stride_2_both_branches_see_all_channels(rng):
    block = ShuffleBlock(6, 10, 2).eval()
    x = Tensor(rng.standard_normal((2, 6, 5, 4)).astype(np.float32))
    with no_grad():
        both = ops.concat([block.branch1(x), block.branch2(x)], axis=1)
        np.testing.assert_array_equal(block(x).data, ops.channel_shuffle(both, 2).data)
    assert both.shape == (2, 10, 3, 2)


def test_table_5():
    net = unfilled("shufflenet_v2_x1_0")
    events = walk(net)
    assert [len(stage) for stage in (net.stage2, net.stage3, net.stage4)] == [4, 8, 4]
    found = shapes(events, "channel_shuffle") or shapes(events, "reshape")
    assert found[-1] == (464, 7, 7)
    assert 144e6 < sum(macs_by_layer(events).values()) < 147e6  # 146 million in the paper, which counts more
