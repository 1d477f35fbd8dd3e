"""Where compiled kernels are kept between processes, so that a machine compiles each of them once.

Numba keeps compiled functions itself, but believes what it reads: a file that a power cut or a full disk has cut short
ends every later run with a traceback, and a function is taken for fresh as long as its own file has not changed, though
others that became part of it have. So minidl keeps Numba's results in files of its own, one for each kernel:

    <file>.<kernel>.cpython-311-<processor>-<source>-<kind>.kernel    a SHA-256 of this name and of what follows,
                                                                      Numba's pickle

`processor` stands for its name and features, of which several may share a folder; `source` for all that became part of
the kernel (see `digest`), so a newer minidl compiles anew only what has changed, and removes what was there for this
processor; `kind` for the signature and the versions of Numba and LLVM. A file that does not hold what its checksum
promises counts as missing, whatever is wrong with it; a file that cannot be written costs one warning.

Several processes may want the same kernel at once. Each takes a lock before it compiles one, and those that have waited
read what the first has written.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import pickle
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import caching

from minidl._files import atomic_write

PATIENCE = 60.0  # seconds that a process waits for another one, which may have been stopped
# Files that serve kernels and are part of none: they may change without them.
OUTSIDE = ("cache.py", "crew.py", "sequence.py")


class KernelFiles(caching.FunctionCache):
    """What Numba asks for a compiled function, and gives one to keep: the files of one kernel.

    Raises:
        RuntimeError: if there is no folder that can be written to.
    """

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled function, or None where it has to be compiled."""
        try:
            target_context.refresh()
            path = self._path(sig, target_context.codegen())
            content = path.read_bytes()
            if checksum(path, content[32:]) != content[:32]:
                return None
            return self._impl.rebuild(target_context, pickle.loads(content[32:]))
        except Exception:  # whatever is wrong with a kept file, or with what Numba makes of it: it is compiled anew
            return None

    def has(self, sig: Any, target_context: Any) -> bool:
        """Tell whether there is a file of the compiled function; whether it is sound is seen when it is read."""
        try:
            target_context.refresh()
            return self._path(sig, target_context.codegen()).is_file()
        except Exception:  # as above
            return False

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep a compiled function, and remove those of older sources for this processor."""
        try:
            if not self._impl.check_cachable(data):
                return
            self._impl.locator.ensure_cache_path()
            path, content = self._path(sig, data.codegen), caching.dumps(self._impl.reduce(data))
            with atomic_write(path) as temporary:
                temporary.write_bytes(checksum(path, content) + content)
            self._remove(self._of(data.codegen), but=self._stem(data.codegen))
        except Exception as error:  # a full disk, a folder that is gone: this process has its kernel all the same
            warn_unkept(str(error) or type(error).__name__)

    @contextmanager
    def alone(self, patience: float = PATIENCE, waiting: Callable[[], None] | None = None) -> Iterator[bool]:
        """Take turns with other processes that want to compile this kernel.

        Args:
            patience: so many seconds to wait for one that is compiling it.
            waiting: called first, if there is one.

        Yields:
            Whether nobody else is compiling it. What cannot be locked is not locked.
        """
        with ExitStack() as stack:
            free = True
            with suppress(OSError, ImportError):  # Windows, or a folder on a disk far away
                import fcntl

                self._impl.locator.ensure_cache_path()
                file = stack.enter_context(open(Path(self.cache_path) / "compiling.lock", "ab"))
                waiting = waiting or _nothing
                place, end = int(_short(self._base())[:7], 16), time.monotonic() + patience  # a byte of the file
                while not (free := _taken(fcntl, file, place)) and time.monotonic() < end:
                    waiting()
                    waiting = _nothing
                    time.sleep(0.02)
            yield free

    def flush(self) -> None:
        """Remove all files of this kernel."""
        self._remove(self._base(), but="/")

    def _remove(self, begin: str, but: str) -> None:
        for path in Path(self.cache_path).glob(f"{begin}-*.kernel"):
            if not path.name.startswith(but):
                path.unlink(missing_ok=True)

    def _base(self) -> str:
        file, name = self._py_func.__module__.rpartition(".")[2], self._py_func.__qualname__
        return f"{file}.{re.sub('[<>]', '', name)}.{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}"

    def _of(self, codegen: Any) -> str:
        return f"{self._base()}-{_short(repr(codegen.magic_tuple()))}"  # Numba's words for a processor and its features

    def _stem(self, codegen: Any) -> str:
        return f"{self._of(codegen)}-{self._digest}-"

    @functools.cached_property
    def _digest(self) -> str:
        return digest(self._py_func)

    def _path(self, sig: Any, codegen: Any) -> Path:
        versions = numba.__version__, llvmlite.__version__, int(numba.config.OPT)
        return Path(self.cache_path) / f"{self._stem(codegen)}{_short(repr((sig, versions)))}.kernel"


def _nothing() -> None:
    """Say nothing."""


def _taken(fcntl: Any, file: Any, place: int) -> bool:
    """Lock one byte of a file until it is closed, if nobody else has."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
    except BlockingIOError:
        return False
    return True


def checksum(path: Path, content: bytes) -> bytes:
    """Return 32 bytes that stand for the content of a file and for its name, so that no file is taken for another."""
    return hashlib.sha256(path.name.encode() + content).digest()


def digest(function: Callable[..., Any]) -> str:
    """Return a few letters that change with whatever becomes part of a kernel, and with nothing else.

    That is its own byte code and that of all it calls, with the numbers that these name, and the text of this folder,
    which turns them into machine code. Comments, doors and what plans the work of a kernel may change as they like.
    """
    parts, found, waiting = [_text_of_this_folder()], {function}, [function]
    while waiting:
        one = waiting.pop()
        parts.append(_shape_of(one))
        for name in sorted(set(one.__code__.co_names) & one.__globals__.keys()):
            value = one.__globals__[name]
            called = getattr(value, "py_func", None) or getattr(value, "_defn", None)  # of @inline, of an @intrinsic
            if called is None:
                parts.append(f"{name}={_plain(value)}")
            elif called not in found:
                found.add(called)
                waiting.append(called)
    return _short("\n".join(parts))


def _shape_of(function: Callable[..., Any]) -> str:
    """Return all of a function that tells in its results: not the lines where it stands, nor what is said about it."""
    code, cells = function.__code__, function.__closure__ or ()
    constants = [it for it in code.co_consts if it != function.__doc__ and not inspect.iscode(it)]
    names = code.co_names, code.co_varnames, code.co_freevars, [_plain(cell.cell_contents) for cell in cells]
    return repr((function.__module__, function.__qualname__, code.co_code, constants, names))


def _plain(value: Any) -> str:
    """Return a number, or several, as text; of anything else what it is."""
    if isinstance(value, (bool, int, float, complex, str, bytes, np.generic, type(None))):
        return repr(value)
    if isinstance(value, (tuple, list)):
        return f"({', '.join(map(_plain, value))})"
    fields = getattr(value, "_fields", "")  # of a NamedTuple
    return f"{getattr(value, '__qualname__', type(value).__name__)}{fields}"


@functools.cache
def _text_of_this_folder() -> str:
    files = sorted(Path(__file__).parent.glob("*.py"))
    return "".join(path.read_text(encoding="utf-8") for path in files if path.name not in OUTSIDE)


def _short(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@functools.cache
def warn_unkept(reason: str) -> None:
    """Say once for each reason that compiled kernels are not kept."""
    warnings.warn(
        f"kernels: compiled kernels cannot be kept ({reason}), so every process compiles them again; "
        f"set NUMBA_CACHE_DIR to a folder that can be written to",
        RuntimeWarning,
        stacklevel=2,
    )
