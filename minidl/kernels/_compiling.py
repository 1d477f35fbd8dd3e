"""What those are told who wait while kernels are compiled, and how to compute without compiling."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

seconds = [0.0]  # what the compiler has taken in this process
telling: list[Callable[[str | None], None]] = []  # who shows what is compiled: told the name of a kernel, then None
rehearsing: ContextVar[dict[str, Any] | None] = ContextVar("kernels_rehearsing", default=None)  # see `rehearsal`
