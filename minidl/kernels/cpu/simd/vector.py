"""A vector of sixteen numbers inside Numba: sixteen channels at once.

The processor adds, multiplies and compares sixteen floats in one instruction (AVX-512; two with AVX2, four with NEON:
LLVM splits what is too wide). Left alone, the compiler finds such code for simple loops only. With an explicit type the
author says it:

    acc = splat(np.float32(0))
    for tap in range(9):
        acc = fma(load(x, at(tap)), load(w, 16 * tap), acc)        # sixteen channels of one depthwise convolution
    store(y, place, acc)

`load` and `store` take a flat array and the index of the first of the sixteen; nothing checks that they lie inside.
Where fewer than sixteen may be left, `load_some` and `store_some` touch `count` only. `+ - * /` work as written, and
`a > b` gives a mask, sixteen times yes or no, for `where(mask, a, b)`. Sums that must not lose digits are made of
doubles: `widen` turns sixteen floats into sixteen of them, `narrow` turns these back. Bytes (the winners of a max
pooling) are floats as soon as they are loaded, and bytes again when they are stored.

Numba is told of a new type in three steps: a type for the compiler's bookkeeping, a model that says what it is in
memory (LLVM's `<16 x float>`), and for every operation the instruction to emit. All that is decided per type stands in
the table `KINDS`. The functions that networks need of such vectors (eˣ and what is made of it) are in `functions.py`.
"""

from __future__ import annotations

import operator
from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.core.typing.templates import AbstractTemplate, infer_global, signature
from numba.extending import intrinsic, lower_builtin, models, register_model

from minidl.kernels.cpu.simd.compile import inline

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


# Memory


def address_of(context: Any, builder: Any, array_type: Any, array: Any, index: Any) -> Any:
    """Emit the address of array[index], as one of a vector."""
    data = context.make_array(array_type)(context, builder, array).data
    kind = BYTES if array_type.dtype == types.uint8 else KINDS[array_type.dtype].llvm
    return builder.bitcast(builder.gep(data, [index]), kind.as_pointer())


def _loaded(builder: Any, array_type: Any, value: Any) -> Any:
    return builder.uitofp(value, VECTOR.llvm) if array_type.dtype == types.uint8 else value


def _to_store(builder: Any, array_type: Any, value: Any) -> Any:
    return builder.fptoui(value, BYTES) if array_type.dtype == types.uint8 else value


def _bytes_of_lane(array_type: Any) -> int:
    return array_type.dtype.bitwidth // 8


@intrinsic
def load(typing, array, index):
    """Read array[index : index + 16]."""

    def emit(context, builder, sig, args):
        address = address_of(context, builder, sig.args[0], *args)
        return _loaded(builder, sig.args[0], builder.load(address, align=_bytes_of_lane(sig.args[0])))

    return KINDS[array.dtype](array, types.intp), emit


@intrinsic
def store(typing, array, index, value):
    """Write array[index : index + 16] = value."""

    def emit(context, builder, sig, args):
        array, index, value = args
        address = address_of(context, builder, sig.args[0], array, index)
        builder.store(_to_store(builder, sig.args[0], value), address, align=_bytes_of_lane(sig.args[0]))
        return context.get_dummy_value()

    return types.void(array, types.intp, value), emit


def first_lanes(builder: Any, count: Any) -> Any:
    """Emit the mask of the first `count` lanes."""
    limit = spread(builder, builder.trunc(count, ir.IntType(32)))
    return builder.icmp_signed("<", ir.Constant(INTEGERS, list(range(LANES))), limit)


def _masked(builder: Any, verb: str, result: Any, data: Any, *args: Any) -> Any:
    """Emit a call of LLVM's function that reads or writes the lanes of a mask, one behind the other."""
    code = f"v{LANES}{'i8' if data == BYTES else 'f32' if data == LLVM_TYPE else 'f64'}"
    function = ir.FunctionType(result, [argument.type for argument in args])
    name = f"llvm.masked.{verb}.{code}.p0"
    return builder.call(cgutils.get_or_insert_function(builder.module, function, name), args)


def _aligned(data: Any) -> Any:
    """Return the alignment of one lane: arrays begin anywhere."""
    return ir.Constant(ir.IntType(32), {BYTES: 1, LLVM_TYPE: 4}.get(data, 8))


def read_lanes(builder: Any, address: Any, mask: Any) -> Any:
    """Emit the reading of the lanes of the mask; the others are 0."""
    data = address.type.pointee
    zeros = ir.Constant(data, [0 if data == BYTES else 0.0] * LANES)
    return _masked(builder, "load", data, data, address, _aligned(data), mask, zeros)


def write_lanes(builder: Any, value: Any, address: Any, mask: Any) -> None:
    """Emit the writing of the lanes of the mask."""
    _masked(builder, "store", ir.VoidType(), value.type, value, address, _aligned(value.type), mask)


@intrinsic
def load_first(typing, array, index, count):
    """Read array[index : index + count], at most sixteen numbers, and 0 for the rest; nothing else is touched."""

    def emit(context, builder, sig, args):
        array, index, count = args
        address = address_of(context, builder, sig.args[0], array, index)
        return _loaded(builder, sig.args[0], read_lanes(builder, address, first_lanes(builder, count)))

    return KINDS[array.dtype](array, types.intp, types.intp), emit


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
def store_first(typing, array, index, value, count):
    """Write array[index : index + count] = value[:count], at most sixteen numbers."""

    def emit(context, builder, sig, args):
        array, index, value, count = args
        address = address_of(context, builder, sig.args[0], array, index)
        write_lanes(builder, _to_store(builder, sig.args[0], value), address, first_lanes(builder, count))
        return context.get_dummy_value()

    return types.void(array, types.intp, value, types.intp), emit


@inline
def load_some(array, index, count):
    """Read array[index : index + count], and sixteen numbers where count is more; the other lanes are 0."""
    return load(array, index) if count >= LANES else load_first(array, index, count)


@inline
def store_some(array, index, value, count):
    """Write array[index : index + count] = value[:count], and all sixteen where count is more."""
    if count >= LANES:
        store(array, index, value)
    else:
        store_first(array, index, value, count)


@intrinsic
def copy_floats(typing, target, target_index, source, source_index, count):
    """Copy `count` floats: target[target_index:] = source[source_index:], as memcpy does."""

    def emit(context, builder, sig, args):
        target, target_index, source, source_index, count = args
        byte = ir.IntType(8).as_pointer()
        addresses = [
            builder.bitcast(address_of(context, builder, kind, array, index), byte)
            for kind, array, index in ((sig.args[0], target, target_index), (sig.args[2], source, source_index))
        ]
        memcpy = builder.module.declare_intrinsic("llvm.memcpy", [byte, byte, ir.IntType(64)])
        size = builder.mul(count, ir.Constant(ir.IntType(64), np.dtype(np.float32).itemsize))
        builder.call(memcpy, [*addresses, size, ir.Constant(ir.IntType(1), 0)])
        return context.get_dummy_value()

    return types.void(target, types.intp, source, types.intp, types.intp), emit


@intrinsic
def fetch(typing, array, index):
    """Ask memory for the cache line of array[index] ahead of its use; an index may lie outside."""

    def emit(context, builder, sig, args):
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        address = builder.gep(context.make_array(sig.args[0])(context, builder, args[0]).data, [args[1]])
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        builder.call(prefetch, [builder.bitcast(address, byte), number(0), number(3), number(1)])  # to read; keep; data
        return context.get_dummy_value()

    return types.void(array, types.intp), emit


# Arithmetic


def spread(builder: Any, number: Any) -> Any:
    """Emit a vector of sixteen times a number."""
    undefined = ir.Constant(ir.VectorType(number.type, LANES), ir.Undefined)
    first = builder.insert_element(undefined, number, ir.Constant(ir.IntType(32), 0))
    return builder.shuffle_vector(first, undefined, ir.Constant(INTEGERS, [0] * LANES))


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
def power_of_two(typing, n):
    """Return 2ⁿ for whole numbers n from -126 to 127: the bits n + 127 stand where a float has its exponent."""

    def emit(context, builder, sig, args):
        exponent = builder.fptosi(args[0], INTEGERS)
        biased = builder.add(exponent, ir.Constant(INTEGERS, [127] * LANES))
        return builder.bitcast(builder.shl(biased, ir.Constant(INTEGERS, [23] * LANES)), VECTOR.llvm)

    return VECTOR(VECTOR), emit


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


# Choice


@intrinsic
def bytes_are(typing, array, index, number, count):
    """Return the mask of those of array[index : index + 16], bytes of which only `count` are read, that are number."""

    def emit(context, builder, sig, args):
        array, index, number, count = args
        address = address_of(context, builder, sig.args[0], array, index)
        full = builder.icmp_signed(">=", count, ir.Constant(count.type, LANES))
        whole = cgutils.alloca_once(builder, BYTES)
        with builder.if_else(full) as (then, otherwise):
            with then:
                builder.store(builder.load(address, align=1), whole)
            with otherwise:
                zeros = ir.Constant(BYTES, [0] * LANES)
                mask = first_lanes(builder, count)
                builder.store(_masked(builder, "load", BYTES, BYTES, address, _aligned(BYTES), mask, zeros), whole)
        wanted = spread(builder, builder.trunc(number, ir.IntType(8)))
        return builder.icmp_unsigned("==", builder.load(whole), wanted)

    return MASK(array, types.intp, types.intp, types.intp), emit


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
