"""What one operation costs: against products that are really made, and numbers that count what is done to them."""

import numpy as np
import pytest

import minidl
from minidl import Tensor, cost, nn, ops, proof
from minidl.cost import rules

EVERY_ACTIVATION = {
    "relu": ops.relu,
    "relu6": ops.relu6,
    "sigmoid": ops.sigmoid,
    "tanh": ops.tanh,
    "scaled_tanh": ops.scaled_tanh,
    "silu": ops.silu,
    "hardsigmoid": ops.hardsigmoid,
    "hardswish": ops.hardswish,
    "leaky_relu": ops.leaky_relu,
    "elu": ops.elu,
    "gelu": ops.gelu,
    "softplus": ops.softplus,
}


def event_of(function, *shapes):
    """Run a function on tensors of these shapes and return its last event; the first tensor holds no pictures."""
    events = []
    tensors = [Tensor(np.zeros(shape)) for shape in ((0, *shapes[0]), *shapes[1:])]
    with minidl.observe(events.append):
        function(*tensors)
    return events[-1]


# ---------------------------------------------------------------------- multiply-accumulates


@pytest.mark.parametrize(
    ("x", "w", "geometry"),
    [
        ((3, 9, 8), (4, 3, 3, 2), {}),
        ((4, 9, 8), (6, 2, 3, 3), {"stride": 2, "groups": 2}),
        ((5, 7, 7), (5, 1, 3, 3), {"groups": 5}),
        ((2, 9, 11), (3, 2, 2, 3), {"dilation": 2, "stride": (1, 3)}),
    ],
)
def test_macs_of_a_convolution_are_the_products_it_makes(x, w, geometry):
    """A convolution of ones with ones sums as many products as it makes."""
    products = ops.conv2d(Tensor(np.ones((1, *x))), Tensor(np.ones(w)), **geometry).data.sum()
    event = event_of(lambda x, w: ops.conv2d(x, w, **geometry), x, w)
    assert rules.macs(event) == products > 0
    assert rules.flops(event) == 2 * products


def test_padding_is_multiplied_too():
    event = event_of(lambda x, w: ops.conv2d(x, w, padding=1), (2, 4, 4), (3, 2, 3, 3))
    assert rules.macs(event) == ops.conv2d(Tensor(np.ones((1, 2, 6, 6))), Tensor(np.ones((3, 2, 3, 3)))).data.sum()


@pytest.mark.parametrize(("w", "geometry"), [((4, 3, 3, 2), {"stride": 2}), ((4, 2, 2, 2), {"groups": 2})])
def test_macs_of_a_transposed_convolution_are_the_products_it_makes(w, geometry):
    products = ops.conv_transpose2d(Tensor(np.ones((1, 4, 5, 6))), Tensor(np.ones(w)), **geometry).data.sum()
    assert rules.macs(event_of(lambda x, w: ops.conv_transpose2d(x, w, **geometry), (4, 5, 6), w)) == products


def test_macs_of_matrix_products():
    linear = event_of(lambda x, w, b: ops.linear(x, w, b), (7,), (5, 7), (5,))
    product = event_of(lambda x, w: x @ w, (2, 3, 7), (7, 5))
    assert rules.macs(linear) == ops.linear(Tensor(np.ones((1, 7))), Tensor(np.ones((5, 7)))).data.sum()
    assert rules.macs(product) == (Tensor(np.ones((2, 3, 7))) @ Tensor(np.ones((7, 5)))).data.sum()
    assert rules.macs(event_of(ops.relu, (7,))) == 0


def test_attention_costs_its_two_products_and_a_softmax():
    q, k, v = (2, 3, 4), (0, 2, 5, 4), (0, 2, 5, 6)  # of a picture: 2 heads, 3 queries, 5 keys

    def attention(mask=None):
        return event_of(lambda q, k, v: ops.scaled_dot_product_attention(q, k, v, mask), q, k, v)

    plain = [
        event_of(lambda a, b: a @ b, (2, 3, 4), (0, 2, 4, 5)),
        event_of(lambda a, b: a @ b, (2, 3, 5), (0, 2, 5, 6)),
    ]
    more = rules.flops(event_of(ops.softmax, (2, 3, 5))) + 2 * 3 * 5  # the division by the root
    assert rules.macs(attention()) == sum(map(rules.macs, plain)) == 2 * 3 * 5 * (4 + 6)
    assert rules.flops(attention()) == sum(map(rules.flops, plain)) + more
    assert rules.flops(attention(np.ones((3, 5), bool))) == rules.flops(attention())
    assert rules.flops(attention(np.ones((3, 5)))) == rules.flops(attention()) + 2 * 3 * 5


def test_products_of_tokens():
    assert rules.macs(event_of(ops.linear, (4, 7), (5, 7))) == 4 * 5 * 7  # of a picture: 4 tokens
    assert rules.flops(event_of(lambda x, w: ops.embedding([[0, 1]], w), (1,), (2, 3))) == 0


# ---------------------------------------------------------------------- floating-point operations


class Number:
    """Counts every operation that is done with numbers; a choice between numbers is none."""

    done = 0

    def _step(self, *_):
        Number.done += 1
        return Number()

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = __pow__ = _step
    __neg__ = exp = tanh = erf = log = _step


def operations(formula):
    Number.done = 0
    formula(Number())
    return Number.done


@pytest.mark.parametrize(
    ("op", "formula"),
    [
        ("relu", lambda x: x),
        ("relu6", lambda x: x),
        ("sigmoid", lambda x: 1 / (1 + (-x).exp())),
        ("tanh", lambda x: x.tanh()),
        ("scaled_tanh", lambda x: 1.7159 * (2 / 3 * x).tanh()),
        ("silu", lambda x: x * (1 / (1 + (-x).exp()))),
        ("hardsigmoid", lambda x: (x + 3) / 6),
        ("hardswish", lambda x: x * ((x + 3) / 6)),
        ("leaky_relu", lambda x: 0.01 * x),
        ("elu", lambda x: 0.5 * (x.exp() - 1)),
        ("gelu", lambda x: x * (1 + (x / 1.4142).erf()) / 2),
        ("softplus", lambda x: (1 + (2 * x).exp()).log() / 2),
    ],
)
def test_activations_cost_their_formula(op, formula):
    assert rules.flops(event_of(EVERY_ACTIVATION[op], (2, 3, 5))) == 30 * operations(formula)


@pytest.mark.parametrize(("activation", "more"), [(None, 0), ("relu", 0), ("relu6", 0), ("silu", 5), ("hardswish", 3)])
def test_a_norm_costs_a_line_and_its_activation(activation, more):
    norm = nn.BatchNorm2d(2, activation=activation).eval()
    norm.weight.data, norm.bias.data = np.ones(2, dtype=np.float32), np.ones(2, dtype=np.float32)
    events = []
    with minidl.observe(events.append):
        norm(Tensor(np.zeros((0, 2, 3, 5), dtype=np.float32)))
    assert rules.flops(events[-1]) == 30 * (operations(lambda x: 2 * x + 1) + more)


@pytest.mark.parametrize("activation", [None, "relu", "silu"])
def test_a_residual_costs_the_same_inside_the_norm_and_after_it(activation):
    """Fused or not, the same is computed; what differs is how often it goes through memory."""
    norm = nn.BatchNorm2d(2).eval()
    x, events = Tensor(np.zeros((0, 2, 3, 5), dtype=np.float32)), []
    statistics = (norm.weight, norm.bias, norm.running_mean, norm.running_var)
    with minidl.observe(events.append):
        ops.batch_norm(x, *statistics, training=False, activation=activation, residual=x)
    fused, events[:] = list(events), []
    with minidl.observe(events.append):
        y = ops.batch_norm(x, *statistics, training=False) + x
        if activation:
            EVERY_ACTIVATION[activation](y)
    assert len(fused) == 1 < len(events)
    assert rules.flops(fused[0]) == sum(rules.flops(event) for event in events)
    assert rules.activation_bytes(fused[0]) * len(events) == sum(rules.activation_bytes(event) for event in events)


def averaged(windows):
    """Return the operations of averages over windows of these sizes."""
    return sum(operations(lambda x, size=size: sum([x] * (size - 1), x) / size) for size in windows)


def test_averages_cost_their_windows():
    average = event_of(lambda x: ops.avg_pool2d(x, (2, 3), stride=2), (4, 8, 9))
    assert rules.flops(average) == averaged([6] * 4 * 4 * 4)
    assert rules.flops(event_of(ops.global_avg_pool2d, (4, 5, 6))) == averaged([30] * 4)
    # 7 rows to 3: windows of 0-2, 2-4, 4-6; 5 columns to 2: 0-2, 2-4
    adaptive = event_of(lambda x: ops.adaptive_avg_pool2d(x, (3, 2)), (4, 7, 5))
    assert rules.flops(adaptive) == averaged([9] * 3 * 2 * 4)
    divided = event_of(lambda x: ops.adaptive_avg_pool2d(x, (2, 2)), (4, 6, 4))
    assert rules.flops(divided) == averaged([6] * 4 * 4)


def test_a_local_response_norm_costs_its_formula():
    def formula(x):
        return x * (2 + 1e-4 * sum([x] * 4, x * x)) ** -0.75  # the other squares are made once for all windows

    event = event_of(lambda x: ops.local_response_norm(x, 5), (7, 3, 3))
    assert rules.flops(event) == 63 * operations(formula)


def test_gelu_s_approximation_costs_its_formula():
    event = event_of(lambda x: ops.gelu(x, "tanh"), (2, 3, 5))
    assert rules.flops(event) == 30 * operations(lambda x: x * (1 + (0.8 * (x + 0.04 * x * x * x)).tanh()) / 2)


def test_norms_of_a_picture_cost_their_formula():
    """Beside the sums over M values: what is done to each value; what is done once for all of them does not count."""

    def grouped(x):
        total, centred = 0 + x, x - 3.0
        square = 0 + centred * centred
        return total, square, 2 * centred + 1

    def by_place(x):
        total, centred = 0 + x, x - 3.0
        square = 0 + centred * centred
        return total, square, 2 * (0.5 * centred) + 1

    assert rules.flops(event_of(lambda x: ops.group_norm(x, 2), (4, 3, 5))) == 60 * operations(grouped)
    assert rules.flops(event_of(lambda x: ops.layer_norm(x, (4, 3, 5)), (4, 3, 5))) == 60 * operations(by_place)


def test_pictures_in_another_size_cost_what_lies_between():
    between = operations(lambda x: 0.25 * x + 0.75 * x)
    assert rules.flops(event_of(lambda x: ops.interpolate(x, scale_factor=2), (4, 3, 5))) == 0
    event = event_of(lambda x: ops.interpolate(x, scale_factor=2, mode="bilinear"), (4, 3, 5))
    assert rules.flops(event) == between * (4 * 6 * 5 + 4 * 6 * 10)  # the rows, and then the columns


def test_reductions_cost_what_they_read():
    assert rules.flops(event_of(lambda x: x.sum(axis=(1, 2)), (4, 5))) == 20
    assert rules.flops(event_of(lambda x: x.mean(axis=2), (4, 5))) == 20
    assert rules.flops(event_of(lambda x: x.max(axis=2), (4, 5))) == 0
    assert rules.flops(event_of(lambda x: ops.var(x, axis=(1, 2)), (4, 5))) == 80
    assert rules.flops(event_of(lambda x: ops.softmax(x), (5,))) == 20


def test_sums_and_shifts():
    for function in (ops.add, ops.multiply, lambda x, y: ops.add(x, y, activation="relu")):
        assert rules.flops(event_of(function, (2, 3, 3), (1, 2, 3, 3))) == 18
    assert rules.flops(event_of(lambda x: x[:, 1:], (4, 3, 3))) == 0
    assert rules.flops(event_of(lambda x: ops.max_pool2d(x, 3), (4, 3, 3))) == 0


def test_what_does_not_depend_on_the_pictures_counts_whole():
    assert rules.elements(event_of(lambda x, w: w * 2.0, (1,), (2, 3))) == 6
    assert rules.elements(event_of(lambda x, w: w.sum(), (1,), (2, 3))) == 1


def test_an_operation_without_a_rule_is_none():
    class Odd(minidl.Function):
        @staticmethod
        def forward(ctx, x):
            return x + 0

    assert rules.flops(event_of(Odd.apply, (3,))) is None
    assert rules.macs(event_of(Odd.apply, (3,))) == 0


def test_bytes_of_results():
    assert rules.activation_bytes(event_of(ops.relu, (2, 3, 3))) == 18 * 8
    assert rules.activation_bytes(event_of(ops.flatten, (2, 3, 3))) == 0  # in the memory of its input
    assert rules.activation_bytes(event_of(lambda x: ops.concat([x, x], axis=1), (2, 3, 3))) == 36 * 8
    behind_x = event_of(lambda x: ops.append_channels(ops.reserve_channels(x, 4), x), (2, 3, 3))
    without_room = event_of(lambda x: ops.append_channels(x, x), (2, 3, 3))
    assert [rules.activation_bytes(event) for event in (behind_x, without_room)] == [18 * 8, 36 * 8]


def registry(function=minidl.Function):
    """Yield every operation of the package, those that are made from others among them."""
    for below in function.__subclasses__():
        yield from registry(below)
        if below.__module__.startswith("minidl.ops."):
            yield below.op


def test_every_operation_has_a_rule():
    """All cases that prove an operation, and all operations that they run into."""
    rng, found = np.random.default_rng(0), {}
    for table in proof.tables().values():
        for case in table.cases:
            inputs = [one if one is None or one.dtype.kind != "f" else Tensor(one) for one in case.draw(rng)]
            with minidl.observe(lambda event: found.setdefault(event.op, []).append(rules.flops(event))):
                table.function(*inputs, **case.settings)
    assert set(registry()) - set(found) == {"to_device"}  # which has nothing to do on one device
    assert rules.FOR_EACH["to_device"] == 0
    assert [op for op, costs in found.items() if None in costs] == []


def squared(x):
    difference = x - 3
    return 0 + difference * difference


@pytest.mark.parametrize(
    ("loss", "formula"),
    [
        (ops.mse_loss, squared),
        (ops.l1_loss, lambda x: x - 3),
        (ops.smooth_l1_loss, lambda x: (x - 3) ** 2 / 2),
        (ops.binary_cross_entropy_with_logits, lambda x: (1 - Number()) * x + (1 + (-x).exp()).log()),
        (ops.cross_entropy, lambda x: 0 + 0.5 * ((x - 3) - (0 + x.exp()))),
    ],
)
def test_losses_cost_their_formula(loss, formula):
    events, x = [], Tensor(np.full((4, 5), 0.2, dtype=np.float32))
    with minidl.observe(events.append):
        loss(x, x)
    assert rules.flops(events[0]) == 5 * operations(formula)


def test_the_functions_are_public():
    assert cost.macs is rules.macs
    assert cost.flops is rules.flops


def test_what_is_done_in_the_same_step_counts_too():
    """A residual is one addition an element, silu five operations."""
    plain = event_of(ops.conv2d, (2, 4, 4), (2, 2, 1, 1))
    fused = event_of(lambda x, w: ops.conv2d_fused(x, w, residual=x, activation="silu"), (2, 4, 4), (2, 2, 1, 1))
    assert rules.macs(fused) == rules.macs(plain) == 64
    assert rules.flops(fused) == rules.flops(plain) + 32 * (1 + 5)
    running = np.zeros(2), np.ones(2)
    norm = event_of(
        lambda x: ops.batch_norm(x, None, None, *running, training=False, residual=x, activation="silu"), (2, 4, 4)
    )
    assert rules.flops(norm) == 32 * (2 + 1 + 5)
