"""What threads need who work on the same memory: numbers that change as a whole, sleep, clocks.

An address is a plain int. A number that one thread stores with `put` and another reads with `get` brings along all
that was written before it; `add` and `swap` change a number in one step that no thread can come between. These are
the atomic operations of LLVM (its "Atomic Instructions and Concurrency Guide"), which no Python has.

`sleep_while` and `wake` are Linux's futex (Franke, Russell, Kirkwood: "Fuss, Futexes and Furwocks", 2002): a thread
goes to sleep as long as a number is what it believes it to be, and the kernel looks once more before it puts it to
bed. So no call to wake up is ever missed, and nobody has to hold a lock.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.extending import intrinsic

NUMBER, HALF, BYTES = ir.IntType(64), ir.IntType(32), ir.IntType(8).as_pointer()
FUTEX, WAIT, WAKE = 202, 128, 129  # of Linux on x86-64: the call, and what it does, within this process
MOST = 512  # arrays and numbers that a piece of work is given
BOARD = "minidl_crew"
I8 = types.int64


def _at(builder: Any, address: Any) -> Any:
    return builder.inttoptr(address, NUMBER.as_pointer())


def _call(builder: Any, name: str, result: Any, kinds: list[Any], *arguments: Any, **more: Any) -> Any:
    kind = ir.FunctionType(result, kinds, **more)
    return builder.call(cgutils.get_or_insert_function(builder.module, kind, name), arguments)


@intrinsic
def get(typing, address):
    """Read the number there."""
    return I8(I8), lambda context, builder, sig, args: builder.load_atomic(_at(builder, args[0]), "acquire", 8)


@intrinsic
def put(typing, address, value):
    """Write a number there."""

    def emit(context, builder, sig, args):
        builder.store_atomic(args[1], _at(builder, args[0]), "release", 8)
        return context.get_dummy_value()

    return types.void(I8, I8), emit


@intrinsic
def add(typing, address, value):
    """Add to the number there, and return what it was."""

    def emit(context, builder, sig, args):
        return builder.atomic_rmw("add", _at(builder, args[0]), args[1], "seq_cst")

    return I8(I8, I8), emit


@intrinsic
def swap(typing, address, old, new):
    """Write `new` there if the number is `old`; return whether it was."""

    def emit(context, builder, sig, args):
        done = builder.cmpxchg(_at(builder, args[0]), args[1], args[2], "seq_cst", "seq_cst")
        return builder.extract_value(done, 1)

    return types.boolean(I8, I8, I8), emit


@intrinsic
def rest(typing):
    """Tell the processor that this thread is looking at one number again and again."""

    def emit(context, builder, sig, args):
        _call(builder, "llvm.x86.sse2.pause", ir.VoidType(), [])
        return context.get_dummy_value()

    return types.void(), emit


@intrinsic
def sleep_while(typing, address, value):
    """Sleep until somebody calls `wake` with this address, if the lower half of the number there is that of `value`."""

    def emit(context, builder, sig, args):
        _futex(builder, args[0], WAIT, args[1])
        return context.get_dummy_value()

    return types.void(I8, I8), emit


@intrinsic
def wake(typing, address, count):
    """Wake up to `count` of those who sleep at this address."""

    def emit(context, builder, sig, args):
        _futex(builder, args[0], WAKE, args[1])
        return context.get_dummy_value()

    return types.void(I8, I8), emit


def _futex(builder: Any, address: Any, what: int, number: Any) -> None:
    """Emit the system call; its last three numbers say that there is no time limit, and nothing else."""
    given = [NUMBER(FUTEX), address, NUMBER(what), number, NUMBER(0), NUMBER(0), NUMBER(0)]
    _call(builder, "syscall", NUMBER, [NUMBER], *given, var_arg=True)


@intrinsic
def now(typing):
    """Return the nanoseconds of a clock that goes on whatever happens."""
    return I8(), lambda context, builder, sig, args: _clock(builder, 1)


@intrinsic
def ran(typing):
    """Return the nanoseconds that this thread has had a processor."""
    return I8(), lambda context, builder, sig, args: _clock(builder, 3)


def _clock(builder: Any, which: int) -> Any:
    pair = cgutils.alloca_once(builder, ir.ArrayType(NUMBER, 2))
    _call(builder, "clock_gettime", HALF, [HALF, BYTES], HALF(which), builder.bitcast(pair, BYTES))
    seconds, nanoseconds = (builder.load(cgutils.gep_inbounds(builder, pair, 0, place)) for place in (0, 1))
    return builder.add(builder.mul(seconds, NUMBER(10**9)), nanoseconds)


@intrinsic
def board(typing):
    """Return the address that LLVM was told of by the name BOARD: an address in the code itself would not be kept."""

    def emit(context, builder, sig, args):
        found = builder.module.globals.get(BOARD) or ir.GlobalVariable(builder.module, ir.IntType(8), BOARD)
        return builder.ptrtoint(found, NUMBER)

    return I8(), emit


@intrinsic
def address_in(typing, array, index):
    """Return where a number of a contiguous array lies: that which stands behind so many others."""

    def emit(context, builder, sig, args):
        data = context.make_array(sig.args[0])(context, builder, args[0]).data
        return builder.ptrtoint(builder.gep(data, [args[1]]), NUMBER)

    return I8(array, types.intp), emit


@intrinsic
def do(typing, task, arrays, sizes, steps, data, inner, count, first, last):
    """Call a task of Numba's for its numbers from `first` to `last` - 1: every array begins `first` steps later."""

    def emit(context, builder, sig, args):
        task, arrays, sizes, steps, data, inner, count, first, last = args
        shape = cgutils.alloca_once(builder, NUMBER, size=MOST)
        begins = cgutils.alloca_once(builder, NUMBER, size=MOST)
        arrays, sizes, steps = (_at(builder, address) for address in (arrays, sizes, steps))
        with cgutils.for_range(builder, builder.add(inner, NUMBER(1))) as loop:
            builder.store(builder.load(builder.gep(sizes, [loop.index])), builder.gep(shape, [loop.index]))
        builder.store(builder.sub(last, first), shape)
        with cgutils.for_range(builder, count) as loop:
            begin, step = (builder.load(builder.gep(it, [loop.index])) for it in (arrays, steps))
            builder.store(builder.add(begin, builder.mul(step, first)), builder.gep(begins, [loop.index]))
        kind = ir.FunctionType(ir.VoidType(), [NUMBER.as_pointer()] * 3 + [BYTES])
        builder.call(builder.inttoptr(task, kind.as_pointer()), [begins, shape, steps, builder.inttoptr(data, BYTES)])
        return context.get_dummy_value()

    return types.void(*[I8] * 9), emit
