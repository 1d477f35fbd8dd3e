"""A vector of sixteen numbers inside Numba: sixteen channels at once.

The processor adds, multiplies and compares sixteen floats in one instruction (AVX-512; two with AVX2, four with NEON:
LLVM splits what is too wide). Left alone, the compiler finds such code for simple loops only. With an explicit type the
author says it:

    acc = splat(np.float32(0))
    for tap in range(9):
        acc = fma(load(x, at(tap)), load(w, 16 * tap), acc)        # sixteen channels of one depthwise convolution
    store(y, place, acc)

`+ - * /` work as written, and `a > b` gives a mask, sixteen times yes or no, for `where(mask, a, b)`. Sums that must
not lose digits are made of doubles: `widen` turns sixteen floats into sixteen of them, `narrow` turns these back.

Numba is told of a new type in three steps: a type for the compiler's bookkeeping, a model that says what it is in
memory (LLVM's `<16 x float>`), and for every operation the instruction to emit. All that is decided per type stands in
the table `KINDS`. How vectors come from memory and
go back is in `load_store.py`; the functions that networks need of them (eˣ and what is made of it) in `functions.py`.
"""

from __future__ import annotations

import functools
import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.registers import FEATURES

LANES = 16
FAST_FLAGS = ("reassoc", "nsz", "arcp", "contract")
BYTES, INTEGERS = (ir.VectorType(ir.IntType(bits), LANES) for bits in (8, 32))


class VectorType(types.Type):
    """A type as the compiler knows it: its name, LLVM's type, and how that is called in the names of functions."""

    def __init__(self, name: str, lane: Any, code: str):
        super().__init__(name=name)
        self.llvm, self.code = ir.VectorType(lane, LANES), f"v{LANES}{code}"


VECTOR = VectorType("Vector16", ir.FloatType(), "f32")
DOUBLES = VectorType("Doubles16", ir.DoubleType(), "f64")
MASK = VectorType("Mask16", ir.IntType(1), "i1")

KINDS = {types.float32: VECTOR, types.float64: DOUBLES, types.uint8: VECTOR}  # of an array's lanes, once loaded
LLVM_TYPE = VECTOR.llvm
LARGEST = np.finfo(np.float32).max


@register_model(VectorType)
class VectorModel(models.PrimitiveModel):
    """What it is in memory."""

    def __init__(self, manager: Any, numba_type: Any):
        super().__init__(manager, numba_type, numba_type.llvm)


# Arithmetic


def spread(builder: Any, number: Any) -> Any:
    """Emit a vector of sixteen times a number."""
    undefined = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(INTEGERS, [0] * LANES))


def repeater(width: int, offset: int) -> Any:
    """Make the function that fills each `width` lanes of a vector with the one of them that stands at `offset`."""
    lanes = [lane // width * width + offset for lane in range(LANES)]

    @intrinsic
    def repeat(typing, vector):
        def emit(context, builder, sig, args):
            return builder.shuffle_vector(args[0], ir.Constant(LLVM_TYPE, ir.Undefined), ir.Constant(INTEGERS, lanes))

        return VECTOR(VECTOR), emit

    return repeat


@intrinsic
def splat(typing, number):
    """Return sixteen times the same number."""
    return KINDS[number](number), lambda context, builder, sig, args: spread(builder, args[0])


@intrinsic
def fma(typing, a, b, c):
    """Return a * b + c, rounded once."""

    def emit(context, builder, sig, args):
        kind = sig.return_type
        function = ir.FunctionType(kind.llvm, [kind.llvm] * 3)
        return builder.call(cgutils.get_or_insert_function(builder.module, function, f"llvm.fma.{kind.code}"), args)

    return a(a, a, a), emit


def _instruction(python_operator: Any, instruction: str, flags: tuple[str, ...]) -> None:
    """Let `a + b` of two vectors be one instruction."""

    @infer_global(python_operator)
    class _Types(AbstractTemplate):
        def generic(self, args, kws):
            if args in ((VECTOR, VECTOR), (DOUBLES, DOUBLES)):
                return signature(args[0], *args)
            return None

    @lower_builtin(python_operator, VectorType, VectorType)
    def _emit(context, builder, sig, args):
        return getattr(builder, instruction)(*args, flags=flags)


_instruction(operator.add, "fadd", FAST_FLAGS)
_instruction(operator.sub, "fsub", FAST_FLAGS)
_instruction(operator.mul, "fmul", FAST_FLAGS)
_instruction(operator.truediv, "fdiv", FAST_FLAGS)


def _of_one(name: str) -> Any:
    """Make the function of a vector that LLVM has under that name."""

    @intrinsic
    def function(typing, a):
        def emit(context, builder, sig, args):
            kind = sig.return_type
            llvm = ir.FunctionType(kind.llvm, [kind.llvm])
            return builder.call(cgutils.get_or_insert_function(builder.module, llvm, f"llvm.{name}.{kind.code}"), args)

        return a(a), emit

    return function


_root = _of_one("sqrt")
nearest = _of_one("roundeven")  # to the nearest whole number
absolute = _of_one("fabs")


@intrinsic
def widen(typing, a):
    """Return sixteen floats as doubles."""
    return DOUBLES(VECTOR), lambda context, builder, sig, args: builder.fpext(args[0], DOUBLES.llvm)


@intrinsic
def narrow(typing, a):
    """Return sixteen doubles as floats."""
    return VECTOR(DOUBLES), lambda context, builder, sig, args: builder.fptrunc(args[0], VECTOR.llvm)


@intrinsic
def _scaled_in_halves(typing, p, n):
    """Return p·2ⁿ for whole numbers n from -252 to 254 as p·2^⌊n/2⌋·2^⌈n/2⌉; NaN if p is.

    Behind 2²³ floats are whole numbers, and so n + 1.5·2²³ has n in its last bits. A float has its exponent, plus 127,
    in the bits before the last 23. Nothing may be done in another order, or 2ⁿ would overflow: whatever has no flag is
    given all of them later, so these have the harmless one.
    """

    def emit(context, builder, sig, args):
        (p, n), one = args, functools.partial(ir.Constant, INTEGERS)
        magic = builder.fadd(n, ir.Constant(LLVM_TYPE, [1.5 * 2**23] * LANES), flags=("contract",))
        both = builder.sub(builder.bitcast(magic, INTEGERS), one([0x4B400000 - 254] * LANES))
        half = builder.lshr(both, one([1] * LANES))
        for exponent in (half, builder.sub(both, half)):
            power = builder.bitcast(builder.shl(exponent, one([23] * LANES)), LLVM_TYPE)
            p = builder.fmul(p, power, flags=("contract",))
        return p

    return VECTOR(VECTOR, VECTOR), emit


@intrinsic
def _scaled_at_once(typing, p, n):
    def emit(context, builder, sig, args):
        mask, current = ir.IntType(16), ir.IntType(32)  # all lanes, rounded as always
        function = ir.FunctionType(LLVM_TYPE, [LLVM_TYPE] * 3 + [mask, current])
        scale = cgutils.get_or_insert_function(builder.module, function, "llvm.x86.avx512.mask.scalef.ps.512")
        return builder.call(scale, [*args, args[0], mask(-1), current(4)])

    return VECTOR(VECTOR, VECTOR), emit


# p·2ⁿ, rounded once, for p near 1 and whole numbers n from -150 to 128; NaN if p is. One instruction of AVX-512.
scaled = _scaled_at_once if "+avx512f" in FEATURES else _scaled_in_halves


@intrinsic
def sum_of(typing, a):
    """Return the sum of the sixteen lanes."""

    def emit(context, builder, sig, args):
        kind, number = sig.args[0], context.get_value_type(sig.return_type)
        function = ir.FunctionType(number, [number, kind.llvm])
        name = f"llvm.vector.reduce.fadd.{kind.code}"
        call = cgutils.get_or_insert_function(builder.module, function, name)
        return builder.call(call, [ir.Constant(number, 0.0), args[0]], fastmath=FAST_FLAGS)

    return (types.float32 if a == VECTOR else types.float64)(a), emit


@intrinsic
def largest_of(typing, a):
    """Return the largest of the sixteen lanes."""

    def emit(context, builder, sig, args):
        function = ir.FunctionType(ir.FloatType(), [VECTOR.llvm])
        name = f"llvm.vector.reduce.fmax.{VECTOR.code}"
        return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)

    return types.float32(VECTOR), emit


# Masks


def _comparison(python_operator: Any, sign: str) -> None:
    """Let `a > b` of two vectors be a mask; whatever is compared with NaN is no, but `a != a` is yes for it."""

    @infer_global(python_operator)
    class _Types(AbstractTemplate):
        def generic(self, args, kws):
            return signature(MASK, *args) if args == (VECTOR, VECTOR) else None

    @lower_builtin(python_operator, VECTOR, VECTOR)
    def _emit(context, builder, sig, args):
        compare = builder.fcmp_unordered if sign == "!=" else builder.fcmp_ordered
        return compare(sign, *args)


for _operator, _sign in ((operator.gt, ">"), (operator.lt, "<"), (operator.eq, "=="), (operator.ne, "!=")):
    _comparison(_operator, _sign)


@intrinsic
def either(typing, a, b):
    """Return the mask of lanes where one of two masks says yes."""
    return MASK(MASK, MASK), lambda context, builder, sig, args: builder.or_(*args)


@intrinsic
def both(typing, a, b):
    """Return the mask of lanes where both masks say yes."""
    return MASK(MASK, MASK), lambda context, builder, sig, args: builder.and_(*args)


@intrinsic
def where(typing, mask, a, b):
    """Return a where the mask says yes, else b."""
    return a(MASK, a, a), lambda context, builder, sig, args: builder.select(*args)


def _extreme(sign: str) -> Any:
    @intrinsic
    def function(typing, a, b):
        def emit(context, builder, sig, args):
            a, b = args
            return builder.select(builder.fcmp_ordered(sign, b, a), b, a)  # one instruction of the processor

        return VECTOR(VECTOR, VECTOR), emit

    return function


maximum, minimum = _extreme(">"), _extreme("<")  # of each pair; a NaN of the first stays


@inline
def square_root(a):
    """Return √a. The compiler improves an estimate of 1 / √a, which makes NaN of ∞ · 0: infinity is set by hand."""
    return where(a > splat(LARGEST), a, _root(a))
