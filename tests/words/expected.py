"""What PyTorch says to the lines: `python -m tests.words.expected` runs them there and writes it down."""

import json
from pathlib import Path

from tests.words import lines
from tests.words.world import names, plain, result_of

FILE = Path(__file__).parent.parent / "data" / "pytorch_lines.json"


def of_pytorch(line):
    """Return PyTorch's result of a line, as data."""
    import torch

    torch.manual_seed(0)
    return plain(result_of(line, names(torch, torch.nn, torch.nn.functional, torch.optim)))


def shared():
    """Return the lines that give PyTorch's result, in order."""
    return [line for part in lines.ALL.values() for line in part if isinstance(line, str)]


if __name__ == "__main__":
    found = {line: of_pytorch(line) for line in shared()}
    rows = [f"{json.dumps(line)}: {json.dumps(value)}" for line, value in found.items()]
    FILE.write_text("{\n" + ",\n".join(rows) + "\n}\n", encoding="utf-8")
