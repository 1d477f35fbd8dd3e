"""What every measurement has to say about where it was made."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version

# Settings that make OpenBLAS choose kernels for another processor than the one it runs on.
MISLEADING = ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE")


def honest_environment() -> dict[str, str]:
    """Return the environment without the settings that mislead the BLAS."""
    return {name: value for name, value in os.environ.items() if name not in MISLEADING}


def start_again_without_misleading_settings(module: str) -> None:
    """Run the module in a fresh process if the environment misleads the BLAS, which reads it when NumPy is loaded."""
    if any(name in os.environ for name in MISLEADING):
        os.execve(sys.executable, [sys.executable, "-m", module, *sys.argv[1:]], honest_environment())


def processor() -> str:
    """Return the name of the processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            return next(line.split(":", 1)[1].strip() for line in file if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


def describe() -> list[str]:
    """Return lines about the machine, the versions, and the BLAS and its kernels."""
    import numpy  # noqa: F401 - loads its BLAS, so that threadpoolctl sees it

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    lines = [f"machine   {processor()}, {cores} cores{load}, {platform.system()} {platform.release()}"]
    versions = []
    for package in ("numpy", "numba", "scipy", "torch", "torchvision", "timm", "onnxruntime"):
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"no {package}")
    lines.append(f"versions  Python {platform.python_version()}, {', '.join(versions)}")
    try:
        from threadpoolctl import threadpool_info
    except ModuleNotFoundError:  # where a machine was set up for the GPU alone
        return lines
    for library in threadpool_info():
        if library["user_api"] == "blas":
            kernels = library.get("architecture", "?")
            lines.append(
                f"BLAS      {library['internal_api']} {library['version']}, kernels for {kernels}, "
                f"{library['num_threads']} threads"
            )
    return lines
