"""The transformer on strings that nobody has seen: `python -m benchmarks.reversals [--seeds 0 1 2] [--epochs N]`.

It is trained as `minidl train transformer` does it. The settings of its recipe were chosen by the strings that every
run is judged by, so these are others: as long, never in any training, and drawn with another seed. They are written
letter by letter, and count if all letters are right. Minutes are those of a processor core, as in `benchmarks.dcgan`.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks._asked import Parser, at_least, run
from benchmarks._tables import publish, table

STRINGS, SEED = 2000, 20_170_612


def main() -> None:
    parser = Parser("benchmarks.reversals", __doc__)
    parser.add_argument("--seeds", type=at_least(0), nargs="+", default=[0, 1, 2])
    parser.add_argument("--epochs", type=at_least(1), help="others than those of the recipe; nothing is published then")
    asked = parser.parse_args()
    from minidl import training
    from minidl.data.reversals import reversals
    from minidl.training import make_config
    from minidl.training.tasks.sequence import HELD_OUT_SEED, written

    rows = []
    for seed in asked.seeds:
        settings: dict[str, Any] = {"seed": seed} | ({} if asked.epochs is None else {"epochs": asked.epochs})
        config, began = make_config("transformer", **settings), time.process_time()
        with tempfile.TemporaryDirectory() as folder:
            state = training.train(config, out=Path(folder, "run")).state
        minutes, longest = (time.process_time() - began) / 60, state.config.options["longest"]
        kept = {"shortest": longest, "longest": longest, "symbols": state.config.options["symbols"], "held_out": True}
        judged = set(reversals(state.config.options["held_out"], seed=HELD_OUT_SEED, **kept))
        pairs = [pair for pair in reversals(STRINGS, seed=SEED, **kept) if pair not in judged]
        right = sum(text == target for (_, target), text in zip(pairs, written(state, pairs)))
        row = state.history[-1]
        rows.append([str(seed), f"{100 * right / len(pairs):.2f}", f"{100 * row['val_strings']:.2f}", f"{minutes:.1f}"])
        print(*rows[-1], sep=" | ", flush=True)
    columns = ["seed", "new strings right, %", "those that the run is judged by, %", "minutes of a core"]
    body = (
        f"{table(columns, rows)}\n\n{len(pairs):,} new strings of {longest} letters, written without a mistake "
        "(wanted: 99 %, in 3 minutes). A run judges itself with the true letters so far, which is easier."
    )
    if asked.epochs is None:
        publish("reversals", "Strings written backwards by transformer_tiny", body)


if __name__ == "__main__":
    run("benchmarks.reversals", main)
