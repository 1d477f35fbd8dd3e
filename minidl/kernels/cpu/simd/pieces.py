"""How Numba is told to optimise a kernel once: together with its pieces, which are not compiled for themselves.

Left alone, Numba optimises every function that a kernel calls, makes machine code of it and two doors for Python, and
does all of that again for each function that it has become part of. A kernel stands on up to twenty, three deep. So
what is only a `Piece` stays as it was written down, and the `Whole` fetches all pieces that it needs, those of pieces
too, before it is optimised: all of it once, and what loops repeat a second time. Numba also looks for much that a
kernel has not, function by function, and walks over all of a function after each such look: those steps are left out.
"""

from __future__ import annotations

from typing import Any

from numba.core import compiler
from numba.core.codegen import JITCodeLibrary

# Steps of Numba's for what is in no kernel, by the names of their classes.
LEFT_OUT = {
    "WithLifting",  # `with`
    *("InlineClosureLikes", "MakeFunctionToJitFunction"),  # functions inside of functions, comprehensions
    "RewriteDynamicRaises",  # exceptions that are made where they are raised
    *("FindLiterallyCalls", "LiteralUnroll", "LiteralPropagationSubPipelinePass"),  # loops over values of several types
    "InlineOverloads",  # functions of other libraries that ask for it
    "NopythonRewrites",  # arithmetic of whole arrays
    "IRLegalization",  # when a variable is let go of: nothing is counted (see `compile.py`)
    *("AnnotateTypes", "DumpParforDiagnostics"),  # what Numba tells who asks
}


class _WithoutAddresses:
    """Numba's code generator, as a piece shows it: what has no address needs no surroundings."""

    def __init__(self, codegen: Any):
        self._codegen = codegen

    def __getattr__(self, name: str) -> Any:
        return getattr(self._codegen, name)

    def set_env(self, name: str, env: Any) -> None:
        """Do nothing."""


class _Library(JITCodeLibrary):
    """Code that is not optimised function by function, when it has just been written down."""

    def _optimize_functions(self, module: Any) -> None:
        module.data_layout = self._codegen._data_layout


class Piece(_Library):
    """The code of a function that is only part of kernels."""

    @property
    def codegen(self) -> Any:
        """What Numba asks for it."""
        return _WithoutAddresses(self._codegen)

    def finalize(self) -> None:
        """Leave it as it is."""
        self._raise_if_finalized()
        self._finalized = True

    def get_pointer_to_function(self, name: str) -> int:
        """Return 0, for it cannot be called."""
        self._ensure_finalized()
        return 0


class Whole(_Library):
    """The code of a kernel."""

    def finalize(self) -> None:
        """Link in all pieces, and let Numba optimise everything."""
        found, waiting = dict[Any, None](), [*self._linking_libraries]  # type: ignore[has-type]
        while waiting:
            library = waiting.pop(0)
            if library not in found:
                found[library] = None
                waiting += library._linking_libraries if isinstance(library, Piece) else []
        self._linking_libraries = list(found)
        super().finalize()

    def _optimize_final_module(self) -> None:
        """Look over it once more, for what became part of a loop only now: without that, a few took a third longer."""
        super()._optimize_final_module()
        steps, tuning = self._codegen._module_pass_manager(opt=1, loop_vectorize=False, slp_vectorize=False)
        steps.run(self._final_module, tuning)


class _Compiler(compiler.CompilerBase):
    library: type[_Library]

    def define_pipelines(self) -> list[Any]:
        """Return Numba's usual steps, as far as a kernel needs them, which write to a library of our own."""
        self.state.library = self.library(self.state.targetctx.codegen(), self.state.func_id.func_qualname)
        self.state.library.enable_object_caching()
        steps = compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)
        steps.passes[:] = [(step, about) for step, about in steps.passes if step.__name__ not in LEFT_OUT]
        steps.finalize()
        return [steps]


class PieceCompiler(_Compiler):
    """Compiles what kernels call."""

    library = Piece


class WholeCompiler(_Compiler):
    """Compiles kernels."""

    library = Whole
