"""The loops that threads share, cut out of a kernel before it is compiled.

A kernel says `for thread in prange(threads): ...`. Numba could share such a loop itself (`parallel=True`), but searches
the whole function for whatever else could be shared, and compiles what it has found several times over. Here only this
one form is known. The body becomes a function of its own, of the loop's variable and of what it reads of the kernel's
other variables, and the loop becomes

    share(body, threads, (x, y, …))

which has the body called by Numba's threads. What a body assigns is its own and does not come back.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
import types as python
from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba.core import cgutils, types
from numba.core.types.misc import unliteral
from numba.extending import intrinsic


def cut_out(function: Callable[..., Any], piece: Callable[..., Any]) -> Callable[..., Any]:
    """Return a kernel whose shared loops are calls of `share`; `piece` makes of each body what kernels may call."""
    module = ast.parse(textwrap.dedent(inspect.getsource(function)))
    ast.increment_lineno(module, function.__code__.co_firstlineno - 1)
    [definition] = module.body
    definition.decorator_list = []  # type: ignore[attr-defined]
    loops = _Loops(function.__name__, _own_names(definition))
    kernel, names = loops.visit(definition), {**function.__globals__, "share": share}
    for body in loops.bodies:
        names[body.name] = piece(_made(body, function, names))
    return _made(kernel, function, names)


def _made(definition: Any, function: Callable[..., Any], names: dict[str, Any]) -> Callable[..., Any]:
    """Make the function of a definition, as if it stood where another one stands."""
    module = ast.fix_missing_locations(ast.Module([definition], []))
    code = compile(module, function.__code__.co_filename, "exec", dont_inherit=True)
    [code] = [part for part in code.co_consts if isinstance(part, python.CodeType)]
    made = python.FunctionType(code, names, definition.name)
    made.__module__ = function.__module__
    return made


def _is_shared(node: ast.AST) -> bool:
    return isinstance(node, ast.For) and ast.unparse(node.iter).startswith("prange(")


def _own_names(definition: Any) -> set[str]:
    """Return the parameters of a function and what it assigns outside of the loops that are shared."""
    found, waiting = {argument.arg for argument in definition.args.args}, list(definition.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        if not _is_shared(node):
            waiting += ast.iter_child_nodes(node)
    return found


class _Loops(ast.NodeTransformer):
    """Makes functions of the bodies of shared loops, and calls of the loops."""

    def __init__(self, name: str, known: set[str]):
        self.name, self.known, self.bodies = name, known, list[Any]()

    def visit_For(self, node: ast.For) -> ast.AST:
        """Leave other loops as they are, but for what stands in them."""
        if not _is_shared(node):
            return self.generic_visit(node)
        names = [part for statement in node.body for part in ast.walk(statement) if isinstance(part, ast.Name)]
        own = {node.target.id, *(part.id for part in names if isinstance(part.ctx, ast.Store))}  # type: ignore
        read = sorted({part.id for part in names} & self.known - own)
        name = f"{self.name}_{len(self.bodies) + 1}"
        count, given = ast.unparse(node.iter.args[0]), "".join(f"{word}, " for word in read)  # type: ignore
        text = f"def {name}({node.target.id}, {given}): pass\nshare({name}, {count}, ({given}))"  # type: ignore
        body, call = ast.parse(text).body
        body.body = node.body  # type: ignore[attr-defined]
        self.bodies.append(ast.copy_location(body, node))
        for part in ast.walk(call):
            ast.copy_location(part, node)
        return call


BYTE, NUMBER, FLAG = ir.IntType(8).as_pointer(), ir.IntType(64), ir.IntType(32)
TASK = ir.FunctionType(ir.VoidType(), [BYTE.as_pointer(), NUMBER.as_pointer(), NUMBER.as_pointer(), BYTE])
LAUNCH = ir.FunctionType(ir.VoidType(), [BYTE] * 5 + [NUMBER] * 3)


@intrinsic
def share(typing, body, count, given):
    """Let the threads call body(i, *given) for i from 0 to count - 1, each for a part of these.

    Numba's threads take what a ufunc is: a function of addresses, of how many elements there are, and of how far each
    address goes with an element. Of the three here, the first stands for i and goes one byte at a time; two stay:
    where the variables lie, and where a failure is noted.
    """
    kinds = tuple(unliteral(kind) for kind in given)
    body.get_call_type(typing, (types.intp, *kinds), {})
    compiled = body.dispatcher.overloads[types.intp, *kinds]

    def emit(context, builder, sig, args):
        context.add_linking_libs([compiled.library])
        values = cgutils.unpack_tuple(builder, args[2], len(given))
        space = cgutils.alloca_once(builder, ir.LiteralStructType([value.type for value in values]))
        for place, value in enumerate(values):
            builder.store(value, cgutils.gep_inbounds(builder, space, 0, place))
        failed, sizes = cgutils.alloca_once(builder, FLAG), cgutils.alloca_once(builder, NUMBER)
        builder.store(FLAG(0), failed)
        builder.store(args[1], sizes)
        arrays, steps = cgutils.alloca_once(builder, BYTE, size=3), cgutils.alloca_once(builder, NUMBER, size=3)
        for place, (pointer, step) in enumerate(((BYTE(None), 1), (space, 0), (failed, 0))):
            builder.store(builder.bitcast(pointer, BYTE), builder.gep(arrays, [NUMBER(place)]))
            builder.store(NUMBER(step), builder.gep(steps, [NUMBER(place)]))
        count_threads = ir.FunctionType(NUMBER, [])
        threads = builder.call(cgutils.get_or_insert_function(builder.module, count_threads, "get_num_threads"), [])
        task = _task(context, builder.module, compiled, space.type)
        pointers = [builder.bitcast(pointer, BYTE) for pointer in (task, arrays, sizes, steps)]
        launch = cgutils.get_or_insert_function(builder.module, LAUNCH, "numba_parallel_for")
        builder.call(launch, [*pointers, BYTE(None), NUMBER(0), NUMBER(3), threads])
        with cgutils.if_unlikely(builder, cgutils.is_not_null(builder, builder.load(failed))):
            context.call_conv.return_user_exc(builder, RuntimeError, ("a thread of a kernel failed",))
        return context.get_dummy_value()

    return types.void(body, types.intp, given), emit


def _task(context: Any, module: Any, compiled: Any, space_type: Any) -> Any:
    """Emit what a thread is given: it calls the body for some numbers that follow each other."""
    task = ir.Function(module, TASK, module.get_unique_name("task"))
    task.linkage = "internal"
    builder = ir.IRBuilder(task.append_basic_block())
    arrays, sizes, *_ = task.args
    first, space, failed = (builder.load(builder.gep(arrays, [NUMBER(place)])) for place in range(3))
    space, failed = builder.bitcast(space, space_type), builder.bitcast(failed, FLAG.as_pointer())
    places = range(len(space_type.pointee.elements))
    values = [builder.load(cgutils.gep_inbounds(builder, space, 0, place)) for place in places]
    body, kinds = context.declare_function(module, compiled.fndesc), compiled.fndesc.argtypes
    with cgutils.for_range(builder, builder.load(sizes)) as loop:
        number = builder.add(builder.ptrtoint(first, NUMBER), loop.index)
        status, _ = context.call_conv.call_function(builder, body, types.none, kinds, [number, *values])
        with cgutils.if_unlikely(builder, status.is_error):
            builder.store(FLAG(1), failed)
    builder.ret_void()
    return task
