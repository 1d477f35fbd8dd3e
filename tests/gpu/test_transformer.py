"""The transformer on the GPU says and writes what it does on the CPU."""

import numpy as np

from minidl.models import transformer_tiny
from tests.contract import relative_error


def test_logits_gradients_and_both_ways_to_write(gpu, rng):
    host = transformer_tiny(9, width=8, heads=2, hidden=10, rng=rng)
    net = transformer_tiny(9, width=8, heads=2, hidden=10).to("cuda")
    net.load_state_dict(host.state_dict())
    source, target = rng.integers(3, 9, (3, 5)), rng.integers(1, 9, (3, 4))
    source[0, 3:] = 0
    y, expected = net(source, target), host(source, target)
    assert isinstance(y._data, gpu.cupy.ndarray)
    assert relative_error(y.numpy(), expected.data) < 1e-4
    dy = rng.standard_normal(expected.shape).astype("float32")
    y.backward(gpu.cupy.asarray(dy))
    expected.backward(dy)
    pairs = zip(net.parameters(), host.parameters(), strict=True)
    assert all(relative_error(gpu.cupy.asnumpy(one.grad), other.grad) < 1e-3 for one, other in pairs)
    assert np.array_equal(net.greedy(source, longest=4), host.greedy(source, longest=4))
    assert np.array_equal(net.beam(source[:1], longest=3, beams=2), host.beam(source[:1], longest=3, beams=2))
    assert relative_error(net.looks(source, target), host.looks(source, target)) < 1e-4
