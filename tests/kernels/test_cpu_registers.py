"""Kernels for processors with other registers than this one: the same sums, more or fewer of them side by side."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from minidl.kernels.cpu.conv import direct_dw, pixels, small, turns, winograd, winograd_dw
from minidl.kernels.cpu.linear import BESIDE
from minidl.kernels.cpu.simd import registers
from minidl.kernels.cpu.simd.vector import LANES

ROOT = Path(__file__).resolve().parents[2]
OTHER = """
import sys
from importlib.util import module_from_spec, spec_from_file_location
import numba
spec = spec_from_file_location("minidl.kernels.cpu.simd.registers", "minidl/kernels/cpu/simd/registers.py")
registers = module_from_spec(spec)
spec.loader.exec_module(registers)
registers.WIDE, registers.PAIR = not registers.WIDE, 3 - registers.PAIR
registers.FEATURES = registers.FEATURES.replace("+avx512f", "")  # no instruction that only one of them has
sys.modules[spec.name] = registers  # before kernels ask for it
from minidl.kernels.cpu.conv import turns
assert turns.WINDOWS == registers.fitting(7, 6) and turns.PAIR == registers.PAIR
import pytest
sys.exit(pytest.main(["-q", "-x", "-n", "0", "-p", "no:cacheprovider", *sys.argv[1:]]))
"""


def test_sums_and_what_is_loaded_fit():
    held, loaded = (32, 3) if registers.WIDE else (8, 1.5)  # a vector of weights for each of a pair, and one number
    sums = {
        "direct": registers.PAIR * turns.WINDOWS,
        "direct dw": registers.PAIR * direct_dw.ROWS,
        "small": registers.PAIR * small.PICTURES,
        "Winograd": registers.PAIR * winograd.MORE,
        "Winograd dw": registers.PAIR * winograd_dw.COLUMNS,
        "linear": BESIDE,
    }
    assert {name: count for name, count in sums.items() if count + loaded > held} == {}
    crosswise = pixels.VECTORS * pixels.PIXELS * LANES // registers.FLOATS + pixels.PIXELS + 1  # one of weights
    assert crosswise <= (16 if registers.FLOATS == 8 else 32)
    assert winograd.ROWS <= winograd.MORE
    assert LANES % winograd_dw.COLUMNS == 0  # they must not cross a block of channels
    assert direct_dw.PLANE == direct_dw.PER_PLANE * direct_dw.ROWS <= LANES  # a plane is written a vector at a time


@pytest.mark.slow
def test_kernels_for_other_registers_equal_the_textbook(tmp_path):
    files = [f"tests/kernels/test_cpu_{name}.py" for name in ("conv", "small", "widened", "linear", "elementwise")]
    files.append("tests/kernels/test_use.py")
    environment = {**os.environ, "NUMBA_CACHE_DIR": str(tmp_path)}  # what is compiled there is for no processor
    command = [sys.executable, "-c", OTHER, *files]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    assert "[100%]" in done.stdout
