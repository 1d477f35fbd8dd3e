"""From the name of an operation to its backward pass: two jumps that an editor makes."""

import ast
import inspect
import textwrap

import pytest

from minidl import Function, ops


def classes_named_in(function):
    """Return the subclasses of Function that the body of a function names, found as an editor finds them."""
    names = {
        node.id
        for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(function))))
        if isinstance(node, ast.Name)
    }
    found = [inspect.unwrap(function).__globals__.get(name) for name in names]
    return [it for it in found if isinstance(it, type) and issubclass(it, Function)]


@pytest.mark.parametrize("name", ops.__all__)
def test_the_backward_pass_is_two_jumps_away(name):
    """The first goes to the function, which calls the class of its operation; that is the second, and has backward."""
    function = inspect.unwrap(getattr(ops, name))
    kinds = classes_named_in(function)
    assert kinds, f"ops.{name} names no operation"
    for kind in kinds:
        backward = inspect.getsourcefile(kind.backward)
        assert backward == inspect.getsourcefile(kind)
        assert kind.backward is not Function.backward
