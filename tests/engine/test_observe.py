"""One observer sees every operation, forward and backward; nobody else's thread does."""

import threading

import numpy as np

import minidl
from minidl import Tensor, kernels, models, nn, no_grad, observe, ops
from minidl.kernels import _sets


def picture(n=1):
    return Tensor(np.random.default_rng(0).standard_normal((n, 1, 32, 32)).astype(np.float32))


def test_forward_and_backward_events_with_paths():
    net = models.lenet5_modern()
    events = []
    with observe(events.append):
        ops.cross_entropy(net(picture()), np.array([3])).backward()
    forward = [(event.op, event.module) for event in events if event.phase == "forward"]
    backward = [(event.op, event.module) for event in events if event.phase == "backward"]
    assert forward[:4] == [("conv2d", "conv1"), ("relu", ""), ("max_pool2d", "pool1"), ("conv2d", "conv2")]
    assert forward[-1] == ("cross_entropy", "")
    assert backward == forward[::-1]


def test_nested_modules_are_named_by_their_path():
    net = nn.Sequential(nn.Sequential(nn.Linear(2, 2), nn.ReLU()), nn.Linear(2, 1))
    paths = []
    with observe(lambda event: paths.append(event.module)):
        net(Tensor([[1.0, 2.0]]))
    assert paths == ["0.0", "0.1", "1"]


def test_a_module_that_is_no_attribute_is_named_by_its_class():
    class Net(nn.Module):
        def forward(self, x):
            return layers[0](x)

    layers = [nn.Linear(2, 1)]
    paths = []
    with observe(lambda event: paths.append(event.module)):
        Net()(Tensor([[1.0, 2.0]]))
    assert paths == ["Linear"]


def test_what_an_event_holds():
    events = []
    x = Tensor(np.array([1.0, -2.0]), requires_grad=True)
    with observe(events.append):
        y = ops.relu(x)
        y.backward(np.array([5.0, 6.0]))
    forward, backward = events
    assert forward.inputs == (x._data,)
    assert forward.output is y._data
    assert forward.saved_bytes == 16
    np.testing.assert_array_equal(forward.choices, [True, False])
    np.testing.assert_array_equal(backward.inputs[0], [5, 6])
    np.testing.assert_array_equal(backward.output[0], [5, 0])


def test_saved_is_what_the_graph_keeps_and_nothing_where_there_is_none():
    events = []
    x = Tensor(np.array([1.0, -2.0]), requires_grad=True)
    with observe(events.append):
        y = ops.relu(x)
        ops.relu(y.detach())
        with no_grad():
            ops.relu(x)
        y.backward(np.ones(2))
    assert [len(event.saved) for event in events] == [1, 0, 0, 0]
    assert events[0].saved[0] is y._data


def test_saved_bytes_count_an_array_once():
    events = []
    x = Tensor(np.ones(4), requires_grad=True)
    with observe(events.append):
        x * x
    assert events[0].saved_bytes == 32


def test_observers_nest_and_end():
    outer, inner = [], []
    with observe(outer.append):
        with observe(inner.append):
            Tensor([1.0]) + 1.0
        Tensor([1.0]) + 1.0
    Tensor([1.0]) + 1.0
    assert (len(outer), len(inner)) == (2, 1)


def test_modes_are_per_thread():
    inside, seen, results = threading.Event(), [], {}
    done = threading.Event()

    def other():
        inside.wait(5)
        y = Tensor([1.0], requires_grad=True) * 2.0
        results["records"] = y.requires_grad
        results["kernels"] = _sets.in_use.get()
        done.set()

    thread = threading.Thread(target=other)
    thread.start()
    with no_grad(), observe(seen.append), kernels.use("textbook"):
        inside.set()
        assert done.wait(5)
    thread.join()
    assert results == {"records": True, "kernels": None}
    assert seen == []


def test_observing_changes_no_number():
    net = models.lenet5_modern()
    plain = net(picture()).numpy()
    with minidl.observe(lambda event: None):
        np.testing.assert_array_equal(net(picture()).numpy(), plain)
