"""The way of the hints is a right one: to the letter, step by step, in the files that are handed out."""

import re

import pytest

from minidl.teach.learn import check, get_step
from tests.learn.answers import write_answers

WRITTEN = """
def conv2d_loops(
    raise
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    n, o, (kh, kw) = len(x), len(w), w.shape[2:]
    oh, ow = ((padded.shape[2 + a] - dilation[a] * (w.shape[2 + a] - 1) - 1) // stride[a] + 1 for a in range(2))
    y = np.zeros((n, o, oh, ow), dtype=x.dtype)
    for place in np.ndindex(n, o, oh, ow, x.shape[1], kh, kw):
        n, o, r, s, c, i, j = place
        y[n, o, r, s] += w[o, c, i, j] * padded[n, c, r * stride[0] + i * dilation[0], s * stride[1] + j * dilation[1]]
    return y if b is None else y + b[:, None, None]
def im2col(
    padded, (kh, kw), s, d = np.pad(x, ((0, 0), (0, 0), *padding)), kernel_size, stride, dilation
    oh, ow = ((padded.shape[2 + a] - d[a] * (kernel_size[a] - 1) - 1) // s[a] + 1 for a in range(2))
    cols = np.empty((*x.shape[:2], kh, kw, oh, ow), dtype=x.dtype)
    for i, j in np.ndindex(kh, kw):
        ends = i * d[0] + s[0] * (oh - 1) + 1, j * d[1] + s[1] * (ow - 1) + 1
        cols[:, :, i, j] = padded[:, :, i * d[0] : ends[0] : s[0], j * d[1] : ends[1] : s[1]]
    return cols
def conv2d(
    cols = im2col(x, w.shape[2:], stride, padding, dilation)
    (n, c, kh, kw, oh, ow), o = cols.shape, len(w)
    y = (w.reshape(o, c * kh * kw) @ cols.reshape(n, c * kh * kw, oh * ow)).reshape(n, o, oh, ow)
    return y if b is None else y + b[:, None, None]
def col2im(
    (n, c, kh, kw, oh, ow), s, d = cols.shape, stride, dilation
    (top, bottom), (left, right) = padding
    x = np.zeros((n, c, x_shape[2] + top + bottom, x_shape[3] + left + right), dtype=cols.dtype)
    for i, j in np.ndindex(kh, kw):
        ends = i * d[0] + s[0] * (oh - 1) + 1, j * d[1] + s[1] * (ow - 1) + 1
        x[:, :, i * d[0] : ends[0] : s[0], j * d[1] : ends[1] : s[1]] += cols[:, :, i, j]
    return x[:, :, top : top + x_shape[2], left : left + x_shape[3]]
def conv2d_dx(
    (n, o, oh, ow), k = dy.shape, w[0].size
    dcols = w.reshape(o, k).T @ dy.reshape(n, o, oh * ow)
    return col2im(dcols.reshape(n, x_shape[1], *w.shape[2:], oh, ow), x_shape, stride, padding, dilation)
def conv2d_dw(
    n, o, oh, ow = dy.shape
    cols = im2col(x, w_shape[2:], stride, padding, dilation).reshape(n, -1, oh * ow)
    return (dy.reshape(n, o, -1) @ cols.swapaxes(1, 2)).sum(axis=0).reshape(w_shape)
"""


BODIES = dict(re.findall(r"def (\w+)\(\n(.*?)(?=def |\Z)", WRITTEN, re.S))
STEPS = {"conv2d_loops": "c1", "im2col": "b1", "conv2d": "c2", "col2im": "b2", "conv2d_dx": "c3", "conv2d_dw": "c4"}


@pytest.mark.parametrize("function", BODIES)
def test_whoever_follows_the_hints_is_told_of_no_error(function, tmp_path):
    """Only the last line of the function is replaced; the lines about the groups stay."""
    step = get_step(STEPS[function])
    text = step.handout()
    raised = re.compile(r"^    raise NotImplementedError.*\n", re.M).search(text, text.index(f"def {function}("))
    body = BODIES[function].replace("    raise\n", "")
    text = text[: raised.start()] + body + text[raised.end() :]
    file = write_answers(tmp_path, step.needs) / step.file
    file.write_text(text, encoding="utf-8")
    verdict = check(step, file, 3)
    assert verdict.passed, verdict.text
