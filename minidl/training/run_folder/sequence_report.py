"""The page of a run that writes strings: what it wrote of those that it has never seen, and where it looked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from minidl._html import Html, element, join
from minidl.models.alphabet import Alphabet
from minidl.training.run_folder import _report_page as _page
from minidl.training.run_folder import _report_parts as parts
from minidl.training.run_folder._report_page import Section
from minidl.training.run_folder.folder import RunFolder
from minidl.training.run_folder.task_report import write_task_report
from minidl.training.state import State
from minidl.viz._figure import save, to_page
from minidl.viz.attention import MOST, plot_attention

SHOWN = 12
ENDS = "⏎"  # stands for the end of a string
Pairs = Sequence[tuple[str, str]]


def write_sequence_report(
    run: RunFolder, state: State, score: Mapping[str, float], pairs: Pairs, written: Sequence[str]
) -> Path:
    """Write report.html, curves.png and attention.png.

    Args:
        run: the folder.
        state: the training.
        score: "loss", "symbols" and "strings" of the held-out strings.
        pairs: these, each with what should be written.
        written: what was.
    """
    right = sum(target == text for (_, target), text in zip(pairs, written))
    cards = [
        ("strings", parts.share(score["strings"]), f"{right:,} of {len(pairs):,} held-out strings written right"),
        ("symbols", parts.share(score["symbols"]), "right, given the right ones before"),
        ("loss", f"{score['loss']:.4f}", "mean cross-entropy of a symbol"),
    ]
    sections = [
        Section("strings", "Strings", "What it wrote", _strings(pairs, written)),
        Section("attention", "Attention", "Where it looked", _attention(run, state, pairs[0][0], written[0])),
    ]
    options = state.config.options
    about = {
        "training": f"{state.pictures[0]:,} strings an epoch, of {options['shortest']} to {options['longest']} symbols",
        "held out": f"{len(pairs):,} strings of {options['longest']} symbols, none of which is in any training",
        "symbols": options["symbols"],
    }
    return write_task_report(run, state, cards=cards, sections=sections, about=about)


def _strings(pairs: Pairs, written: Sequence[str]) -> Html:
    """Return a table of some held-out strings, the wrong ones first."""
    wrong = [number for number, (pair, text) in enumerate(zip(pairs, written)) if pair[1] != text]
    order = [*wrong, *(number for number in range(len(pairs)) if number not in set(wrong))][:SHOWN]
    rows = [(pairs[i][0], written[i], "right" if written[i] == pairs[i][1] else f"no: {pairs[i][1]}") for i in order]
    words = f"{len(wrong):,} of {len(pairs):,} held-out strings are wrong" + ("; these come first." if wrong else ".")
    return join(element("p", words), _page.table("Held-out strings", ("read", "written", "right?"), rows))


def _attention(run: RunFolder, state: State, source: str, text: str) -> Html:
    """Draw the decoder's look at a source, averaged over the heads, and return it with its words."""
    if max(len(source), len(text)) >= MOST:
        return element("p", f"Strings of {MOST} symbols and more are not drawn.")
    alphabet = Alphabet(state.config.options["symbols"])
    target = alphabet.encode([text], start=True)[:, :-1]
    looks = state.net.looks(alphabet.encode([source]), target).mean(axis=2)[:, 0]  # (depth, L, S)
    read, writes = [*source, ENDS], [*text, ENDS]
    figure = plot_attention(looks, writes, read, title=f"{source} read, {text} written")
    save(figure, run.path / "attention.png")
    alt = f"for each symbol of {text} that is written, how much each symbol of {source} is looked at, layer by layer"
    places = range(min(len(source), len(text)))
    backwards = sum(looks[-1][i, len(source) - 1 - i] for i in places) / max(len(places), 1)
    caption = (
        "A row for each symbol that is written, a column for each that was read; the more colour a cell has, the more "
        "of the look falls on it, averaged over the heads. Backwards is the other diagonal: the first symbol written "
        f"is the last one read; {parts.share(backwards)} of the last layer's looks lie there. {ENDS} ends a string."
    )
    return _page.plate(to_page(plot_attention(looks, writes, read), "attention", alt), caption, "wide")
