"""Vectors from memory, and back: all sixteen lanes, or the first of them.

`load` and `store` take a flat array and the index of the first of the sixteen; nothing checks that they lie inside.
Where fewer than sixteen may be left, `load_some` and `store_some` touch `count` only. Bytes (the winners of a max
pooling) are floats as soon as they are loaded, and bytes again when they are stored.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.vector import BYTES, INTEGERS, KINDS, LANES, LLVM_TYPE, MASK, VECTOR, splat, spread


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


@inline
def zeros(target, start, count):
    """Write count zeros."""
    for i in range(0, count, LANES):  # numbers one by one would become a scatter, many times as slow
        store_some(target, start + i, splat(np.float32(0)), count - i)


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


def _asker(to_write: int, doc: str) -> Any:
    def ask(typing, array, index):
        def emit(context, builder, sig, args):
            byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
            address = builder.gep(context.make_array(sig.args[0])(context, builder, args[0]).data, [args[1]])
            kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
            function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
            given = builder.bitcast(address, byte), number(to_write), number(3), number(1)  # keep it; it is data
            builder.call(function, given)
            return context.get_dummy_value()

        return types.void(array, types.intp), emit

    ask.__doc__ = doc
    return intrinsic(ask)


prefetch = _asker(0, "Ask memory for the cache line of array[index] ahead of its use; an index may lie outside.")
prefetch_to_write = _asker(1, "The same, for a line that will be written: no other core has it then.")


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
