"""Where compiled kernels are kept between processes, so that a machine compiles each of them once.

Numba keeps compiled functions itself, but believes what it reads: a file that a power cut or a full disk has cut short
ends every later run with a traceback, and a function is taken for fresh as long as its own file has not changed, though
others that became part of it have. So minidl keeps Numba's results in files of its own, one for each kernel:

    <file>.<kernel>.cpython-311-<source>-<kind>.kernel        a SHA-256 of this name and of what follows, Numba's pickle

`source` stands for the text of the kernel's own file and of all that it imports, directly or through others; `kind` for
the signature, the versions of Numba and LLVM, the processor and its features. A file that does not hold what its
checksum promises counts as missing, whatever is wrong with it; a file that cannot be written costs one warning.
"""

from __future__ import annotations

import functools
import hashlib
import inspect
import pickle
import re
import sys
import warnings
from pathlib import Path
from typing import Any

import llvmlite
import numba
from numba.core import caching

from minidl._files import atomic_write

IMPORTED = re.compile(r"^from (minidl\.kernels\.[\w.]+) import (?:\(([\w,\s]+)\)|([\w, ]+)$)", re.MULTILINE)


OUTSIDE = ("minidl.kernels.cpu.simd.crew",)  # is called by kernels, and part of none: it may change without them


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
        """Keep a compiled function, and remove those of older sources."""
        try:
            if not self._impl.check_cachable(data):
                return
            self._impl.locator.ensure_cache_path()
            path, content = self._path(sig, data.codegen), caching.dumps(self._impl.reduce(data))
            with atomic_write(path) as temporary:
                temporary.write_bytes(checksum(path, content) + content)
            self._remove(but=self._stem())
        except Exception as error:  # a full disk, a folder that is gone: this process has its kernel all the same
            warn_unkept(str(error) or type(error).__name__)

    def flush(self) -> None:
        """Remove all files of this kernel."""
        self._remove(but="/")

    def _remove(self, but: str) -> None:
        for path in Path(self.cache_path).glob(f"{self._base()}-*.kernel"):
            if not path.name.startswith(but):
                path.unlink(missing_ok=True)

    def _base(self) -> str:
        file, name = self._py_func.__module__.rpartition(".")[2], self._py_func.__qualname__
        return f"{file}.{re.sub('[<>]', '', name)}.{sys.implementation.cache_tag}{getattr(sys, 'abiflags', '')}"

    def _stem(self) -> str:
        return f"{self._base()}-{digest(self._py_func.__module__)}-"

    def _path(self, sig: Any, codegen: Any) -> Path:
        # Numba's own key: the signature, the processor and its features, the byte code and what it closes over.
        key = repr((self._index_key(sig, codegen), numba.__version__, llvmlite.__version__, int(numba.config.OPT)))
        return Path(self.cache_path) / f"{self._stem()}{_short(key)}.kernel"


def checksum(path: Path, content: bytes) -> bytes:
    """Return 32 bytes that stand for the content of a file and for its name, so that no file is taken for another."""
    return hashlib.sha256(path.name.encode() + content).digest()


@functools.cache
def digest(module: str) -> str:
    """Return a few letters that change with the text of a kernel file or of one that it imports."""
    return _short("".join(_text(name) for name in sorted(_reached(module))))


def _reached(module: str) -> set[str]:
    """Return the names of a kernel file and of all kernel files that it imports, directly or through others."""
    found, waiting = set(), [module]
    while waiting:
        name = waiting.pop()
        if name not in found and (name == module or name not in OUTSIDE):
            found.add(name)
            for place, several, one in IMPORTED.findall(_text(name)):
                # What is imported is a file of that folder, or else something in that file.
                names = (f"{place}.{part.split()[0]}" for part in (several or one).split(",") if part.strip())
                waiting += [file for file in names if file in sys.modules] or [place]
    return found


@functools.cache
def _text(module: str) -> str:
    return inspect.getsource(sys.modules[module])


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
