"""The lists of docs/from-pytorch.md, made from the tables of words. `python -m tests.docs.from_pytorch` writes them."""

import re

from minidl._words import ANSWERED, REFUSED, WORKS
from minidl._words.data import DATA
from minidl._words.modules import ARGUMENTS, FUNCTIONAL, MODULE, NN, UTILS
from minidl._words.optim import OPTIM, OPTIMIZER, SCHEDULERS
from minidl._words.tensor import ARRAYS, CONTEXT, OPERATORS, TENSOR
from minidl._words.torch import CUDA, TORCH
from minidl._words.torch import UTILS as TORCH_UTILS
from tests.docs.pages import DOCS

PAGE = DOCS / "from-pytorch.md"
TABLES = {
    "tensor": TENSOR,
    "arrays": ARRAYS,
    "operators": OPERATORS,
    "cuda": CUDA,
    "torch": {name: word for name, word in TORCH.items() if TENSOR.get(name) is not word},
    "nn": NN,
    "functional": FUNCTIONAL,
    "utils": UTILS,
    "module": MODULE,
    "arguments": ARGUMENTS,
    "context": CONTEXT,
    "optim": OPTIM,
    "optimizer": OPTIMIZER,
    "schedulers": SCHEDULERS,
    "data": DATA,
    "torch utils": TORCH_UTILS,
}
HEADS = {WORKS: "| works | example |", ANSWERED: "| not there | write |", REFUSED: "| not there | because |"}
BLOCK = re.compile(r"(<!-- list: ([\w ]+), (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def rows(table, fate):
    """Return the lines of a list: words that share a way share a line."""
    shared = {}
    for name, word in table.items():
        if word.fate == fate:
            shared.setdefault(re.sub(rf"\b{re.escape(name)}\b", "NAME", word.way), []).append(name)
    for way, names in shared.items():
        way = way.replace("NAME", names[0]) if len(names) == 1 else way.replace("NAME", "…")
        code, _, remark = way.partition("; ")
        shown = way if fate == REFUSED else f"`{code}`" + f"; {remark}" * bool(remark)
        yield f"| {', '.join(f'`{name}`' for name in names)} | {shown.replace('|', chr(92) + '|')} |"


def made(text):
    """Return the page with its lists as the tables have them."""

    def block(found):
        lines = [HEADS[found[3]], "|---|---|", *rows(TABLES[found[2]], found[3])]
        return found[1] + "\n".join(lines) + "\n" + found[4]

    return BLOCK.sub(block, text)


if __name__ == "__main__":
    PAGE.write_text(made(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
