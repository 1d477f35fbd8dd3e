"""The choice between kernel sets."""

from types import SimpleNamespace

import numpy as np
import pytest

from minidl import Tensor, kernels, ops
from minidl.kernels import textbook
from tests import oracles


def test_a_students_convolution_serves_a_network(rng):
    calls = []

    def conv2d(x, w, b, stride, padding, dilation, groups):
        calls.append(x.shape)
        return oracles.conv2d(x, w, b, stride, padding, dilation, groups)

    x, w = Tensor(rng.standard_normal((1, 2, 4, 4))), Tensor(rng.standard_normal((3, 2, 3, 3)), requires_grad=True)
    with kernels.use(SimpleNamespace(conv2d=conv2d)):
        y = ops.conv2d(x, w)
        y.backward(rng.standard_normal((1, 3, 2, 2)))  # conv2d_dw is not in the set: the textbook has it
    assert calls == [(1, 2, 4, 4)]
    np.testing.assert_allclose(y.data, ops.conv2d(x, w).data)


@pytest.mark.parametrize("requires_grad", [True, False])
def test_a_students_maximum_is_asked_for_winners_always(requires_grad, rng):
    """It knows six arguments, whether or not anybody wants a gradient."""
    calls = []

    def max_pool2d(x, kernel_size, stride, padding, dilation, out_size):
        calls.append(x.shape)
        return textbook.max_pool2d(x, kernel_size, stride, padding, dilation, out_size)

    x = Tensor(rng.standard_normal((1, 2, 4, 4)), requires_grad=requires_grad)
    with kernels.use(SimpleNamespace(max_pool2d=max_pool2d)):
        y = ops.max_pool2d(x, 2)
    assert calls == [(1, 2, 4, 4)]
    np.testing.assert_array_equal(y.data, ops.max_pool2d(x, 2).data)


def test_sets_nest_and_end_after_an_error():
    mine = SimpleNamespace(relu=lambda x: x * 0)
    x = Tensor([1.0])
    with pytest.raises(KeyError), kernels.use(mine):
        with kernels.use("textbook"):
            assert ops.relu(x).item() == 1
        assert ops.relu(x).item() == 0
        raise KeyError
    assert ops.relu(x).item() == 1


def test_unknown_sets_are_refused():
    with (
        pytest.raises(ValueError, match=r"kernels.use: the sets are 'textbook'.*; received 'fast'"),
        kernels.use("fast"),
    ):
        pass
    with pytest.raises(ValueError, match=r"kernels.use: expects a set name or an object with at least one of "):
        with kernels.use(SimpleNamespace(convolution=None)):
            pass


def test_unknown_kernels_are_named():
    with pytest.raises(AttributeError, match="kernels: there is no kernel 'conv3d'; the kernels are .*avg_pool2d, "):
        kernels.conv3d  # noqa: B018


@pytest.mark.parametrize("name", kernels.NAMES)
def test_the_textbook_has_every_kernel_under_its_own_name(name):
    assert getattr(kernels, name).__name__ == getattr(textbook, name).__name__ == name
    assert getattr(kernels, name).__doc__


BIG = (3, 64, 28, 28), (64, 64, 3, 3)


def test_explain_names_the_algorithm_and_the_reason():
    found = kernels.explain(*BIG, padding=1)
    assert {one.kernel_set for one in (found.forward, found.dx, found.dw)} == {"cpu"}
    assert found.forward.algorithm == "winograd"
    assert "multiples of 16" in found.forward.why
    assert repr(found).splitlines()[0].startswith("forward  cpu: winograd (3×3 with stride 1")
    assert kernels.explain(BIG[0], (64, 1, 3, 3), groups=64).dw.why == "depthwise"
    assert kernels.explain(*BIG, stride=2, padding="same").dx.algorithm == "direct"


def test_stems_of_large_networks_are_served_on_small_pictures():
    def serves(n, c, side, o, kernel=3, **settings):
        found = kernels.explain((n, c, side, side), (o, c, kernel, kernel), **settings)
        return {found.forward.kernel_set, found.dw.kernel_set}

    assert serves(16, 3, 64, 32, stride=2, padding=1) == {"cpu"}  # 14 million multiply-adds
    assert serves(8, 1, 28, 32) == {"textbook"}  # 2 million: a first network on a few digits
    assert serves(16, 6, 14, 16, 5) == serves(64, 1, 28, 6, 5, padding=2) == {"textbook"}  # LeNet


def test_explain_says_who_else_serves():
    assert "float64" in kernels.explain(*BIG, dtype="float64").forward.why
    assert kernels.explain((1, 1, 5, 5), (1, 1, 3, 3)).dx.why == "too small for the fast kernels"
    with kernels.use("cpu"):
        assert kernels.explain((1, 1, 5, 5), (1, 1, 3, 3)).dx.kernel_set == "cpu"
    with kernels.use("textbook"):
        assert kernels.explain(*BIG).forward.kernel_set == "textbook"
    with kernels.use(SimpleNamespace(conv2d=None)):
        assert [one.kernel_set for one in vars(kernels.explain(*BIG)).values()] == ["your own", "textbook", "textbook"]


def test_what_explain_says_is_what_runs(monkeypatch):
    from minidl.kernels.cpu.conv import algorithms

    ran = []
    marked = [
        algorithm._replace(forward=lambda sizes, name=algorithm.name: lambda w, b: ran.append(name))
        for algorithm in algorithms.ALGORITHMS
    ]
    monkeypatch.setattr(algorithms, "ALGORITHMS", tuple(marked))
    x, w = (np.zeros(shape, np.float32) for shape in BIG)
    for choice in ("auto", "direct", "small", "winograd", "grouped"):
        with kernels.use("cpu", conv=choice):
            kernels.conv2d(x, w, None, (1, 1), ((1, 1), (1, 1)), (1, 1), 1, x.shape[2:])
            assert ran.pop() == kernels.explain(*BIG, padding=1).forward.algorithm
    assert not ran


def test_the_old_name_of_an_algorithm_works_with_a_warning(rng):
    settings = {"padding": 1, "groups": 16}
    told = r"kernels.use\(conv='narrow'\) is called 'grouped' now; the old name goes away with the next version"
    with pytest.warns(DeprecationWarning, match=told) as warned:
        with kernels.use("cpu", conv="narrow"):
            assert kernels.explain((1, 16, 8, 8), (16, 1, 3, 3), **settings).forward.algorithm == "grouped"
    assert warned[0].filename == __file__


@pytest.mark.parametrize(
    ("conv", "expected"), [("direct", "direct"), ("grouped", "direct"), ("small", "direct"), ("winograd", "winograd")]
)
def test_an_algorithm_can_be_asked_for_and_gives_the_same(conv, expected, rng):
    x, w = (rng.standard_normal(shape, dtype=np.float32) for shape in BIG)
    with kernels.use("cpu", conv=conv):
        assert kernels.explain(*BIG, padding=1).forward.algorithm == expected
        y = ops.conv2d(Tensor(x), Tensor(w), padding=1).data
    with kernels.use("cpu", conv="im2col"):
        assert kernels.explain(*BIG, padding=1).forward.kernel_set == "textbook"
        exact = ops.conv2d(Tensor(x), Tensor(w), padding=1).data
    assert abs(y - exact).max() <= 2e-5 * abs(exact).max()


def test_winograd_can_be_switched_off(monkeypatch):
    monkeypatch.setenv("MINIDL_WINOGRAD", "0")
    assert kernels.explain(*BIG, padding=1).forward.algorithm == "direct"


@pytest.mark.parametrize(
    ("arguments", "settings", "message"),
    [
        (((1, 2, 3), (4, 2, 3, 3)), {}, r"explain: x_shape must have four sizes; received x_shape=\(1, 2, 3\)"),
        (
            ((1, 2, 3, 3), (4, 3, 3, 3)),
            {},
            r"explain: x has 2 channels but w expects 3 \(w_shape\[1\] \* groups = 3 \* 1\)",
        ),
        (((1, 2, 3, 3), (4, 2, 5, 3)), {}, "explain: the kernel is larger than the padded input"),
        (((1, 2, 3, 3), (4, 2, 3, 3)), {"stride": 0}, "explain: stride must be an int or a pair of ints >= 1"),
    ],
)
def test_explain_judges_its_arguments(arguments, settings, message):
    with pytest.raises(ValueError, match=message):
        kernels.explain(*arguments, **settings)


def test_unknown_algorithms_are_refused():
    with pytest.raises(ValueError, match=r"kernels.use: conv must be .*'winograd'.*; received conv='fft'"):
        with kernels.use("cpu", conv="fft"):
            pass
    with pytest.raises(ValueError, match="kernels.use: conv='direct' chooses among the algorithms of \"cpu\""):
        with kernels.use("textbook", conv="direct"):
            pass
