"""From "what comes next?" to a whole sentence: greedy and beam search, on plain arrays.

Both ask one question again and again, `step(prefixes, rows)`: given the tokens so far (M, L), which begin with `START`,
and which source each belongs to (M,), how likely is every token as the next one? The answer is log p (M, V). They know
nothing of the network behind it, so they can be tried with a table of probabilities, and beside a search of all
sentences that there are.

Neither writes `PADDING` or `START`, however likely they are said to be: they are no words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from minidl._checks import check_positive, to_int
from minidl.models.alphabet import END, PADDING, START

Step = Callable[[np.ndarray, np.ndarray], np.ndarray]


def greedy(step: Step, n: int, longest: int) -> np.ndarray:
    """Write the likeliest token, again and again, until `END`.

    Args:
        step: see above.
        n: how many sources there are.
        longest: how many tokens are written at most, `END` among them.

    Returns:
        The tokens (N, T) behind `START`, up to `END`, and `PADDING` behind it.

    Example:
        >>> table = np.log([[0.1, 0.1, 0.2, 0.6], [0.1, 0.1, 0.5, 0.3]])  # 3, and then the end
        >>> greedy(lambda prefixes, rows: np.repeat(table[[prefixes.shape[1] - 1]], len(rows), 0), 1, 9)
        array([[3, 2]])
    """
    to_int("greedy", "longest", longest, least=1)
    tokens = np.full((n, longest + 1), PADDING)
    tokens[:, 0] = START
    rows = np.arange(n)  # those that have not ended
    length = 1
    while len(rows) and length <= longest:
        tokens[rows, length] = _words_only(step(tokens[rows, :length], rows)).argmax(axis=1)
        rows = rows[tokens[rows, length] != END]
        length += 1
    return tokens[:, 1:length]


def penalty(length: int, alpha: float) -> float:
    """Return ((5 + length) / 6) ** alpha, by which log p is divided: Wu et al., arXiv:1609.08144, equation 14.

    A longer sentence is always less likely than its own beginning; so the sum of log p would favour short ones. With
    alpha 0 it does, with 1 it is nearly the mean over the tokens.
    """
    return ((5 + length) / 6) ** alpha


def beam(step: Step, row: int, longest: int, *, beams: int = 4, alpha: float = 0.6) -> tuple[np.ndarray, float]:
    """Follow the `beams` likeliest beginnings at a time, and return the sentence with the best log p / penalty.

    A sentence that has ended is put aside. The search ends when no beginning can become better than the best of them:
    log p only falls, so a beginning with log p = a can reach a / penalty(longest) at most.

    Args:
        step: see above.
        row: which source.
        longest: how many tokens are written at most, `END` among them; what has not ended by then counts as it is.
        beams: how many beginnings are followed.
        alpha: of the penalty.

    Returns:
        The tokens (T,) behind `START`, up to `END`, and log p / penalty(T).

    Example:
        >>> table = {1: [0, 0, 0.0, 0.6, 0.4], 3: [0, 0, 0.5, 0.3, 0.2], 4: [0, 0, 0.9, 0.1, 0.0]}
        >>> def step(prefixes, rows):
        ...     with np.errstate(divide="ignore"):
        ...         return np.log([table[last] for last in prefixes[:, -1]])
        >>> beam(step, 0, 5, beams=1, alpha=0)[0], beam(step, 0, 5, beams=2, alpha=0)[0]  # 0.6·0.5 < 0.4·0.9
        (array([3, 2]), array([4, 2]))
    """
    to_int("beam", "longest", longest, least=1)
    to_int("beam", "beams", beams, least=1)
    check_positive("beam", "alpha", alpha, zero=True)
    prefixes, log_p = np.full((1, 1), START), np.zeros(1)
    best, score = prefixes[0, 1:], -np.inf
    for length in range(1, longest + 1):
        next_p = _words_only(step(prefixes, np.full(len(prefixes), row))).astype(np.float64)
        sums = (log_p[:, None] + next_p).reshape(-1)  # (beginnings · V)
        ended = sums.reshape(next_p.shape)[:, END] if length < longest else sums
        winner = int(ended.argmax())
        if ended[winner] / penalty(length, alpha) > score:
            score = float(ended[winner] / penalty(length, alpha))
            source, token = (winner, END) if length < longest else divmod(winner, next_p.shape[1])
            best = np.append(prefixes[source, 1:], token)
        sums.reshape(next_p.shape)[:, END] = -np.inf  # the others go on
        order = np.argsort(-sums, kind="stable")[:beams]
        order = order[np.isfinite(sums[order])]
        if not len(order) or sums[order[0]] / penalty(longest, alpha) <= score:
            break
        prefixes = np.column_stack((prefixes[order // next_p.shape[1]], order % next_p.shape[1]))
        log_p = sums[order]
    return best, score


def padded(sentences: Sequence[np.ndarray]) -> np.ndarray:
    """Return sentences of several lengths as the rows of one array, with `PADDING` behind them.

    Example:
        >>> padded([np.array([4, 2]), np.array([3, 4, 2])])
        array([[4, 2, 0],
               [3, 4, 2]])
    """
    rows = np.full((len(sentences), max(map(len, sentences), default=0)), PADDING)
    for row, sentence in zip(rows, sentences):
        row[: len(sentence)] = sentence
    return rows


def _words_only(log_p: np.ndarray) -> np.ndarray:
    """Return log p with -∞ for the tokens that are never written."""
    log_p = log_p.copy()
    log_p[:, [PADDING, START]] = -np.inf
    return log_p
