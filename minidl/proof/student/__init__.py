"""Check a student's own functions: a file with `conv2d`, `im2col` … under the names and signatures of the kernels.

cases.py      the geometries, the simple ones first
watch.py      loads the file and watches every call: signature, arguments, shapes, types, values
mistakes.py   what comes out if the stride is forgotten, the kernel is flipped, the padding is counted …
checks.py     what is checked of each function: the loops, the adjoint identity, finite differences
lrn.py, batch_norm.py, rows.py, simple.py   checks and mistakes of functions without windows: norms, losses, steps
network.py    a network of minidl's by its name, or one from a file
examine.py    one function with numbers of any seed: what is wrong, the mistake by name, the smallest case by hand
runner.py     runs the checks and turns what happens into verdicts
"""

from minidl.proof.student.runner import Result, check_file, known_in

__all__ = ["Result", "check_file", "known_in"]


def __dir__() -> list[str]:
    return [*__all__]
