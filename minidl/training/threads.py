"""How many threads compute: one number for NumPy's BLAS and for the kernels."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from minidl import _threads


@contextmanager
def hold_threads(number: int | None) -> Iterator[None]:
    """Hold NumPy's BLAS and the kernels to a number of threads inside the block; None leaves them as they are.

    More than there are processors are not started. SciPy's copy of the BLAS, which kernels call from threads of their
    own, stays as it is: with one thread.

    Example:
        >>> with hold_threads(1):
        ...     _threads.get_num_threads()
        1
    """
    if number is None:
        yield
        return
    from threadpoolctl import ThreadpoolController

    before, number = _threads.get_num_threads(), min(number, _threads.available())
    libraries = ThreadpoolController().select(user_api="blas")
    paths = [library.filepath for library in libraries.lib_controllers]
    of_numpy = [path for path in paths if "scipy" not in os.path.dirname(path)]
    with libraries.select(filepath=of_numpy or paths).limit(limits=number):
        _threads.set_num_threads(number)
        try:
            yield
        finally:
            _threads.set_num_threads(before)
