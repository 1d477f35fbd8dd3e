"""How many threads the kernels may use."""

from __future__ import annotations

import os

from minidl._checks import to_int

_number: int | None = None


def available() -> int:
    """Return the number of processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def set_num_threads(n: int) -> None:
    """Set how many threads each kernel uses from now on, in every Python thread.

    Results are the same, to the bit, as long as the number of threads is. The default is MINIDL_NUM_THREADS of the
    environment, else the number of processors that this process may use. More threads than processors are refused:
    they would only wait for each other.

    Raises:
        ValueError: if n is below 1 or above the number of processors.

    Example:
        >>> before = get_num_threads()
        >>> set_num_threads(1)
        >>> get_num_threads()
        1
        >>> set_num_threads(before)
    """
    global _number
    _number = _judged("set_num_threads", "n", n)


def get_num_threads() -> int:
    """Return how many threads each kernel uses.

    Raises:
        ValueError: if MINIDL_NUM_THREADS is set and no number from 1 to the number of processors.

    Example:
        >>> get_num_threads() >= 1
        True
    """
    global _number
    if _number is None:
        text = os.environ.get("MINIDL_NUM_THREADS", "").strip()
        value = int(text) if text.isdigit() else text
        _number = _judged("get_num_threads", "MINIDL_NUM_THREADS", value) if text else available()
    return _number


def _judged(operation: str, name: str, n: object) -> int:
    n = to_int(operation, name, n, least=1)
    if n > available():
        raise ValueError(f"{operation}: {name} must be at most {available()}, the processors here; received {name}={n}")
    return n
