"""The environment variables that change what minidl does: data, for `minidl doctor` and docs/environment.md."""

from __future__ import annotations

OWN = {
    "MINIDL_NUM_THREADS": "how many threads kernels use; else all processors that the process may use",
    "MINIDL_WINOGRAD": "0: no convolution goes Winograd's way",
    "MINIDL_WORKSPACE": "MiB that a fast convolution may use beside its result, 64 if not set",
    "MINIDL_DRAFT": "0: JPEGs are decoded in full, also where a smaller picture is made of them",
    "MINIDL_REUSE_MEMORY": "0: freed memory goes back to the system instead of being used again",
    "MINIDL_TRACEBACK": "1: commands show where an error comes from",
    "MINIDL_STEPS": "a folder with exercises of a teacher's own, for `minidl learn`",
    "MINIDL_DATA": "the folder of larger data sets for the tests, which skip without it",
}
OTHERS = {
    "OPENBLAS_NUM_THREADS": "threads of NumPy's products, for OpenBLAS; OMP_NUM_THREADS is another name",
    "OPENBLAS_CORETYPE": "the processor OpenBLAS writes code for; a wrong one halves its speed",
    "NUMBA_CACHE_DIR": "where compiled kernels are kept; else beside minidl's files, or in the user's cache",
    "NUMBA_NUM_THREADS": "the most threads that Numba starts",
    "NUMBA_THREADING_LAYER": "omp, tbb or workqueue: who shares the work of kernels; else minidl's own threads",
    "OMP_WAIT_POLICY": "how OpenMP's threads wait, as GOMP_SPINCOUNT does; heeded with NUMBA_THREADING_LAYER=omp alone",
    "NUMBA_CPU_NAME": "another processor to compile for, with NUMBA_CPU_FEATURES",
    "NUMBA_DISABLE_JIT": "1: nothing is compiled, and the textbook's kernels serve",
    "CUDA_PATH": "where CuPy finds CUDA",
    "MPLBACKEND": "matplotlib's way to draw; minidl's own pictures do not ask it",
    "MPLCONFIGDIR": "where matplotlib keeps its list of fonts, which each process makes again if it cannot be written",
    "DISPLAY": "the desktop on which `minidl explore` opens its pages",
    "WAYLAND_DISPLAY": "the same, where the desktop is Wayland's",
    "NO_COLOR": "set: no colours on the terminal",
    "TERM": "dumb: plain lines, no bars",
    "COLUMNS": "the width of the terminal, if it does not say so itself",
}
