"""What `minidl check` answers: all claims of a command line, in their order, and the exit status."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minidl.teach.claims import check_all
from minidl.teach.claims.files import MARKDOWN, Entry, entries, is_file
from minidl.teach.claims.judging import Answer
from minidl.teach.strings import claims as words

WIDE = 8  # columns of a verdict


@dataclass(frozen=True)
class Part:
    """The answers to the claims of the command line, or of one file."""

    file: str
    answers: tuple[Answer, ...]
    expected: dict[int, Entry]
    problems: tuple[Entry, ...]
    is_deck: bool = False


@dataclass(frozen=True)
class Report:
    """All that is answered; `status` is the exit status."""

    parts: tuple[Part, ...]

    @property
    def answers(self) -> list[Answer]:
        """All answers in their order."""
        return [answer for part in self.parts for answer in part.answers]

    @property
    def counts(self) -> dict[str, int]:
        """How often each verdict was given."""
        found = Counter(answer.verdict for answer in self.answers)
        return {verdict: found[verdict] for verdict in (words.RIGHT, words.DEPENDS, words.WRONG, words.UNREAD)}

    @property
    def status(self) -> int:
        """1 if a claim is wrong, else 2 if one could not be read that should be, else 0."""
        if self.counts[words.WRONG]:
            return 1
        unread = any(
            part.problems or (not part.is_deck and any(one.verdict == words.UNREAD for one in part.answers))
            for part in self.parts
        )
        return 2 if unread else 0

    def to_dict(self) -> dict[str, Any]:
        """Return it for JSON."""
        found: list[dict[str, Any]] = []
        problems: list[dict[str, Any]] = []
        for part in self.parts:
            of_file = {"file": part.file} if part.file else {}
            found += [of_file | answer.to_dict() for answer in part.answers]
            problems += [of_file | {"line": entry.line, "problem": entry.problem} for entry in part.problems]
        return {"answers": found, "problems": problems, "counts": self.counts, "status": self.status}

    def lines(self, brief: bool = False) -> list[str]:
        """Return it for people."""
        found: list[str] = []
        for part in self.parts:
            found += [f"{part.file}: line {one.line}: {one.problem}" for one in part.problems]
            unread = []
            for answer in part.answers:
                if part.is_deck and answer.verdict == words.UNREAD:
                    unread.append(f"  line {answer.line}: {answer.text} ({answer.why})")
                else:
                    found += told(answer, part, brief)
            if unread:
                found += [f"{part.file}: {len(unread)} sentences with numbers that are not read:", *unread]
        if any(one.verdict == words.UNREAD for part in self.parts if not part.is_deck for one in part.answers):
            found += ["", words.KNOWN_FORMS, *(f"  {form}" + (f"  ({of})" if of else "") for form, of in words.FORMS)]
        if sum(self.counts.values()) > 1:
            found += ["", ", ".join(f"{number} {verdict.lower()}" for verdict, number in self.counts.items() if number)]
        return found


def told(answer: Answer, part: Part, brief: bool) -> list[str]:
    """Return the lines about one claim: the verdict, what it was read as, the arithmetic, and the reason."""
    where = f"{part.file}:{answer.line}: " if part.file else ""
    lines = [f"{answer.verdict.ljust(WIDE)} {where}{answer.text}"]
    blank = " " * (WIDE + 1)
    if answer.verdict == words.UNREAD:
        return [*lines, blank + answer.why]
    what = f"{answer.about}: {answer.right}"
    lines.append(blank + what)
    if not brief:
        lines += [f"{blank}  {line}" for line in answer.lines]
    if answer.why:
        form = words.BECAUSE[answer.verdict]
        lines.append(blank + form.format(why=answer.why))
    entry = part.expected.get(answer.line or 0)
    if entry is not None and entry.verdict and entry.verdict != answer.verdict:
        lines.append(f"{blank}the file expects {entry.verdict}")
    return lines


def report(arguments: Sequence[str]) -> Report:
    """Check claims and files of claims.

    Args:
        arguments: sentences, and names of YAML and Markdown files.

    Raises:
        OSError: if a file cannot be read.
    """
    parts: list[Part] = []
    texts: list[tuple[str, int | None]] = []
    for argument in arguments:
        if not is_file(argument):
            texts.append((argument, None))
            continue
        found = entries(Path(argument))
        claims = [entry for entry in found if not entry.problem]
        answers = check_all((entry.text, entry.line) for entry in claims)
        expected = {entry.line: entry for entry in claims}
        problems = tuple(entry for entry in found if entry.problem)
        parts.append(Part(argument, tuple(answers), expected, problems, argument.lower().endswith(MARKDOWN)))
    if texts:
        parts.insert(0, Part("", tuple(check_all(texts)), {}, ()))
    return Report(tuple(parts))
