"""Compiling ahead: what one process will need is compiled by others, on the processors that it leaves idle.

A compiler uses one processor. So while a process waits for its first kernel, helpers begin with the last of those that
it will need; what they have compiled is kept on disk, and is read when its turn comes. No kernel is compiled twice, for
each has a lock (`cpu/simd/cache.py`). Nothing hangs on a helper: where none can be started, or one fails, the process
compiles for itself.
"""

from __future__ import annotations

import atexit
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from minidl import _threads
from minidl.kernels import _sets

MOST, FEWEST = 4, 3  # helpers; kernels for which one is worth its start
STEP = (  # what a step of training needs of a network with convolutions, in this order
    *("packing._pack", "copies._turned", "direct._direct", "norm._statistics", "norm._normalise", "max_pool._max"),
    "small._small",  # where registers are short; helpers come to it last
    *("winograd._transform_weights", "winograd._winograd", "winograd._winograd_few", "avg_pool._average"),
    *("linear._dots", "loss._cross_entropy", "loss._cross_entropy_dx", "linear._weight_gradient", "linear._times"),
    *("copies._runs", "avg_pool._average_dx", "norm._parameter_gradients", "norm._input_gradient"),
    "running._batch_norm_running",
    *("packing._pack_backward", "direct_dw._direct_dw", "winograd_dw._winograd_dw"),
    *("winograd_dw._transform_back", "packing._unpack", "packing._unpack_turned"),
    *("elementwise._add", "max_pool._max_dx", "update._sgd"),
)
BEGINS = STEP[0]  # who needs this one has begun with such a network
PROGRAM = "import sys; sys.path[:] = {path!r}; from minidl.kernels._ahead import help; help({names!r})"

_asked = [False]  # whether this process has asked for help by itself, or is a helper


@contextmanager
def helped(names: Sequence[str]) -> Iterator[None]:
    """Have helpers compile kernels meanwhile, the last ones first, and end them then."""
    helpers = _start(names)
    try:
        yield
    finally:
        _end(helpers)


def ask_once(name: str) -> None:
    """Have a step of training compiled ahead, where a process has to compile its first kernel and begins with such."""
    if name == BEGINS and not _asked[0]:
        _asked[0] = True
        atexit.register(_end, _start(STEP))


def compiled(kernels: dict[str, Any]) -> Iterator[str]:
    """Compile kernels with the help of others, and yield the name of each when it is there, those of others last."""
    missing = [name for name, kernel in kernels.items() if not kernel.is_kept()]
    _asked[0] = True
    with helped(missing):
        late = [name for name in missing if not kernels[name].compile_if_free()]
        for name in (*(name for name in kernels if name not in late), *late):
            kernels[name].compile()
            yield name


def _start(names: Sequence[str]) -> list[subprocess.Popen[bytes]]:
    """Start a helper for each further processor, of which each begins at another place."""
    count = min(_threads.available() - 1, len(names) // FEWEST, MOST)
    if count < 1 or not sys.executable or getattr(sys, "frozen", False):
        return []
    helpers = []
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # a helper's threads have nothing to do
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    for number in range(count):
        first = len(names) * number // count
        order = [*names[first:], *names[:first]][::-1]
        code = PROGRAM.format(path=sys.path, names=order)
        with suppress(OSError):
            helpers.append(subprocess.Popen([sys.executable, "-c", code], env=environment, **quiet))  # type: ignore
    return helpers


def _end(helpers: Iterable[subprocess.Popen[bytes]]) -> None:
    for helper in helpers:
        helper.terminate()
    for helper in helpers:
        helper.wait()


def help(names: Sequence[str]) -> None:
    """Compile those kernels that nobody has compiled yet, as long as the process is there that has asked for it."""
    _asked[0], asker, kernels = True, os.getppid(), _sets.every()
    for name in names:
        if os.getppid() == asker and name in kernels:
            kernels[name].compile_if_free()
