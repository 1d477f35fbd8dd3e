"""Compiled kernels between processes: whatever happens to their files, or to Numba, the numbers are right."""

import gc
import os
import subprocess
import sys
import warnings
from types import SimpleNamespace

import numba
import numpy as np
import pytest

from minidl import Tensor, fuse, kernels, nn, ops
from minidl.kernels import _ahead, _cpu
from minidl.kernels.cpu.simd import cache, compile, pieces

RELU = """
import warnings
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    import numpy as np
    from minidl import Tensor, kernels, ops
    x = np.linspace(-1, 1, 2**18, dtype=np.float32)
    y = ops.relu(Tensor(x)).data
    z = ops.relu(Tensor(x)).data
assert (y == np.maximum(x, 0)).all() and (z == y).all()
print([str(warning.message) for warning in caught if "minidl" in warning.filename or "kernels" in str(warning.message)])
"""


def run(code, folder, **environment):
    """Run code in another process, whose kernels lie in a folder; return what it printed."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "NUMBA_CACHE_DIR": str(folder), **environment},
    )
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder that holds the compiled relu."""
    folder = tmp_path_factory.mktemp("kernels")
    assert run(RELU, folder) == "[]\n"
    return folder


@pytest.mark.parametrize("collects", [True, False])
def test_python_collects_garbage_behind_a_kernel_if_it_did_before(collects, monkeypatch):
    seen, kernel = [], compile.ALL["elementwise._add"]
    monkeypatch.setattr(kernel, "_dispatcher", SimpleNamespace(compile=lambda _: seen.append(gc.isenabled()) or 1 / 0))
    try:
        (gc.enable if collects else gc.disable)()
        with pytest.raises(compile.CannotRun, match="division by zero"):
            kernel._compile()
        assert [*seen, gc.isenabled()] == [False, collects]
    finally:
        gc.enable()


@pytest.mark.parametrize("aside", [True, False])
def test_what_a_compiler_has_made_counts_as_old(aside, monkeypatch):
    """Nobody looks through millions of objects that stay; what somebody else has put aside stays aside."""
    kernel, made, were = compile.ALL["elementwise._add"], [[] for _ in range(50_000)], gc.get_freeze_count()
    monkeypatch.setattr(kernel, "_dispatcher", SimpleNamespace(compile=lambda _: made.extend([[]] * 3) or 1 / 0))
    gc.unfreeze()
    gc.collect()
    try:
        before = [[] for _ in range(300)]
        if aside:
            gc.freeze()
        fresh = [[] for _ in range(300)]
        with pytest.raises(compile.CannotRun, match="division by zero"):
            kernel._compile()
        old = {id(one) for one in gc.get_objects(generation=2)}  # those that are aside are in none
        assert all((id(one) in old) is not aside for one in before + fresh)
        assert bool(gc.get_freeze_count()) is aside
    finally:
        gc.unfreeze()
        if were:
            gc.freeze()


def test_each_step_that_is_left_out_is_one_of_numbas(monkeypatch):
    """A newer Numba may call it something else, and would go its way again."""
    builder, steps = pieces.compiler.DefaultPassBuilder, set()
    usual = builder.define_nopython_pipeline

    def looked_at(state):
        found = usual(state)
        steps.update(step.__name__ for step, _ in found.passes)
        return found

    monkeypatch.setattr(builder, "define_nopython_pipeline", looked_at)
    compile.inline(lambda x: x + x).compile((numba.float64,))
    assert steps >= pieces.LEFT_OUT


def files_in(folder):
    """Return the files of kernels; what the crew of threads has been compiled to lies there, too."""
    return {path: path.read_bytes() for path in folder.rglob("*.kernel") if not path.name.startswith("crew.")}


def damaged(path, content):
    """Yield what a power cut, a full disk, a bad disk or a careless hand leaves."""
    payload = b"cminidl_no_such_module\nthing\n."
    yield content[: len(content) // 2]
    yield b""
    yield bytes(len(content))
    yield content[:-4096] + bytes(4096)
    yield content[:500] + bytes([content[500] ^ 16]) + content[501:]
    yield cache.checksum(path, payload) + payload  # whole, but nothing that Numba has written
    yield cache.checksum(path.with_name("another.kernel"), content[32:]) + content[32:]


def test_damaged_files_are_compiled_anew(folder, monkeypatch, tmp_path):
    [(path, content)] = files_in(folder).items()
    kernel, target = compile.ALL["elementwise._activate"], compile.cpu_target.target_context
    files, signature = cache.KernelFiles(kernel._function), compile._parsed(kernel.signature)
    monkeypatch.setattr(files, "_cache_path", str(tmp_path))
    here = files._path(signature, target.codegen())
    assert here.name == path.name
    for wrong in damaged(here, content):
        here.write_bytes(wrong)
        assert files.load_overload(signature, target) is None
    path.write_bytes(wrong)
    assert run(RELU, folder) == "[]\n"
    [mended] = files_in(folder).values()
    assert mended != wrong
    assert run(RELU, folder) == "[]\n"
    assert files_in(folder) == {path: mended}


def test_a_folder_where_the_file_should_be(folder):
    path = next(path for path in files_in(folder) if "_activate" in path.name)
    content = path.read_bytes()
    path.unlink()
    path.mkdir()
    try:
        assert "compiled kernels cannot be kept (" in run(RELU, folder)
    finally:
        path.rmdir()
        path.write_bytes(content)


def test_a_full_disk_costs_a_warning(tmp_path):
    code = f"""
from minidl.kernels.cpu.simd import cache
def full(*arguments, **settings):
    raise OSError(28, "No space left on device")
cache.atomic_write = full
{RELU}"""
    found = run(code, tmp_path)
    assert found.count("compiled kernels cannot be kept ([Errno 28] No space left on device)") == 1
    assert "set NUMBA_CACHE_DIR" in found


def test_what_is_kept_hangs_on_all_that_became_part_of_it(monkeypatch):
    from minidl.kernels.cpu import elementwise, memory, norm
    from minidl.kernels.cpu.conv import grouped
    from minidl.kernels.cpu.simd import functions

    places = {"elementwise": elementwise._activate, "norm": norm._statistics, "grouped": grouped._grouped_dw}
    places["copies"] = memory.copies._runs

    def digests():
        return {name: cache.digest(kernel._function) for name, kernel in places.items()}

    def changed(target, name, value):
        with monkeypatch.context() as patch:
            patch.setattr(target, name, value)
            after = digests()
        return {name for name in before if before[name] != after[name]}

    before = digests()
    assert len(set(before.values())) == len(before)
    assert digests() == before
    assert changed(functions, "E5", np.float32(1)) == {"elementwise"}  # eˣ, three calls away
    assert changed(functions.exp, "py_func", functions.sigmoid.py_func) == {"elementwise"}
    assert changed(norm, "ROWS", 16) == {"norm"}
    assert changed(norm._moments, "py_func", norm._shares.py_func) == {"norm"}
    assert changed(memory.copies, "SMALL", 1) == set()  # a plan, which no kernel sees
    assert changed(cache, "_text_of_this_folder", lambda: "another compiler") == set(before)


def test_what_is_said_about_a_function_and_where_it_stands_do_not_count():
    def made(text):
        names = {"__name__": "somewhere"}
        exec(text, names)
        return cache._shape_of(names["f"])

    plain = made("def f(x):\n    'Add.'\n    return x + 1")
    assert made("\n\ndef f(x):  # much\n    'Add, with care.'\n\n    return x + 1") == plain
    assert made("def f(x):\n    'Add.'\n    return x + 2") != plain


def test_files_of_an_older_source_go_when_the_new_kernel_is_kept(folder):
    """But not those for another processor, which sees other numbers of registers in the same source."""
    path = next(path for path in files_in(folder) if "_activate" in path.name)
    kernel, processor, _source, kind = path.name.rsplit("-", 3)
    older, of_another = (path.with_name(f"{kernel}-{it}-older-{kind}") for it in (processor, "another"))
    for it in (older, of_another):
        it.write_bytes(b"")
    path.unlink()
    run(RELU, folder)
    assert path.exists()
    assert not older.exists()
    assert of_another.exists()


NUMBA_IS_NOT_USED = "kernels: the fast kernels cannot be used ("
LAYER = f"{NUMBA_IS_NOT_USED}Numba, for activate: "
SWITCHES = {
    "NUMBA_DISABLE_JIT=1": f"{NUMBA_IS_NOT_USED}NUMBA_DISABLE_JIT is set)",
    "NUMBA_NUM_THREADS=1": "[]",
    "NUMBA_NUM_THREADS=0": f"{NUMBA_IS_NOT_USED}Number of threads specified must be > 0.)",
    "NUMBA_THREADING_LAYER=none": f"{LAYER}The threading layer requested 'none' is unknown",
    "NUMBA_THREADING_LAYER_PRIORITY=omp": f"{LAYER}THREADING_LAYER_PRIORITY invalid",
    "NUMBA_CACHE_LOCATOR_CLASSES=none": "compiled kernels cannot be kept (no folder can be written to)",
    "NUMBA_CACHE_DIR=/dev/null/none": "",
    "NUMBA_OPT=none": "",
    "NUMBA_BOUNDSCHECK=1": "[]",
}


@pytest.mark.slow
@pytest.mark.parametrize("switch", SWITCHES)
def test_a_switch_of_numba_costs_a_warning_at_most(switch, folder):
    name, _, value = switch.partition("=")
    found = run(RELU, folder, **{name: value})
    assert SWITCHES[switch] in found
    assert found.count("kernels: ") <= 1


@pytest.mark.skipif("x86" not in os.uname().machine, reason="the features named here are those of x86 processors")
def test_code_that_the_processor_cannot_run_is_not_run(folder):
    # AMX is a feature of no processor that minidl is tested on; asking for all of AVX-512 would be no fault on many.
    code = RELU.replace("import warnings\n", "import warnings\nfrom minidl.kernels import _cpu\n", 1)
    code = code.replace("x = np", "_cpu._signal_of_a_trial = lambda: 4\n    x = np", 1)
    found = run(code, folder, NUMBA_CPU_FEATURES="+amx-tile")
    assert "cannot run what NUMBA_CPU_NAME or NUMBA_CPU_FEATURES asks for" in found


def test_a_trial_tells_the_signal(monkeypatch):
    monkeypatch.setattr(sys, "executable", "false")
    assert _cpu._signal_of_a_trial() == 0

    def killed(*_arguments, **_settings):
        return subprocess.CompletedProcess([], -4)

    monkeypatch.setattr(subprocess, "run", killed)
    assert _cpu._signal_of_a_trial() == 4


@pytest.fixture
def broken(monkeypatch):
    """A set whose next kernel cannot be compiled."""
    monkeypatch.setattr(_cpu.CPU, "_closed", "")
    monkeypatch.setattr(_ahead, "_start", lambda names: [])
    for kernel in compile.ALL.values():
        monkeypatch.setattr(kernel, "_run", None)

    def fails(*_):
        raise ValueError("LLVM has had enough\nand says so at length")

    monkeypatch.setattr(compile, "_parsed", fails)


REASON = r"^kernels: the fast kernels cannot be used \(Numba, for \w+: LLVM has had enough\); the textbook's serve"


@pytest.mark.usefixtures("broken")
def test_a_kernel_that_cannot_be_compiled_closes_the_room_with_one_warning(rng):
    x = rng.standard_normal((4, 8, 90, 90), dtype=np.float32)
    w = rng.standard_normal((16, 8, 3, 3), dtype=np.float32)
    with kernels.use("textbook"):
        expected = ops.conv2d(ops.relu(Tensor(x)), Tensor(w)).data
    with pytest.warns(RuntimeWarning, match=REASON) as told:
        found = [ops.conv2d(ops.relu(Tensor(x)), Tensor(w)).data for _ in range(2)]
    assert len(told) == 1
    np.testing.assert_array_equal(found[0], expected)
    np.testing.assert_array_equal(found[1], expected)
    assert _cpu.CPU.lack().startswith("Numba, for ")
    with warnings.catch_warnings(), kernels.use("cpu"):
        warnings.simplefilter("error")
        np.testing.assert_array_equal(ops.relu(Tensor(x)).data, np.maximum(x, 0))


def test_a_folded_network_goes_on_where_the_room_closes(rng, request):
    net = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16, activation="relu")).eval()
    folded = fuse(net, size=(3, 30, 30))
    x = Tensor(rng.standard_normal((2, 3, 30, 30), dtype=np.float32))
    expected = folded(x).data
    request.getfixturevalue("broken")
    with pytest.warns(RuntimeWarning, match=REASON):
        found = folded(x).data
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.usefixtures("broken")
def test_warmup_says_what_cannot_be_compiled():
    with pytest.raises(RuntimeError, match="^Numba, for _?\\w+: LLVM has had enough$"):
        list(kernels.warmup())


@pytest.mark.parametrize("stderr", ["None", "closed"])
def test_nobody_is_told_where_there_is_no_stderr(stderr, monkeypatch, tmp_path):
    stream = None
    if stderr == "closed":
        stream = open(tmp_path / "closed", "w")  # noqa: SIM115
        stream.close()
    monkeypatch.setattr(sys, "stderr", stream)
    with compile._announced("relu"):
        pass
