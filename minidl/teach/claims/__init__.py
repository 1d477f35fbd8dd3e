"""Claims about the numbers of networks, read and judged: RIGHT, WRONG or DEPENDS, with the arithmetic.

A sentence goes through these files, each of which has one job:

    scanning     tokens: networks, layers, numbers with their units, quantities, words (`vocabulary`, `number`)
    reading      claims: which number is said of what; whatever would take a guess is refused with the reason
    refusing     words and clauses that might change the sense of a sentence
    subjects     what it is about: a network, some layers, a share, a ratio (`networks`, `comparing`)
    described    or a layer, a stack, a module that is described (`parts`, `layers`, `linears`, `stacks`, `modules`)
                 or a rule of thumb, or plain arithmetic (`rules`, `arithmetic`)
    ledger       what each operation has and costs
    readings     all that a quantity may be: plainly, by a convention, by a slip
    judging      the verdict
    files        claims in YAML, and sentences of a Markdown deck; `report` is the whole answer
"""

from __future__ import annotations

from collections.abc import Iterable

from minidl.teach.claims.judging import Answer, judge, together
from minidl.teach.claims.reading import understand
from minidl.teach.claims.unclear import Unclear
from minidl.teach.strings import claims as words

__all__ = ["Answer", "Unclear", "check", "check_all"]


def __dir__() -> list[str]:
    return [*__all__]


def check(text: str, line: int | None = None) -> list[Answer]:
    """Return what is to be said of a sentence: an answer for each claim in it.

    Example:
        >>> [(answer.verdict, answer.right) for answer in check("VGG-16 has 138M weights")]
        [('RIGHT', '138,357,544')]
    """
    return check_all([(text, line)])


def check_all(sentences: Iterable[tuple[str, int | None]]) -> list[Answer]:
    """Return the answers to several sentences, each with the number of its line or None.

    Wrong claims about the same things are looked at together, so that a slip is named which each alone does not betray.
    """
    from dataclasses import replace

    found: list[Answer] = []
    for text, line in sentences:
        try:
            answers = [judge(claim) for claim in understand(text)]
        except Unclear as error:
            answers = [Answer(text, words.UNREAD, why=str(error))]
        found += [replace(answer, line=line) for answer in answers]
    return together(found)
