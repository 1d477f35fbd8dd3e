"""The memory of a training step: against what is really held, and against sums made by hand."""

from minidl import cost, nn


def test_a_small_network_by_hand():
    """x → linear → relu → linear: the first keeps x, relu its result, which the second keeps, too."""
    net = nn.Sequential(nn.Linear(5, 7), nn.ReLU(), nn.Linear(7, 3))
    found = cost.memory(net, (5,), batch=10, optimizer="adam")
    weights = 4 * (5 * 7 + 7 + 7 * 3 + 3)
    assert (found.parameters, found.gradients, found.optimizer_state) == (weights, weights, 2 * weights + 4 * 8)
    assert (found.pictures, found.activations) == (4 * 50, 4 * (70 + 30))  # the result is somebody's, too
    assert [(moment.phase, moment.op) for moment in found.moments] == [
        *[("forward", op) for op in ("linear", "relu", "linear")],
        *[("backward", op) for op in ("linear", "relu", "linear")],
        ("update", "update"),
    ]
    live = [moment.activations + moment.activation_gradients for moment in found.moments]
    assert live == [4 * 70, 4 * 140, 4 * 100, 4 * (100 + 30 + 70), 4 * (100 + 140), 4 * (30 + 70), 0]
    assert [moment.gradients for moment in found.moments[3:]] == [4 * 24, 4 * 24, weights, weights]
