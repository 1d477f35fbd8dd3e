"""Planted bugs: linear layers, softmax with cross-entropy, dropout, SGD; written as people write them."""

import numpy as np

from tests.doctor.planting import bug

# ------------------------------------------------------------------ the linear layer


@bug("linear", "linear", "the bias is not added")
def linear_no_bias(x, w, b):
    return x @ w.T


@bug("linear", "linear", "reshaped where it must be transposed")
def linear_reshaped(x, w, b):
    y = x @ w.reshape(x.shape[1], -1)
    return y if b is None else y + b


@bug("linear", "linear", "w is not transposed")
def linear_not_transposed(x, w, b):
    y = x @ (w if w.shape[0] == w.shape[1] else w.T)
    return y if b is None else y + b


@bug("linear", "linear", "the bias lies along the rows")
def linear_bias_along_rows(x, w, b):
    y = x @ w.T
    return y if b is None else y + (b[:, None] if len(b) == len(x) else b)


@bug("linear_dx", "linear", "w is transposed, as it is forward")
def linear_dx_transposed(dy, w):
    return dy @ (w.T if w.shape[0] == w.shape[1] else w)


@bug("linear_dx", "linear", "divided by the number of rows")
def linear_dx_mean(dy, w):
    return dy @ w / len(dy)


@bug("linear_dw", "linear", "averaged, not added up")
def linear_dw_mean(dy, x):
    return np.einsum("no,nm->om", dy, x) / x.shape[0]


@bug("linear_dw", "linear", "reshaped where it must be transposed")
def linear_dw_reshaped(dy, x):
    return (x.T @ dy).reshape(dy.shape[1], x.shape[1])


@bug("linear_dw", "linear", "only the last picture is counted")
def linear_dw_assigned(dy, x):
    dw = np.zeros((dy.shape[1], x.shape[1]), x.dtype)
    for n in range(len(x)):
        dw[...] = np.outer(dy[n], x[n])
    return dw


@bug("channel_sums", "linear", "averaged, not added up")
def db_mean(dy):
    return dy.mean(axis=(0, 2, 3))


@bug("channel_sums", "linear", "only the first picture is counted")
def db_first(dy):
    return dy[0].sum(axis=(1, 2))


# ------------------------------------------------------------------ softmax with cross-entropy


@bug("softmax", "softmax", "axis 0, not over the axis that is asked for")
def softmax_axis_0(x, axis):
    e = np.exp(x - x.max(axis=0))
    return e / e.sum(axis=0)


@bug("softmax", "softmax", "all numbers, not along one axis")
def softmax_all(x, axis):
    e = np.exp(x - x.max())
    return e / e.sum()


@bug("softmax", "softmax", "overflows")
def softmax_overflow(x, axis):
    e = np.exp(x)
    return e / e.sum(axis=axis, keepdims=True)


@bug("softmax", "softmax", "the sum is forgotten")
def softmax_no_sum(x, axis):
    return np.exp(x - x.max(axis=axis, keepdims=True))


@bug("softmax", "softmax", "sigmoid")
def softmax_sigmoid(x, axis):
    return 1 / (1 + np.exp(-x))


@bug("softmax_dx", "softmax", "effect on itself")
def softmax_dx_diagonal(dy, y, axis):
    return dy * y * (1 - y)


@bug("softmax_dx", "softmax", "the sum is forgotten")
def softmax_dx_no_sum(dy, y, axis):
    return dy * y


@bug("softmax_dx", "softmax", "axis 0")
def softmax_dx_axis_0(dy, y, axis):
    return y * (dy - (dy * y).sum(axis=0, keepdims=True))


def log_softmax(x, axis=1):
    x = x - x.max(axis=axis, keepdims=True)
    return x - np.log(np.exp(x).sum(axis=axis, keepdims=True))


@bug("cross_entropy", "softmax", "/ N is missing")
def loss_sum(x, t):
    log_p = log_softmax(x)
    return -(t * log_p).sum(), log_p


@bug("cross_entropy", "softmax", "N·M")
def loss_mean_of_all(x, t):
    log_p = log_softmax(x)
    return -(t * log_p).mean(), log_p


@bug("cross_entropy", "softmax", "divided by the pictures")
def loss_by_pictures(x, t):
    log_p = log_softmax(x)
    return -(t * log_p).sum() / len(x), log_p


@bug("cross_entropy", "softmax", "softmax is forgotten")
def loss_of_logits(x, t):
    return -(t * x).sum() * x.shape[1] / x.size, log_softmax(x)


@bug("cross_entropy", "softmax", "overflows")
def loss_overflow(x, t):
    e = np.exp(x)
    log_p = np.log(e / e.sum(axis=1, keepdims=True))
    return -(t * log_p).sum() * x.shape[1] / x.size, log_p


@bug("cross_entropy", "softmax", "axis 0")
def loss_axis_0(x, t):
    log_p = log_softmax(x, 0)
    return -(t * log_p).sum() * x.shape[1] / x.size, log_p


@bug("cross_entropy", "softmax", "taken for one-hot")
def loss_hard(x, t):
    log_p = log_softmax(x)
    chosen = np.take_along_axis(log_p, t.argmax(axis=1)[:, None], axis=1)
    return -chosen.mean(), log_p


@bug("cross_entropy", "softmax", "the sign")
def loss_sign(x, t):
    log_p = log_softmax(x)
    return (t * log_p).sum() * x.shape[1] / x.size, log_p


@bug("cross_entropy_dx", "softmax", "/ N is missing")
def loss_dx_no_n(dy, log_p, t):
    return (np.exp(log_p) * t.sum(axis=1, keepdims=True) - t) * dy


@bug("cross_entropy_dx", "softmax", "the sign: t - p")
def loss_dx_sign(dy, log_p, t):
    return (t - np.exp(log_p) * t.sum(axis=1, keepdims=True)) * dy * t.shape[1] / t.size


@bug("cross_entropy_dx", "softmax", "dy is forgotten")
def loss_dx_no_dy(dy, log_p, t):
    return (np.exp(log_p) * t.sum(axis=1, keepdims=True) - t) * t.dtype.type(t.shape[1] / t.size)


@bug("cross_entropy_dx", "softmax", "t does not add up to 1")
def loss_dx_no_weights(dy, log_p, t):
    return (np.exp(log_p) - t) * dy * t.shape[1] / t.size


@bug("cross_entropy_dx", "softmax", "log p stands for p")
def loss_dx_log(dy, log_p, t):
    return (log_p - t) * dy * t.shape[1] / t.size


@bug("cross_entropy_dx", "softmax", None)
def loss_dx_squared(dy, log_p, t):
    """The slope of (p - t)²/2 by p, multiplied with p: nobody has named that."""
    p = np.exp(log_p)
    return (p - t) * p * dy / len(t)


# ------------------------------------------------------------------ dropout, SGD


@bug("dropout", "dropout", "scale is forgotten")
def dropout_no_scale(x, keep, scale):
    return x * keep


@bug("dropout", "dropout", "the other way round")
def dropout_turned(x, keep, scale):
    return x * ~keep * x.dtype.type(scale)


@bug("dropout", "dropout", "divided by scale")
def dropout_divides(x, keep, scale):
    return x * keep / x.dtype.type(scale)


@bug("dropout", "dropout", "changes its argument x")
def dropout_in_place(x, keep, scale):
    x[~keep] = 0
    return x * x.dtype.type(scale)


def step(p, g, velocity, lr, momentum, v, nesterov):
    if not momentum:
        return p - lr * g, None
    return p - lr * (g + momentum * v if nesterov else v), v


@bug("sgd", "sgd", "g is damped")
def sgd_damped(p, g, velocity, lr, momentum, weight_decay, nesterov):
    g = g + weight_decay * p
    v = (1 - momentum) * g + (0 if velocity is None else momentum * velocity)
    return step(p, g, velocity, lr, momentum, v, nesterov)


@bug("sgd", "sgd", "uphill")
def sgd_uphill(p, g, velocity, lr, momentum, weight_decay, nesterov):
    return p + lr * g, None


@bug("sgd", "sgd", "weight decay is forgotten")
def sgd_no_decay(p, g, velocity, lr, momentum, weight_decay, nesterov):
    v = g if velocity is None else momentum * velocity + g
    return step(p, g, velocity, lr, momentum, v, nesterov)


@bug("sgd", "sgd", "nesterov is ignored")
def sgd_no_nesterov(p, g, velocity, lr, momentum, weight_decay, nesterov):
    g = g + weight_decay * p
    v = g.copy() if velocity is None else momentum * velocity + g
    return step(p, g, velocity, lr, momentum, v, False)


@bug("sgd", "sgd", "changes its argument p")
def sgd_in_place(p, g, velocity, lr, momentum, weight_decay, nesterov):
    p -= lr * g
    return p, None
