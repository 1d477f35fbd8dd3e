"""The exercise sheet: the skeleton waits, the solution passes, and every wrong answer is told what is wrong with it."""

import importlib.util
import re

import pytest

from minidl.proof.student import check_file
from tests.exercises import sheet
from tests.exercises.wrong import WRONG

TEXT = sheet.SHEET.read_text(encoding="utf-8")
BLOCKS = list(sheet.BLOCK.finditer(TEXT))


def test_the_skeleton_is_not_written_yet():
    results = [r for r in check_file(sheet.FOLDER / "convolution.py") if r.verdict != "missing"]
    assert len(results) == 8
    assert {r.verdict for r in results} == {"not written yet"}
    assert all(r.trouble.startswith("exercise ") for r in results)
    assert sheet.command(str(sheet.FOLDER / "convolution.py")).status == 1


def test_the_solution_passes(tmp_path):
    file = tmp_path / "solution.py"
    file.write_text(sheet.SOLUTION, encoding="utf-8")
    results = [r for r in check_file(file) if r.verdict != "missing"]
    assert {r.verdict for r in results} == {"ok"}
    assert {r.function for r in results} == set(re.findall(r"^def (\w+)", sheet.source("skeleton"), re.M))
    assert max(r.worst for r in results) < 1e-6
    assert list(tmp_path.iterdir()) == [file]  # nothing is left behind


HINTS = """
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


def test_whoever_follows_the_hints_is_told_of_no_error(tmp_path):
    """To the letter, task by task, in the file that is handed out: only its last line of each function is replaced."""
    text = sheet.source("skeleton")
    for name, body in re.findall(r"def (\w+)\(\n(.*?)(?=def |\Z)", HINTS, re.S):
        begin = text.index(f"def {name}(")
        raised = re.compile(r"^    raise NotImplementedError.*\n", re.M).search(text, begin)
        text = text[: raised.start()] + body.replace("    raise\n", "") + text[raised.end() :]
        (tmp_path / "mine.py").write_text(text, encoding="utf-8")
        results = list(check_file(tmp_path / "mine.py", name))
        found = {r.check.endswith("groups"): set() for r in results}
        for result in results:
            found[result.check.endswith("groups")].add((result.verdict, result.trouble))
        assert found[False] == {("ok", "")}
        assert found.get(True, {("not written yet", "exercise 7, groups")}) == {
            ("not written yet", "exercise 7, groups")
        }


@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_answer_gets_its_own_message(key, tmp_path):
    wrong = WRONG[key]
    results = list(check_file(wrong.write(tmp_path), wrong.function))
    first = next(r for r in results if r.trouble)
    assert first.verdict == wrong.verdict
    for words in wrong.says:
        assert words in first.trouble
    assert len(first.trouble.splitlines()) <= 25
    assert all(len(r.trouble.splitlines()) <= 25 for r in results)


def test_the_messages_differ():
    assert len({wrong.says[-1] for wrong in WRONG.values()}) >= 30


def numbers(line):
    """Split a line into words and numbers; times are left out, and errors below a millionth count as 0."""
    line = re.sub(r"\d+\.\d\d s", "", line)
    words = re.split(r"((?<![\w.])-?\d+\.?\d*(?:e[+-]\d+)?(?![\w.]))", line)
    return [" ".join(word.split()) for word in words[::2]], [
        0 if abs(float(word)) < 1e-6 else float(word) for word in words[1::2]
    ]


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{b['file']}-{b['target'].split('::')[-1]}" for b in BLOCKS])
def test_the_sheet_shows_what_is_printed(block, tmp_path):
    shown, printed = block["output"], sheet.printed(block["file"], block["target"], tmp_path)
    assert shown.count("\n") == printed.count("\n")
    for ours, theirs in zip(shown.splitlines(), printed.splitlines(), strict=True):
        words, values = numbers(ours)
        assert (words, values) == (numbers(theirs)[0], pytest.approx(numbers(theirs)[1], rel=1e-6))


def test_the_sheet_asks_for_what_the_skeleton_has():
    for signature in re.findall(r"^def .*?\):", TEXT, re.M):
        assert signature in sheet.source("skeleton")


def test_the_solution_trains_a_network(tmp_path, monkeypatch, capsys):
    (tmp_path / "convolution.py").write_text(sheet.SOLUTION, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    snippet = re.search(r"```python\n(import convolution.*?)```", TEXT, re.S)[1]
    exec(compile(snippet, "the sheet", "exec"), {})
    losses = [float(line) for line in capsys.readouterr().out.split()]
    assert losses[0] > losses[1] > losses[2]


def test_the_script_writes_the_sheet(tmp_path, monkeypatch):
    """What is printed goes where it was, and all else stays; what it is, the test above asks."""
    copy = tmp_path / "convolution.md"
    copy.write_text(TEXT, encoding="utf-8")
    monkeypatch.setattr(sheet, "SHEET", copy)
    monkeypatch.setattr(sheet, "printed", lambda file, target, folder: f"{file}, {target}\n")
    sheet.main()
    written = copy.read_text(encoding="utf-8")
    assert [block["output"] for block in sheet.BLOCK.finditer(written)] == [
        f"{block['file']}, {block['target']}\n" for block in BLOCKS
    ]
    assert sheet.BLOCK.sub("", written) == sheet.BLOCK.sub("", TEXT)


def test_the_skeleton_can_be_imported():
    spec = importlib.util.spec_from_file_location("skeleton", sheet.FOLDER / "convolution.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    with pytest.raises(NotImplementedError, match="exercise 2, windows become columns"):
        module.im2col(None, None, None, None, None)
