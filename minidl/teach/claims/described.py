"""Claims about what is described and not named: which form a sentence has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from minidl.teach.claims import layers, linears, modules, stacks
from minidl.teach.claims.judging import Claim
from minidl.teach.claims.parts import Parts, parts_of
from minidl.teach.claims.scanning import Token
from minidl.teach.claims.unclear import Unclear

FORMS: tuple[Callable[[str, Parts], list[Claim]], ...] = (
    modules.modules, linears.squeeze, layers.separable, layers.pooled, stacks.stacks, layers.convolution, linears.dense,
)  # fmt: skip


def claims(text: str, found: Sequence[Token]) -> list[Claim]:
    """Return the claims about a described thing.

    Raises:
        Unclear: if it is none of the forms that are known.
    """
    parts = parts_of(found)
    relation = next((token.value for token in found if token.kind == "relation" and token.value != "equal"), "equal")
    for form in FORMS:
        made = form(text, parts)
        if made:
            return [replace(claim, relation=relation) if claim.relation == "equal" else claim for claim in made]
    raise Unclear("it names neither a network of the zoo nor a layer, module or stack that it describes")
