"""Accumulators: a few vectors that a convolution keeps in registers while it runs over its taps.

One accumulator would wait for itself: a multiply-add takes four cycles, and two could begin in every cycle. Seven of
them side by side keep the processor busy, and whatever is loaded for them serves all seven:

    begin = fold(7)

    acc = begin(splat(0.0))                                          # seven pixels, sixteen output channels each
    for k in range(channels):
        acc = fma_numbers(acc, x, place + k, step, load(w, 16 * k))      # one channel of seven pixels times w[k]
    store_acc(y, place, step, acc, pixels, channels)

That is the heart of every matrix product: the numbers of one matrix are spread over vectors of the other. Seven,
because the maps of most networks are 7, 14, 28, 56 or 112 pixels wide; eight, where it is channels or pictures that are
counted; fewer where registers are short (`registers.py`). Accumulators, `acc` for short, are a tuple of vectors to
Numba and never leave the registers.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from llvmlite import ir
from numba.core import cgutils
from numba.core.types import intp, void
from numba.core.types.containers import UniTuple
from numba.extending import intrinsic

from minidl.kernels.cpu.simd.compile import inline
from minidl.kernels.cpu.simd.load_store import address_of, first_lanes, read_lanes, write_lanes
from minidl.kernels.cpu.simd.registers import FLOATS, LETTER
from minidl.kernels.cpu.simd.vector import LANES, LLVM_TYPE, VECTOR, spread


def fold(count: int) -> Any:
    """Return the function that makes so many accumulators, which all begin with the same vector."""
    kind = UniTuple(VECTOR, count)

    @intrinsic
    def make(typing, value):
        """Return accumulators that all begin with the same vector."""

        def emit(context, builder, sig, args):
            return context.make_tuple(builder, kind, [args[0]] * kind.count)

        return kind(VECTOR), emit

    return make


@intrinsic
def each(typing, function, kind, acc):
    """Return function(kind, a) for each accumulator a."""
    one = function.get_call_type(typing, (kind, acc.dtype), {})

    def emit(context, builder, sig, args):
        call = context.get_function(sig.args[0], one)
        parts = [call(builder, (args[1], part)) for part in cgutils.unpack_tuple(builder, args[2])]
        return context.make_tuple(builder, sig.return_type, parts)

    return acc(function, kind, acc), emit


def _places(builder: Any, count: int, start: Any, step: Any) -> Iterator[Any]:
    """Yield start, start + step, start + 2·step, and so on, or each number of a tuple plus step."""
    if isinstance(start.type, ir.ArrayType):
        for place in cgutils.unpack_tuple(builder, start, count):
            yield builder.add(place, step)
        return
    for number in range(count):
        yield builder.add(start, builder.mul(step, ir.Constant(step.type, number)))


def _kind(start: Any) -> Any:
    """Return the type of a start: a number, or a tuple of them."""
    return start if isinstance(start, UniTuple) else intp


def _multiply_add(context: Any, builder: Any, kind: Any, acc: Any, factors: list[Any], others: list[Any]) -> Any:
    function = ir.FunctionType(LLVM_TYPE, [LLVM_TYPE] * 3)
    fma = cgutils.get_or_insert_function(builder.module, function, "llvm.fma.v16f32")
    triples = zip(factors, others, cgutils.unpack_tuple(builder, acc), strict=True)
    return context.make_tuple(builder, kind, [builder.call(fma, triple) for triple in triples])


@intrinsic
def fma_vectors(typing, acc, array, start, step, w):
    """Add to each accumulator a vector of the array, from start, start + step, and so on, times the vector w.

    Where `start` is a tuple, here and below, each accumulator has its own, and all are `step` further on.
    """

    def emit(context, builder, sig, args):
        acc, array, start, step, w = args
        places = _places(builder, sig.args[0].count, start, step)
        addresses = [address_of(context, builder, sig.args[1], array, place) for place in places]
        factors = [builder.load(address, align=4) for address in addresses]
        return _multiply_add(context, builder, sig.args[0], acc, factors, [w] * len(factors))

    return acc(acc, array, _kind(start), intp, VECTOR), emit


@intrinsic
def fma_numbers(typing, acc, array, start, step, w):
    """Add to each accumulator one number of the array, at start, start + step, and so on, times the vector w."""

    def emit(context, builder, sig, args):
        acc, array, start, step, w = args
        data = context.make_array(sig.args[1])(context, builder, array).data
        places = _places(builder, sig.args[0].count, start, step)
        factors = [spread(builder, builder.load(builder.gep(data, [place]))) for place in places]
        return _multiply_add(context, builder, sig.args[0], acc, factors, [w] * len(factors))

    return acc(acc, array, _kind(start), intp, VECTOR), emit


@intrinsic
def fma_crosswise(typing, acc, array, start, step, weights, w, next_w):
    """Add to each of the first accumulators a number of the array times the vector of weights at w, and to the others.

    There are two accumulators for each number, from start, start + step, and so on: the first ones of all numbers are
    for w, the second ones for `next_w`. One register of weights is loaded at a time, and used up before the next one:
    with six accumulators, twelve registers of sums, three numbers and one of weights are as many as AVX2 has (NEON: 28
    of 32). The compiler would rather load several ahead, and write sums to memory to have room for that. So it is told,
    between two registers of weights, that something happens to these sums and to memory, which costs no instruction.
    """
    kind, letters = ir.VectorType(ir.FloatType(), FLOATS), ",".join([f"={LETTER}"] * (len(acc) // 2))
    told = f"{letters},{','.join(map(str, range(len(acc) // 2)))},~{{memory}}"
    nothing, whole = ir.Constant(kind, ir.Undefined), ir.Constant(LLVM_TYPE, ir.Undefined)

    def lanes(first: int, count: int) -> Any:
        return ir.Constant(ir.VectorType(ir.IntType(32), count), list(range(first, first + count)))

    def tied(builder: Any, sums: list[Any]) -> list[Any]:
        """Emit that something happens to the sums, here."""
        result = ir.FunctionType(ir.LiteralStructType([kind] * len(sums)), [kind] * len(sums))
        all_of_them = builder.call(ir.InlineAsm(result, "", told, side_effect=True), sums)
        return [builder.extract_value(all_of_them, i) for i in range(len(sums))]

    def joined(builder: Any, parts: list[Any]) -> Any:
        """Emit the vector of all its parts."""
        while len(parts) > 1:
            both = lanes(0, 2 * parts[0].type.count)
            parts = [builder.shuffle_vector(a, b, both) for a, b in zip(parts[::2], parts[1::2], strict=True)]
        return parts[0]

    def emit(context, builder, sig, args):
        acc, array, start, step, weights, *vectors = args
        count = sig.args[0].count // 2
        data = context.make_array(sig.args[1])(context, builder, array).data
        numbers = []
        for place in _places(builder, count, start, step):
            one = builder.insert_element(nothing, builder.load(builder.gep(data, [place])), ir.IntType(32)(0))
            numbers.append(builder.shuffle_vector(one, nothing, ir.Constant(lanes(0, FLOATS).type, [0] * FLOATS)))
        fma = ir.FunctionType(kind, [kind] * 3)
        fma = cgutils.get_or_insert_function(builder.module, fma, f"llvm.fma.v{FLOATS}f32")
        before, sums = cgutils.unpack_tuple(builder, acc), list[Any]()
        for number, place in enumerate(vectors):
            own, parts = before[number * count : (number + 1) * count], list[list[Any]]()
            for first in range(0, LANES, FLOATS):
                at = builder.add(place, ir.Constant(place.type, first))
                address = address_of(context, builder, sig.args[4], weights, at)
                factor = builder.load(builder.bitcast(address, kind.as_pointer()), align=4)
                part = [builder.shuffle_vector(vector, whole, lanes(first, FLOATS)) for vector in own]
                part = [builder.call(fma, (a, factor, b)) for a, b in zip(numbers, part, strict=True)]
                parts.append(tied(builder, part) if LETTER else part)
            sums += [joined(builder, [*these]) for these in zip(*parts, strict=True)]
        return context.make_tuple(builder, sig.return_type, sums)

    return acc(acc, array, intp, intp, weights, intp, intp), emit


@intrinsic
def plus(typing, acc, more):
    """Add to each accumulator one of the others."""

    def emit(context, builder, sig, args):
        pairs = zip(*(cgutils.unpack_tuple(builder, it) for it in args), strict=True)
        return context.make_tuple(builder, sig.return_type, [builder.fadd(a, b) for a, b in pairs])

    return acc(acc, acc), emit


@intrinsic
def plus_some(typing, acc, array, start, step, count, lanes):
    """Add to the first `count` accumulators their first lanes of the array, from start, start + step, and so on."""

    def emit(context, builder, sig, args):
        acc, array, start, step, count, lanes = args
        full = builder.icmp_signed(">=", lanes, ir.Constant(lanes.type, LANES))
        places = _places(builder, sig.args[0].count, start, step)
        addresses = [address_of(context, builder, sig.args[1], array, place) for place in places]
        parts = cgutils.unpack_tuple(builder, acc)
        sums = [cgutils.alloca_once_value(builder, part) for part in parts]
        whole = builder.and_(full, builder.icmp_signed(">=", count, ir.Constant(count.type, len(parts))))
        with builder.if_else(whole) as (then, otherwise):
            with then:
                for address, part, total in zip(addresses, parts, sums, strict=True):
                    builder.store(builder.fadd(part, builder.load(address, align=4)), total)
            with otherwise:
                mask = first_lanes(builder, lanes)
                for number, (address, part, total) in enumerate(zip(addresses, parts, sums, strict=True)):
                    with builder.if_then(builder.icmp_signed(">", count, ir.Constant(count.type, number))):
                        builder.store(builder.fadd(part, read_lanes(builder, address, mask)), total)
        return context.make_tuple(builder, sig.return_type, [builder.load(total) for total in sums])

    return acc(acc, array, _kind(start), intp, intp, intp), emit


def _writer(adding: bool, doc: str) -> Any:
    def write(typing, array, start, step, acc, count, lanes):
        def emit(context, builder, sig, args):
            array, start, step, acc, count, lanes = args
            mask = first_lanes(builder, lanes)
            full = builder.icmp_signed(">=", lanes, ir.Constant(lanes.type, LANES))  # a mask makes a store slow
            places = _places(builder, sig.args[3].count, start, step)
            addresses = [address_of(context, builder, sig.args[0], array, place) for place in places]
            pairs = list(zip(addresses, cgutils.unpack_tuple(builder, acc), strict=True))
            whole = builder.and_(full, builder.icmp_signed(">=", count, ir.Constant(count.type, len(pairs))))
            with builder.if_else(whole) as (then, otherwise):
                with then:  # nearly always: nothing is asked between the stores
                    for address, value in pairs:
                        there = builder.load(address, align=4) if adding else None
                        builder.store(builder.fadd(there, value) if adding else value, address, align=4)
                with otherwise:
                    for number, (address, value) in enumerate(pairs):
                        with builder.if_then(builder.icmp_signed(">", count, ir.Constant(count.type, number))):
                            there = read_lanes(builder, address, mask) if adding else None
                            write_lanes(builder, builder.fadd(there, value) if adding else value, address, mask)
            return context.get_dummy_value()

        return void(array, _kind(start), intp, acc, intp, intp), emit

    write.__doc__ = doc
    return intrinsic(write)


store_acc = _writer(False, "Write the first lanes of the first `count` accumulators to start, start + step, and so on.")
add_acc = _writer(
    True, "Add the first lanes of the first `count` accumulators to what is at start, start + step, and so on."
)


@inline
def put_acc(array, start, step, acc, count, lanes, adding):
    """Write the first lanes of the first `count` accumulators to start, start + step, and so on, or add them."""
    if adding:
        add_acc(array, start, step, acc, count, lanes)
    else:
        store_acc(array, start, step, acc, count, lanes)


@intrinsic
def fma_pairs(typing, acc, array, start, step, other, other_start, other_step):
    """Add to each accumulator a vector of one array times one of the other: start, start + step, and so on, of both."""

    def emit(context, builder, sig, args):
        acc, *sides = args
        factors = []
        for kind, (array, start, step) in ((sig.args[1], sides[:3]), (sig.args[4], sides[3:])):
            places = _places(builder, sig.args[0].count, start, step)
            addresses = [address_of(context, builder, kind, array, place) for place in places]
            factors.append([builder.load(address, align=4) for address in addresses])
        return _multiply_add(context, builder, sig.args[0], acc, *factors)

    return acc(acc, array, intp, intp, other, intp, intp), emit
