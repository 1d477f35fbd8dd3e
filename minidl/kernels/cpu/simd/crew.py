"""Who does the work that a kernel shares: the thread that calls it, and a crew of threads that wait for work.

Numba hands the loops of a kernel, cut into pieces, to threads: by itself to those of OpenMP. They wait in a busy
loop, and who has done its piece waits in one for the others. That is the quickest way as long as every thread has a
processor. On a machine that others use, too, the waiting threads take the processor from those that they wait for,
and a training step takes several times as long as with one thread. OpenMP is told how to wait before it is loaded, by
whoever loads it first, for good and for all. So minidl has a crew of its own, with three rules:

- **Whoever is free takes the next piece.** The caller takes pieces, too: what nobody has begun when it is done with its
  own it does itself. How work is cut does not depend on who does it, so results are the same to the bit. But it takes
  them from the front and the crew from the back: so a part of a picture comes to the same processor from one kernel to
  the next, as long as nobody is late, and lies in its cache. From another one's it comes at half the rate.
- **Wait briefly, then sleep.** To wake a thread takes 5 to 100 µs, so it spins (PATIENCE) in the hope of the next
  kernel.
- **In a crowd, sleep at once.** Each thread compares the time since it woke with the time that it had a processor.
  Where a twentieth is missing twice within 50 ms, others want the processors, and spinning is cut down (HURRY) for
  a quarter of a second, and longer where it is missing twice again: who sleeps misses little, and to forget a crowd
  is to spin in it.

A job is announced by one number that counts jobs (JOBS); whoever sleeps sleeps as long as that does not change.
Pieces are handed out by one number, too, in which the job, the first piece that is left and the end of those that are
left stand beside each other (CLAIM): a thread that wakes late finds that its job is over, and never touches what has
become of it. There is one crew. A call that finds it at work, for another Python thread, does all its pieces alone.
"""

from __future__ import annotations

import ctypes
import os
import platform
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

import llvmlite.binding
import numba
from numba.core.compiler_lock import global_compiler_lock

from minidl.kernels.cpu.simd.atomics import (
    BOARD,
    I8,
    add,
    board,
    do,
    get,
    now,
    put,
    ran,
    rest,
    sleep_while,
    swap,
    wake,
)
from minidl.kernels.cpu.simd.cache import KernelFiles

SYMBOL = "numba_parallel_for"  # the name by which Numba calls whoever shares work
LINUX = sys.platform == "linux" and platform.machine() == "x86_64"
NEWEST = (0, 68)  # of Numba: what it hands over is written down nowhere, so newer ones are not trusted unread

# Nanoseconds. A network's next kernel comes after 5 to 100 µs, that of a new batch after a millisecond.
PATIENCE, HURRY = 1_000_000, 20_000
WINDOW = 5_000_000  # awake, before it is judged
# Two misses within SOON are a crowd. One is remembered for MEMORY, and two misses within that prolong it.
SOON, MEMORY = 50_000_000, 250_000_000
LOST = 20  # a thread that misses one part in so many was not alone
WAITING = f"threads of its own, which spin for {PATIENCE // 1000} µs, in a crowd for {HURRY // 1000}, and then sleep"

# The crew's numbers, each on a cache line of its own: who writes one does not disturb who reads another.
LINE = 64
JOBS, CLAIM, DONE, ASLEEP, WAITED, TAKEN, CROWD, BAD, TASK = (LINE * place for place in range(9))
BOARD_SIZE = LINE * 9
PARTS = 4  # pieces for each thread, where a loop has more steps than there are threads


def divided(jobs: int, units: int, threads: int, fewest: int = 1) -> tuple[int, int]:
    """Return in how many parts the units of each job are worked on, and how many pieces all that work is handed out in.

    There is one part where jobs are enough for all threads. Else so many that there are enough, and no more than have
    the fewest units for which that pays; but as many for each thread, and one at least.

    Example:
        >>> divided(100, 36, 2), divided(1, 36, 2), divided(1, 12, 2, 4), divided(1, 1, 2)
        ((1, 8), (8, 8), (2, 2), (1, 1))
    """
    pieces = PARTS * threads
    most = min(-(-pieces // max(1, jobs)), units // fewest)
    parts = 1 if jobs >= pieces else min(units, max(1, most // threads) * threads)
    return parts, min(jobs * parts, pieces)


def compiled(function: Callable[..., Any]) -> Any:
    """Compile a function of numbers when it is called first, and keep it like a kernel."""
    dispatcher = numba.njit(nogil=True, error_model="numpy")(function)
    with suppress(Exception):  # there is no folder to keep it in, which kernels say
        dispatcher._cache = KernelFiles(function)
    return dispatcher


@compiled
def _do_pieces(home, calls):
    """Take pieces of the job and do them until none is left; return whether there was one.

    Who calls the kernel takes them from the front, the crew from the back.
    """
    any_done = False
    while True:
        claim = get(home + CLAIM)
        front, back = (claim >> 16) & 0xFFFF, claim & 0xFFFF
        if front >= back:
            return any_done
        if swap(home + CLAIM, claim, claim + 0x10000 if calls else claim - 1):
            # The job cannot end before this piece is done, so what is read now is of this job.
            piece = front if calls else back - 1
            at, size, pieces = home + TASK, get(get(home + TASK + 16)), get(home + TASK + 56)
            first, last = piece * size // pieces, (piece + 1) * size // pieces
            do(get(at), get(at + 8), get(at + 16), get(at + 24), get(at + 32), get(at + 40), get(at + 48), first, last)
            any_done = True
            if add(home + DONE, 1) + 1 == pieces and get(home + WAITED):
                wake(home + DONE, 1)


@compiled
def _spin(home, address, value, equal, since):
    """Look at a number until it is `value`, or is not; return False when it is time to sleep."""
    while True:
        for _ in range(16):
            if (get(address) == value) == equal:
                return True
            rest()
        moment = now()
        if moment - since > (HURRY if moment < get(home + CROWD) else PATIENCE):
            return False


@compiled
def _crowd_until(moment, last, known):
    """Return until when it is a crowd, where time is missing now and was at `last`, and one is `known` until then."""
    near = moment - last < (MEMORY if moment < known else SOON)
    return moment + MEMORY if near else known


@compiled
def _serve(home):
    """Do pieces of whatever job there is, until the process ends: the life of a thread of the crew."""
    seen, since = get(home + JOBS), now()
    began, had = since, ran()
    while True:
        if not _spin(home, home + JOBS, seen, False, since):
            add(home + ASLEEP, 1)
            slept = now()
            sleep_while(home + JOBS, seen)
            add(home + ASLEEP, -1)
            since = now()
            began += since - slept  # only the time awake is judged
        if get(home + JOBS) != seen:
            seen = get(home + JOBS)
            if _do_pieces(home, False):
                since = now()
            if now() - began > WINDOW:
                moment, has = now(), ran()
                if (moment - began - (has - had)) * LOST > moment - began:
                    put(home + CROWD, _crowd_until(moment, get(home + BAD), get(home + CROWD)))
                    put(home + BAD, moment)
                began, had = moment, has


@compiled
def _share(task, arrays, sizes, steps, data, inner, count, threads):
    """Do a job for Numba: what it calls `numba_parallel_for`. All are addresses, or numbers."""
    home, size = board(), get(sizes)
    if size <= 1 or threads <= 1 or not swap(home + TAKEN, 0, 1):
        do(task, arrays, sizes, steps, data, inner, count, 0, size)
        return
    given = (task, arrays, sizes, steps, data, inner, count)
    for place in range(7):
        put(home + TASK + 8 * place, given[place])
    put(home + DONE, 0)
    put(home + WAITED, 0)
    pieces = min(size, threads * (PARTS if size > threads else 1))
    put(home + TASK + 56, pieces)
    put(home + CLAIM, ((get(home + JOBS) + 1) << 32) | pieces)
    add(home + JOBS, 1)
    if get(home + ASLEEP):
        wake(home + JOBS, min(pieces, threads) - 1)
    _do_pieces(home, True)
    if not _spin(home, home + DONE, pieces, True, now()):
        swap(home + WAITED, 0, 1)
        done = get(home + DONE)
        while done != pieces:
            sleep_while(home + DONE, done)
            done = get(home + DONE)
    put(home + TAKEN, 0)


# How it begins

_libc = ctypes.CDLL(None)
_libc.aligned_alloc.restype = ctypes.c_void_p
# Never given back: threads look at it until the process has ended.
HOME: int = _libc.aligned_alloc(LINE, BOARD_SIZE) if LINUX else 0
_beginning = threading.Lock()
_hired = [0]  # threads beside those that call kernels
_entry: list[int] = []  # the address of `_share`, once it is compiled
_failed: list[str] = []


def lack() -> str:
    """Say why Numba's own threads share the work of kernels; "" where the crew does."""
    if told := os.environ.get("NUMBA_THREADING_LAYER"):
        return f"NUMBA_THREADING_LAYER={told} decides that"
    if not LINUX:
        return "minidl's crew sleeps by calls of Linux on x86-64"
    if numba.version_info.short > NEWEST:
        return f"minidl's crew knows Numba up to {'.'.join(map(str, NEWEST))}"
    return _failed[0] if _failed else ""


@contextmanager
def sharing() -> Iterator[None]:
    """Let kernels that are compiled or read inside the block share their work among the crew.

    Numba finds who shares work by a name, when it makes code ready to run; its own threads must be known before. The
    name stands for the crew for no longer than the block, and nobody else compiles meanwhile: what users compile with
    Numba keeps Numba's threads.
    """
    if lack() or not _begun():
        yield
        return
    with global_compiler_lock:
        before = llvmlite.binding.address_of_symbol(SYMBOL)
        llvmlite.binding.add_symbol(SYMBOL, _entry[0])
        try:
            yield
        finally:
            llvmlite.binding.add_symbol(SYMBOL, before)


def _begun() -> bool:
    """Compile what the crew does, or read it; tell whether that went well."""
    with _beginning:
        if not _entry and not _failed:
            try:
                llvmlite.binding.add_symbol(BOARD, HOME)
                _entry.append(address_of(_share, 8))
            except Exception as error:  # a version, a machine: Numba's own threads serve
                _failed.append(str(error).strip().partition("\n")[0] or type(error).__name__)
    return bool(_entry)


def address_of(function: Any, numbers: int) -> int:
    """Return the address of a compiled function of some numbers, as C calls it."""
    function.compile((I8,) * numbers)
    [code] = function.overloads.values()
    return code.library.get_pointer_to_function(code.fndesc.llvm_cfunc_wrapper_name)


def hire(threads: int) -> None:
    """See to it that there are so many threads, the caller among them; where no more can be had, others do the work.

    They are threads of the system that Python does not know, and signals are not for them.
    """
    if threads - 1 <= _hired[0] or lack() or not _begun():
        return
    with _beginning:
        before = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        try:
            life, handle = ctypes.c_void_p(address_of(_serve, 1)), ctypes.c_ulong()
            for _ in range(_hired[0], threads - 1):
                if _libc.pthread_create(ctypes.byref(handle), None, life, ctypes.c_void_p(HOME)) != 0:
                    break
                _libc.pthread_detach(handle)
                _hired[0] += 1
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _forget() -> None:
    """Begin anew; in a process that was forked, too, for the crew did not come along."""
    ctypes.memset(HOME, 0, BOARD_SIZE)
    _hired[0] = 0


if LINUX:
    _forget()
    os.register_at_fork(after_in_child=_forget)
