"""What is told to a learner, in lines of plain text: the course and where he is, a verdict, the one next thing."""

from __future__ import annotations

from minidl.teach.learn.folder import Folder
from minidl.teach.learn.steps import Step, steps
from minidl.teach.learn.verdict import ERROR, UNWRITTEN, WRONG, Verdict
from minidl.teach.strings.learn import words

TITLES = 45  # columns of the titles in the list


def course(folder: Folder) -> list[str]:
    """Return the units and their steps, with what is done, and where the learner is."""
    here, lines, unit = folder.here(), [], ""
    standing = {name: folder.standing(step) for name, step in steps().items()}
    done = sum(word in (words.DONE, words.CHANGED) for word in standing.values())
    for step in steps().values():
        if step.unit != unit:
            unit = step.unit
            lines += ["", f"{unit}  {words.UNITS.get(unit, '')}".rstrip()]
        said = [standing[step.name], words.GIVEN_UP * folder.has_given_up(step)]
        head = f"{words.HERE if step is here else '':2} {step.number:3} {step.title:{TITLES}}"
        lines.append(f"{head} {', '.join(word for word in said if word)}".rstrip())
    return [words.PROGRESS.format(done=done, all=len(standing)), *lines, "", next_thing(folder, here)]


def next_thing(folder: Folder, step: Step | None) -> str:
    """Return the one next thing to do for a step that is not done; None stands for a course that is done."""
    if step is None:
        return words.EVERYTHING
    if folder.file(step).exists():
        return words.CHECK.format(number=step.number)
    return words.NEXT.format(number=step.number, title=step.title)


def verdict_of(folder: Folder, step: Step, verdict: Verdict, printed: list[str]) -> list[str]:
    """Return what is told about a check: what has been printed, the verdict, and the one next thing."""
    lines = [words.PRINTED.format(file=step.file), *(f"  {line}" for line in printed), ""] if printed else []
    if verdict.passed:
        lines.append(
            words.RIGHT.format(name=step.name, cases=verdict.cases, seed=verdict.seed, seconds=verdict.seconds)
        )
        return [*lines, next_thing(folder, folder.after(step))]
    head = words.NOT_RIGHT.format(name=step.name, state=verdict.state, seed=verdict.seed, seconds=verdict.seconds)
    lines += [head, "", *verdict.text.splitlines(), ""]
    if verdict.picture:
        lines += [*verdict.picture.splitlines(), ""]
    if verdict.state == WRONG and not verdict.mistake:
        lines.append(words.UNKNOWN_MISTAKE)
    return [*lines, *_help(folder, step, verdict)]


def _help(folder: Folder, step: Step, verdict: Verdict) -> list[str]:
    """Return where help is to be had: a step that this one builds on, a hint, the solution."""
    for need in (steps()[name] for name in step.needs):
        if not folder.file(need).exists() and verdict.state == ERROR:
            return [words.NEEDS.format(file=need.file, number=need.number)]
        if folder.file(need).exists() and folder.standing(need) != words.DONE:
            return [words.FIRST.format(file=need.file, number=need.number)]
    if verdict.state == UNWRITTEN and folder.file(step).suffix == ".ipynb":
        return [words.UNSAVED]
    seen = folder.hints_seen(step)
    if seen < len(step.hints):
        return [words.HINT.format(which=seen + 1, number=step.number)]
    return [words.NO_HINT.format(number=step.number)]
