"""What keeps a sentence from being judged: clauses and words that might change its sense, and names that are none."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

from minidl import models
from minidl.teach.claims.scanning import Token
from minidl.teach.claims.unclear import Unclear
from minidl.teach.claims.vocabulary import DENYING, FRAMING

MEANINGFUL = frozenset(
    "network ordinal family number size quantity layer thing feature polynomial qualifier fraction".split()  # noqa: SIM905
)


def trimmed(found: Sequence[Token]) -> list[Token]:
    """Leave out clauses of harmless words that say nothing which could be counted, such as "as everybody knows,".

    A clause with any other word stays, and its words are refused: "after pruning", "in a dream" and "false" each make
    another sentence of what follows.
    """
    clauses: list[list[Token]] = [[]]
    for token in found:
        if token.kind == "break":
            clauses.append([])
        clauses[-1].append(token)
    kept = []
    for clause in clauses:
        says = any(
            token.kind in MEANINGFUL or token.kind == "spelled" or token.value in ("least", "most", "fewer", "more")
            for token in clause
        )
        is_frame = all(token.kind != "unknown" or token.value in FRAMING for token in clause)
        if says or not is_frame or any(token.value in DENYING for token in clause):
            kept += clause
    return kept


def refuse_unknown(found: Sequence[Token]) -> None:
    """Refuse a sentence that holds a word which no table knows.

    Raises:
        Unclear: with the words, or with the networks whose names are near.
    """
    unknown = [token.text for token in found if token.kind == "unknown"]
    if "?" in unknown:
        raise Unclear("it asks: write it as a statement")
    if not unknown:
        return
    words = [word for word in unknown if any(letter.isalpha() for letter in word)]
    for word in words:
        if any(letter.isdigit() for letter in word) or word.endswith("net"):
            near = difflib.get_close_matches(word.replace("-", ""), models.list_models(), n=3, cutoff=0.6)
            cure = f"; did you mean {' or '.join(near)}?" if near else "; the list is: minidl models"
            raise Unclear(f"there is no network or layer {word!r}{cure}")
    shown = ", ".join(repr(word) for word in dict.fromkeys(words or unknown))
    raise Unclear(f"it holds what might change its sense and is not understood: {shown}")


def near_networks(name: str) -> str:
    """Name the networks that a family's name may mean."""
    letters = "".join(letter for letter in name if letter.isalnum())
    known = models.list_models()
    near = [one for one in known if one.replace("_", "").startswith(letters)]
    near = near or difflib.get_close_matches(letters, known, n=4, cutoff=0.5)
    near = near or [one for one in known if one.startswith(letters[:3])]
    return f"there are {', '.join(near[:8])}" if near else "the list is: minidl models"
