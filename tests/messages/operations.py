"""Right calls, as in `calls.py`, of the operations."""

import numpy as np

from minidl import Tensor


def t(*shape, dtype="float32"):
    return Tensor(np.ones(shape, dtype), requires_grad=True)


def sums(*tensors):
    """Any function of tensors, as many as there are."""
    return sum((it.sum() for it in tensors), Tensor(np.zeros(())))


def there_and_back(function, *args, **settings):
    """Call a function and walk back from all tensors that it returns."""
    result = function(*args, **settings)
    several = result if isinstance(result, (tuple, list)) else [result]
    found = [y for y in several if isinstance(y, Tensor) and y.requires_grad]
    if len(found) == 1:
        found[0].backward(np.ones(found[0].shape, found[0].dtype))
    elif found:
        sum((y.sum() for y in found[1:]), found[0].sum()).backward()


WINDOW = {"kernel_size": 2, "stride": 2, "padding": 0}
X = (1, 2, 4, 4)
OPERATIONS = {
    "abs": lambda: ((t(2, 3),), {}),
    "adaptive_avg_pool2d": lambda: ((t(*X), (2, 2)), {}),
    "add": lambda: ((t(2, 3), t(2, 3)), {"activation": None}),
    "append_channels": lambda: ((t(*X), t(*X)), {}),
    "avg_pool2d": lambda: ((t(*X),), {**WINDOW, "ceil_mode": False, "count_include_pad": True}),
    "batch_norm": lambda: (
        (t(*X), t(2), t(2), np.zeros(2, "float32"), np.ones(2, "float32")),
        {"training": True, "momentum": 0.1, "eps": 1e-5, "activation": None, "residual": None},
    ),
    "binary_cross_entropy_with_logits": lambda: (
        (t(2, 3), t(2, 3), np.ones(3)),
        {"reduction": "mean", "pos_weight": np.ones(3)},
    ),
    "channel_shuffle": lambda: ((t(*X), 2), {}),
    "clip": lambda: ((t(2, 3), 0.0, 1.0), {}),
    "col2im": lambda: ((t(1, 8, 9), (4, 4), 2), {"stride": 1, "padding": 0, "dilation": 1}),
    "concat": lambda: (([t(2, 3), t(2, 3)], 0), {}),
    "conv2d": lambda: ((t(*X), t(4, 2, 3, 3), t(4)), {"stride": 1, "padding": 1, "dilation": 1, "groups": 1}),
    "conv2d_fused": lambda: (
        (t(*X), t(4, 2, 3, 3), t(4), t(1, 4, 4, 4)),
        {"activation": "relu", "stride": 1, "padding": 1, "dilation": 1, "groups": 1},
    ),
    "conv_transpose2d": lambda: (
        (t(*X), t(2, 4, 3, 3), t(4)),
        {"stride": 2, "padding": 1, "output_padding": 1, "dilation": 1, "groups": 1},
    ),
    "cross_entropy": lambda: (
        (t(2, 3), np.array([0, 2]), np.ones(3)),
        {"ignore_index": -100, "reduction": "mean", "label_smoothing": 0.0},
    ),
    "divide": lambda: ((t(2, 3), t(2, 3)), {}),
    "dropout": lambda: ((t(2, 3), 0.5), {"training": True, "rng": None}),
    "dropout2d": lambda: ((t(*X), 0.5), {"training": True, "rng": None}),
    "elu": lambda: ((t(2, 3), 1.0), {}),
    "embedding": lambda: ((np.array([[0, 1], [1, 0]]), t(2, 3)), {}),
    "exp": lambda: ((t(2, 3),), {}),
    "flatten": lambda: ((t(*X), 1, -1), {}),
    "gelu": lambda: ((t(2, 3), "none"), {}),
    "global_avg_pool2d": lambda: ((t(*X),), {}),
    "group_norm": lambda: ((t(*X), 1, t(2), t(2)), {"eps": 1e-5}),
    "reserve_channels": lambda: ((t(*X), 4), {}),
    "hardsigmoid": lambda: ((t(2, 3),), {}),
    "hardswish": lambda: ((t(2, 3),), {}),
    "im2col": lambda: ((t(*X), 2), {"stride": 1, "padding": 0, "dilation": 1}),
    "index": lambda: ((t(2, 3), 0), {}),
    "interpolate": lambda: (
        (t(*X), (8, 6)),
        {"scale_factor": None, "mode": "bilinear", "align_corners": None},
    ),
    "l1_loss": lambda: ((t(2, 3), t(2, 3)), {"reduction": "mean"}),
    "layer_norm": lambda: ((t(2, 3), (3,), t(3), t(3)), {"eps": 1e-5}),
    "leaky_relu": lambda: ((t(2, 3), 0.01), {}),
    "linear": lambda: ((t(2, 3), t(4, 3), t(4)), {}),
    "local_response_norm": lambda: ((t(*X), 5), {"alpha": 1e-4, "beta": 0.75, "k": 2.0, "convention": "paper"}),
    "log": lambda: ((t(2, 3),), {}),
    "log_softmax": lambda: ((t(2, 3), -1), {}),
    "matmul": lambda: ((t(2, 3), t(3, 2)), {}),
    "max": lambda: ((t(2, 3), 0), {"keepdims": False}),
    "max_pool2d": lambda: ((t(*X),), {**WINDOW, "dilation": 1, "ceil_mode": False}),
    "maxout": lambda: ((t(2, 4), 2, 1), {}),
    "mean": lambda: ((t(2, 3), 0), {"keepdims": False}),
    "mse_loss": lambda: ((t(2, 3), t(2, 3)), {"reduction": "mean"}),
    "multiply": lambda: ((t(2, 3), t(2, 3)), {}),
    "negative": lambda: ((t(2, 3),), {}),
    "nll_loss": lambda: ((t(2, 3), np.array([0, 2]), np.ones(3)), {"ignore_index": -100, "reduction": "mean"}),
    "pad": lambda: ((t(*X), 1), {"value": 0.0}),
    "power": lambda: ((t(2, 3), 2.0), {}),
    "relu": lambda: ((t(2, 3),), {}),
    "relu6": lambda: ((t(2, 3),), {}),
    "reshape": lambda: ((t(2, 3), 3, 2), {}),
    "roi_align": lambda: (
        (t(*X), np.array([[0, 0.0, 0.0, 2.0, 3.0]]), 2),
        {"spatial_scale": 1.0, "sampling_ratio": 2, "aligned": True},
    ),
    "roi_pool": lambda: ((t(*X), np.array([[0, 0.0, 0.0, 2.0, 3.0]]), 2), {"spatial_scale": 1.0}),
    "scale_channels": lambda: ((t(*X), t(1, 2)), {}),
    "scaled_dot_product_attention": lambda: ((t(2, 3, 4), t(2, 5, 4), t(2, 5, 4)), {"mask": np.ones((3, 5), bool)}),
    "scaled_tanh": lambda: ((t(2, 3),), {}),
    "sigmoid": lambda: ((t(2, 3),), {}),
    "silu": lambda: ((t(2, 3),), {}),
    "smooth_l1_loss": lambda: ((t(2, 3), t(2, 3)), {"reduction": "mean", "beta": 1.0}),
    "softmax": lambda: ((t(2, 3), -1), {}),
    "softplus": lambda: ((t(2, 3), 1.0, 20.0), {}),
    "split": lambda: ((t(2, 4), [1, 3], 1), {}),
    "sqrt": lambda: ((t(2, 3),), {}),
    "stochastic_depth": lambda: ((t(*X), 0.5), {"training": True, "mode": "row", "rng": None}),
    "subtract": lambda: ((t(2, 3), t(2, 3)), {}),
    "sum": lambda: ((t(2, 3), 0), {"keepdims": False}),
    "tanh": lambda: ((t(2, 3),), {}),
    "to_device": lambda: ((t(2, 3), "cpu"), {}),
    "transpose": lambda: ((t(2, 3), 1, 0), {}),
    "unflatten": lambda: ((t(2, 6), 1, (2, 3)), {}),
    "var": lambda: ((t(2, 3), 0), {"correction": 1, "keepdims": False}),
    "where": lambda: ((np.ones((2, 3), bool), t(2, 3), t(2, 3)), {}),
}
