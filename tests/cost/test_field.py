"""Receptive fields: the numbers of the papers, and those that a gradient really reaches."""

import numpy as np
import pytest

from minidl import Tensor, cost, models, nn, ops


def fields(net, size=None):
    events = cost.walk(net, size)
    return list(zip(events, cost.receptive_fields(events), strict=True))


def zoo(name):
    with nn.init.unfilled():
        return models.get_model(name)


def last(net, op):
    return [field for event, field in fields(net) if event.op == op][-1]


@pytest.mark.parametrize(
    ("name", "op", "size", "stride"),
    [
        ("vgg16", "max_pool2d", 212, 32),
        ("alexnet", "max_pool2d", 195, 32),
        ("resnet50", "batch_norm_eval", 427, 32),
        ("mobilenet_v1", "batch_norm_eval", 315, 32),
        ("inception_v3", "concat", 1311, 32),
        ("bn_inception", "concat", 699, 32),
        ("lenet5_modern", "max_pool2d", 16, 4),
    ],
)
def test_the_numbers_that_are_known(name, op, size, stride):
    with_op = op if op != "batch_norm_eval" else None
    found = [
        field
        for event, field in fields(zoo(name))
        if (event.op == with_op if with_op else event.op.startswith("batch_norm_eval")) and not field.is_whole
    ][-1]
    assert (found.size, found.stride) == ((size, size), (stride, stride))


def test_a_stride_on_the_first_convolution_of_a_bottleneck_sees_further():
    """The paper's ResNet-50 has it there: 483 instead of 427."""
    net = zoo("resnet50")
    for layer in (net.layer2, net.layer3, net.layer4):
        layer[0].conv1.stride, layer[0].conv2.stride = (2, 2), (1, 1)
    maps = [field for _, field in fields(net) if field is not None and not field.is_whole]
    assert maps[-1].size == (483, 483)


@pytest.mark.parametrize(
    "name",
    [
        "densenet121",
        pytest.param("nasnet_a_mobile", marks=pytest.mark.slow),
        "preact_resnet110_cifar",
        "lenet5",
        "shufflenet_v2_x1_0",
    ],
)
def test_every_operation_of_the_zoo_has_a_rule(name):
    assert None not in [field for _, field in fields(zoo(name))]


class Branches(nn.Module):
    """Two ways of different reach, one of them shifted."""

    def __init__(self):
        super().__init__()
        self.near = nn.Conv2d(1, 1, 1, stride=2)
        self.far = nn.Conv2d(1, 1, 3, stride=2, padding=((2, 0), (1, 1)), dilation=2)

    def forward(self, x):
        x = ops.pad(x, ((1, 0), (0, 1)))
        return ops.concat([self.near(x)[:, :, :6, :6], self.far(x[:, :, 1:, :])[:, :, :6, :6]], 1)


NETS = {
    "convolutions": lambda: nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1), nn.Conv2d(2, 1, (3, 1), dilation=(2, 1))
    ),
    "pools": lambda: nn.Sequential(nn.AvgPool2d(3, stride=2), nn.Conv2d(1, 1, 2), nn.AvgPool2d(2, stride=1)),
    "no square": lambda: nn.Sequential(nn.Conv2d(1, 1, (5, 3), stride=(1, 2)), nn.AvgPool2d((1, 2))),
    "adaptive": lambda: nn.Sequential(nn.Conv2d(1, 1, 2), nn.AdaptiveAvgPool2d(4)),
}


@pytest.mark.parametrize("name", NETS)
def test_it_is_what_a_gradient_reaches(name):
    """From one number of the result the gradient reaches just the pixels of its field that lie in the picture."""
    net, side = NETS[name](), 21
    for parameter in net.parameters():
        parameter.data = np.ones_like(parameter.data)
    field = fields(net, (1, side, side))[-1][1]
    x = Tensor(np.ones((1, 1, side, side), dtype="float32"), requires_grad=True)
    y = net(x)
    dy = np.zeros_like(y.data)
    place = (y.shape[2] // 2, y.shape[3] // 2)
    dy[0, 0, place[0], place[1]] = 1
    y.backward(dy)
    reached = np.argwhere(x.grad[0, 0] != 0)
    for axis in range(2):
        first = field.offset[axis] + place[axis] * field.stride[axis]
        assert reached[:, axis].min() == max(first, 0)
        assert reached[:, axis].max() == min(first + field.size[axis], side) - 1


def test_branches_reach_as_far_as_the_farthest():
    field = fields(Branches(), (1, 13, 13))[-1][1]
    assert (field.size, field.stride) == ((5, 5), (2, 2))
    assert field.offset == (-2, -1)


def test_after_a_global_average_every_number_sees_all():
    net = zoo("se_resnet50")
    assert all(field.is_whole for event, field in fields(net) if event.op == "scale_channels")
    assert fields(net)[-1][1].size == (224, 224)


def test_where_there_is_no_rule_nothing_is_said():
    class Up(nn.Module):
        def forward(self, x):
            return ops.relu(ops.interpolate(x, scale_factor=2))

    assert [field for _, field in fields(Up(), (1, 4, 4))] == [None, None]
    assert [field for _, field in fields(nn.Sequential(nn.Linear(4, 3)), (4,))] == [None]


def test_what_is_no_event_is_refused():
    with pytest.raises(TypeError, match=r"receptive_fields: expects the events of cost\.walk\(net\); received \[1\]"):
        cost.receptive_fields([1])
