"""Files of functions: how they are loaded, watched and judged."""

import re
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest

from minidl.kernels import textbook
from minidl.proof import oracles
from minidl.proof.student import check_file, mistakes
from minidl.proof.student.cases import DILATED_POOLS, GROUPS, POOLS, WINDOWS
from minidl.proof.student.claims import CLAIMS, LESSON_CLAIMS
from minidl.proof.student.watch import Wrong, compare

TEXTBOOK = """from minidl.kernels.textbook import *; from tests.kernels.unsized import conv2d, im2col
from tests.kernels import unsized
from minidl.kernels import textbook; import numpy as np
"""
OWN = {"running_statistics", *(claim.name for claim in LESSON_CLAIMS)}  # no kernels


@pytest.fixture
def check(tmp_path):
    """Write a file and check one function of it, or all."""

    def run(source, only=None, **settings):
        file = tmp_path / "mine.py"
        file.write_text(textwrap.dedent(source), encoding="utf-8")
        return list(check_file(file, only, **settings))

    return run


def trouble(results):
    """The first thing that is said to be wrong."""
    return next(r.trouble for r in results if r.verdict in ("FAIL", "ERROR"))


@pytest.mark.parametrize("full", [False, True])
def test_the_textbook_is_right(check, full):
    results = check(TEXTBOOK + "conv2d_loops = conv2d\n", None if not full else "relu_dx", full=full)
    assert {r.verdict for r in results} == {"ok"}
    assert {r.function for r in results} == ({"relu_dx"} if full else {claim.name for claim in CLAIMS} - OWN)


def test_parameters_are_those_of_the_kernels():
    for claim in CLAIMS:
        if claim.name not in OWN | {"conv2d_loops"}:
            kernel = getattr(textbook, claim.name)
            required = kernel.__code__.co_argcount - len(kernel.__defaults__ or ())  # sets of others get no more
            names = [
                name for name in kernel.__code__.co_varnames[:required] if name != "out_size" or "pool" in claim.name
            ]
            assert claim.parameters.split(", ") == names  # convolutions work their size out


@pytest.mark.parametrize("g", [*WINDOWS, *GROUPS], ids=lambda g: g.name)
def test_the_loops_of_the_mistakes_are_right_where_nothing_is_wrong(g, rng):
    x, w, dy = (rng.standard_normal(shape) for shape in (g.x_shape, g.w_shape, g.y_shape))
    settings = g.stride, g.padding, g.dilation
    cols = mistakes.gather(x, g)
    np.testing.assert_array_equal(cols, oracles.im2col(x, g.kernel_size, *settings))
    np.testing.assert_allclose(mistakes.scatter(cols, g), oracles.col2im(cols, g.x_shape, *settings))
    np.testing.assert_allclose(mistakes.multiply(cols, w, g), oracles.conv2d(x, w, None, *settings, g.groups))
    dx = mistakes.scatter(mistakes.spread(dy, w, g), g)
    np.testing.assert_allclose(dx, oracles.conv2d_dx(dy, w, g.x_shape, *settings, g.groups), atol=1e-12)
    dw = mistakes.collect(dy, cols, g)
    np.testing.assert_allclose(dw, oracles.conv2d_dw(dy, x, g.w_shape, *settings, g.groups), atol=1e-12)


@pytest.mark.parametrize("g", DILATED_POOLS, ids=lambda g: g.name)
def test_the_loops_of_the_poolings_are_right(g, rng):
    x = rng.standard_normal(g.x_shape)
    ceil = g.beyond != (0, 0)
    y = mistakes.gather(x, g, fill=-np.inf).max(axis=(2, 3))
    np.testing.assert_array_equal(y, oracles.max_pool2d(x, g.kernel_size, g.stride, g.padding, g.dilation, ceil))
    for with_pad in (True, False) if g in POOLS else ():
        ours = mistakes.gather(x, g).sum(axis=(2, 3)) / mistakes.counts(g, with_pad)
        np.testing.assert_allclose(ours, oracles.avg_pool2d(x, g.kernel_size, g.stride, g.padding, ceil, with_pad))


def draws(g, rng):
    """All mistakes of all functions on one geometry, with the right result: (function, right, mistakes)."""
    x, w, dy = (rng.standard_normal(shape) for shape in (g.x_shape, g.w_shape, g.y_shape))
    cols = mistakes.gather(x, g)
    yield "im2col", cols, mistakes.of_im2col(x, g)
    loose = rng.standard_normal(g.cols_shape)
    yield "col2im", mistakes.scatter(loose, g), mistakes.of_col2im(loose, g)
    yield "conv2d", mistakes.multiply(cols, w, g) + 1, mistakes.of_conv2d(x, w, np.ones(g.kernels), g)
    yield "conv2d_dx", mistakes.scatter(mistakes.spread(dy, w, g), g), mistakes.of_conv2d_dx(dy, w, g)
    yield "conv2d_dw", mistakes.collect(dy, cols, g), mistakes.of_conv2d_dw(dy, x, g)


def pool_draws(g, rng):
    x = rng.integers(-9, 0, g.x_shape) * 1.0
    winners = mistakes.winners_of(x, g)
    dy, tapped = rng.standard_normal(winners.shape), mistakes.tapped
    yield "max_pool2d", mistakes.gather(x, g, fill=-np.inf).max(axis=(2, 3)), mistakes.of_max_pool2d(x, g)
    yield "winners", winners, mistakes.of_winners(x, g)
    right = mistakes.scatter(tapped(dy, winners, g), g)
    yield "max_pool2d_dx", right, mistakes.of_max_pool2d_dx(dy, winners, g)
    for with_pad in (True, False) if g in POOLS else ():
        count, name = mistakes.counts(g, with_pad), f" {with_pad}"
        yield (
            "avg_pool2d" + name,
            mistakes.gather(x, g).sum(axis=(2, 3)) / count,
            mistakes.of_avg_pool2d(x, g, with_pad),
        )
        right = mistakes.scatter(np.broadcast_to((dy / count)[:, :, None, None], g.cols_shape), g)
        yield "avg_pool2d_dx" + name, right, mistakes.of_avg_pool2d_dx(dy, g, with_pad)


@pytest.mark.parametrize(("cases", "drawn"), [((*WINDOWS, *GROUPS), draws), (DILATED_POOLS, pool_draws)])
def test_every_mistake_can_be_seen_and_told_from_the_others(cases, drawn):
    """On some geometry it has a result of its own, of the right shape."""
    seen, alone = set(), set()
    for g in cases:
        for function, right, wrong in drawn(g, np.random.default_rng(0)):
            results = [(what, other) for what, other in wrong]
            for what, other in results:
                assert other.shape == right.shape, (g.name, function, what)
                seen.add((function, what))
                rest = [right, *(array for name, array in results if name != what)]
                if not any(np.allclose(other, array) for array in rest):
                    alone.add((function, what))
    assert seen - alone == set()
    assert len(seen) >= 40


# ------------------------------------------------------------------ poolings and relu; the rest is in test_wrong.py

REPLACED = {
    "avg_pool2d sums": (
        "avg_pool2d",
        "return textbook.avg_pool2d(*a) * a[1][0] * a[1][1]",
        "if the sum is taken, not the average",
    ),
    "avg_pool2d ignores count_include_pad": (
        "avg_pool2d",
        "return textbook.avg_pool2d(*a[:-1], True)",
        "if count_include_pad is read as True",
    ),
    "avg_pool2d_dx does not divide": (
        "avg_pool2d_dx",
        "return textbook.avg_pool2d_dx(*a) * 4",
        "if dy is not divided by the number of pixels",
    ),
    "avg_pool2d_dx ignores count_include_pad": (
        "avg_pool2d_dx",
        "return textbook.avg_pool2d_dx(*a[:-1], False)",
        "if count_include_pad is read as False",
    ),
    "relu is abs": ("relu", "return np.abs(*a)", "if negative numbers keep their size"),
    "relu_dx without mask": ("relu_dx", "return a[0].copy()", "if the mask is forgotten"),
    "max_pool2d stride": (
        "max_pool2d",
        "x, k, s, p, d, o = a; return textbook.max_pool2d(x, k, s[::-1], p, d, o)",
        "if rows and columns of the stride are exchanged",
    ),
    "conv2d_dw groups": (
        "conv2d_dw",
        "return textbook.conv2d_dw(*a) if a[-1] == 1 else np.flip(textbook.conv2d_dw(*a), 0).copy()",
        "pattern (",
    ),
    "nan": ("im2col", "return unsized.im2col(*a) / 0 * 0", "pattern (nan): cols is nan or inf in"),
    "zeros": ("conv2d", "return 0 * unsized.conv2d(*a)", "pattern (zero): y is 0 everywhere"),
    "mirrored": ("im2col", "return unsized.im2col(*a)[..., ::-1]", "pattern (flipped)"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("key", REPLACED)
def test_wrong_functions_are_told_what_they_do(check, key):
    name, body, says = REPLACED[key]
    parameters = next(claim.parameters for claim in CLAIMS if claim.name == name)
    results = check(f"{TEXTBOOK}\ndef {name}({parameters}):\n    a = ({parameters},)\n    {body}\n", name)
    assert says in trouble(results)


def test_an_unknown_mistake_is_shown_without_a_name():
    right = np.arange(6.0).reshape(2, 3)
    wrong = right + np.random.default_rng(0).standard_normal((2, 3))
    with pytest.raises(
        Wrong,
        match=r"y, worst at y\[\d, \d\]:\n  yours .*\n  right .*\n  ratio .*\n  wrong in 6 of 6 e\w+\n  the mistake",
    ):
        compare("y", wrong, right, [])


# ------------------------------------------------------------------ the adjoint identity


def test_the_adjoint_identity_shows_a_place_that_does_not_fit(check):
    source = TEXTBOOK + "def col2im(cols, x_shape, s, p, d):\n    return 2 * textbook.col2im(cols, x_shape, s, p, d)\n"
    results = check(source, "col2im")
    assert [r.verdict for r in results] == ["FAIL"] * 3
    text = results[1].trouble
    assert re.search(r"<im2col\(x\), c> = -?\d+, but <x, col2im\(c\)> = -?\d+: they must be equal", text)
    assert re.search(r"im2col takes 1 times x\[0, 0, (\d), (\d)\] into its result at \[0, 0, \d, \d, \d, \d\],\n", text)
    assert re.search(r"col2im must add 1 times c\[0, 0, \d, \d, \d, \d\] at \[0, 0, \d, \d\]; it adds 2", text)
    assert results[2].trouble == ""  # the same once more


def test_the_adjoint_identity_of_a_function_that_is_not_linear(check):
    source = TEXTBOOK + (
        "def col2im(cols, x_shape, s, p, d):\n"
        "    x = textbook.col2im(cols, x_shape, s, p, d)\n"
        "    return x if abs(cols).sum() == 1 else x + 1\n"
    )
    text = check(source, "col2im")[1].trouble
    assert "they must be equal" in text
    assert "for example" not in text


def test_the_adjoint_identity_uses_the_students_own_function_if_it_is_right(check):
    """This im2col is right for the loops' numbers and wrong for whole ones, which only the identity uses."""
    source = (
        "def im2col(x, k, s, p, d):\n    return unsized.im2col(x, k, s, p, d) * (2 if (x == x.round()).all() else 1)\n"
    )
    results = {(r.function, r.check): r.verdict for r in check(TEXTBOOK + source)}
    assert results["im2col", "loops"] == results["col2im", "loops"] == "ok"
    assert results["col2im", "adjoint identity"] == "FAIL"


# ------------------------------------------------------------------ what a file may do


def test_missing_functions_are_missing_and_not_wrong(check):
    results = check("def relu(x):\n    return x * (x > 0)\n")
    assert results[0].verdict == "ok"
    assert {r.verdict for r in results[1:]} == {"missing"}


def test_something_that_is_no_function(check):
    assert trouble(check("relu = 3\n")) == "relu must be a function; it is a int"


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("def relu(x)\n    return x\n", "mine.py cannot be imported: mine.py:1: SyntaxError: expected ':'"),
        (
            "import numpy as np\nx = 1 / 0\n",
            "mine.py cannot be imported: mine.py:2: ZeroDivisionError: division by zero",
        ),
        ("import nowhere_to_be_found\n", "mine.py:1: ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("raise SystemExit\n", "mine.py:1: SystemExit"),
        (
            "def mine(x):\n    return x\n",
            "mine.py has nothing that can be checked: no subclass of Function, no function that INPUTS names or that "
            "is annotated to return a Tensor, and none of conv2d_loops, im2col, ",
        ),
    ],
)
def test_files_that_cannot_be_checked(check, source, text):
    with pytest.raises(ValueError, match=re.escape(text)) as caught:
        check(source)
    assert str(caught.value).startswith("gradcheck: mine.py ")


def test_a_file_that_does_not_exist(tmp_path):
    with pytest.raises(ValueError, match="gradcheck: there is no file .*nothing.py"):
        check_file(tmp_path / "nothing.py")


def test_a_function_that_is_not_checked(tmp_path):
    (tmp_path / "mine.py").write_text("def im2col(x):\n    return x\n")
    with pytest.raises(ValueError, match="there is no function or operation 'im2kol'; did you mean im2col"):
        list(check_file(tmp_path / "mine.py", "im2kol"))


def test_an_error_shows_the_students_own_line(check):
    source = """
    import numpy as np

    def helper(x):
        return np.reshape(x, (7, 7))

    def relu(x):
        return helper(x)
    """
    lines = trouble(check(source)).splitlines()
    assert lines[0].startswith("mine.py:7: relu, loops, case 'pictures and channels, not square' (x.shape=(2, 3, 5, ")
    assert lines[1] == "mine.py:5: ValueError: cannot reshape array of size 120 into shape (7,7)"
    assert lines[2] == "    return np.reshape(x, (7, 7))"


def test_the_line_is_found_however_the_way_to_the_file_is_written(check, tmp_path, monkeypatch):
    source = "from below.helping import flat\n\ndef relu(x):\n    return flat(x)\n"
    (tmp_path / "flatten.py").write_text("def flat(x):\n    return x.reshape(7, 7)\n")
    (tmp_path / "mine.py").write_text(source.replace("below.helping", "flatten"))
    monkeypatch.chdir(tmp_path)
    for path in (Path("mine.py"), Path("../", tmp_path.name, "mine.py"), tmp_path / "mine.py"):
        (result,) = check_file(path, "relu")
        assert result.trouble.splitlines()[1] == (
            "flatten.py:2: ValueError: cannot reshape array of size 120 into shape (7,7)"
        )
        assert result.place == ("flatten.py", 2)


def test_a_file_beside_it_is_named_where_it_cannot_be_read(check, tmp_path):
    (tmp_path / "helping.py").write_text("x = 1\ndef f(:\n    pass\n")
    with pytest.raises(ValueError, match=r"mine.py cannot be imported: helping.py:2: SyntaxError: "):
        check("import helping\n")


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ("return x * 2", "mine.py:1: relu, loops, case 'pictures and"),
        ("pass", "mine.py:1: relu, loops, case 'pictures and"),
        ("x *= 0; return x", "mine.py:1: relu, loops, case 'pictures and"),
    ],
)
def test_what_is_wrong_has_a_place(check, body, text):
    (result, *_) = check(f"def relu(x): {body}\n", "relu")
    assert result.trouble.startswith(text)
    assert result.place == ("mine.py", 1)
    assert trouble(check("\ndef relu():\n    pass\n")).startswith("mine.py:2: relu must take (x), by position")


def test_an_error_about_groups_says_that_they_may_wait(check):
    source = TEXTBOOK + (
        "def conv2d_dx(dy, w, x_shape, s, p, d, groups):\n"
        "    n, o, oh, ow = dy.shape\n"
        "    dcols = w.reshape(o, -1).T @ dy.reshape(n, o, -1)\n"
        "    return col2im(dcols.reshape(n, x_shape[1], *w.shape[2:], oh, ow), x_shape, s, p, d)\n"
    )
    results = check(source, "conv2d_dx")
    assert [r.verdict for r in results] == ["ok", "ok", "ok", "ERROR", "ERROR"]
    assert "mine.py:7: ValueError: cannot reshape array" in trouble(results)
    assert '`if groups != 1: raise NotImplementedError("groups come in step c5")`' in trouble(results)


def test_an_error_that_did_not_come_from_the_file(check):
    assert "mine.py: TypeError: only " in trouble(check("from operator import index as relu\n"))
    text = trouble(check("import numpy as np\n\ndef relu(x, f=np.linalg.inv): return f(x[:, :, :3, :2])\n"))
    assert "mine.py:3: LinAlgError: Last 2 dimensions of the array must be square" in text


def test_a_function_without_a_signature_is_called(check):
    assert "mine.py: ValueError: The truth value of an array" in trouble(check("relu = max\n"))


def test_the_folder_can_be_imported_from_and_is_forgotten_afterwards(check, tmp_path):
    (tmp_path / "my_helpers.py").write_text("def keep(x):\n    return x * (x > 0)\n")
    before, path = set(sys.modules), list(sys.path)
    assert check("from my_helpers import keep as relu\n", "relu")[0].verdict == "ok"
    (tmp_path / "my_helpers.py").write_text("def keep(x):\n    return abs(x)\n")
    assert check("from my_helpers import keep as relu\n", "relu")[0].verdict == "FAIL"
    assert (set(sys.modules), sys.path) == (before, path)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine.py", "my_helpers.py"]


def test_a_file_of_another_kind_is_refused(tmp_path):
    from minidl.proof.student.watch import loaded

    path = tmp_path / "text.jpg"
    path.write_text("hello")
    with (
        pytest.raises(ValueError, match=r"gradcheck: text.jpg is no Python file; give a file that ends in .py"),
        loaded(path),
    ):
        pass
