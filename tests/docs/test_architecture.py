"""docs/architecture.md names the kernels and the operations as they are."""

import inspect
import re

import pytest

from minidl import kernels, ops
from minidl.kernels import textbook
from tests.docs.pages import DOCS

TEXT = (DOCS / "architecture.md").read_text(encoding="utf-8")
KERNELS = dict(re.findall(r"^(\w+)\((.*)\) -> \w.*$", TEXT, re.MULTILINE))
OPS = dict(re.findall(r"^ops\.(\w+)\((.*)\)$", TEXT, re.MULTILINE))


def bare(function):
    """The signature as the page writes it: names and defaults, no annotations."""
    signature = inspect.signature(function)
    parameters = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    plain = signature.replace(parameters=parameters, return_annotation=inspect.Signature.empty)
    return str(plain)[1:-1].replace("'", '"')


def test_every_kernel_has_its_line():
    assert sorted(KERNELS) == sorted(kernels.NAMES)


@pytest.mark.parametrize("name", kernels.NAMES)
def test_kernel_signature(name):
    assert KERNELS.get(name) == bare(getattr(textbook, name))


def test_every_operation_has_its_line():
    assert sorted(OPS) == sorted(ops.__all__)


@pytest.mark.parametrize("name", ops.__all__)
def test_operation_signature(name):
    assert OPS.get(name) == bare(getattr(ops, name))
