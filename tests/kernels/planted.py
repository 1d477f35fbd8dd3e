"""The bugs that `mutants.py` plants in fast kernels: each is one wrong line, which the tests that it names must see."""

from __future__ import annotations

from typing import NamedTuple

CONV, ATTENTION, NORM, LINEAR, ELEMENTWISE, WIDENED, WINOGRAD, SMALL, SEQUENCE = (
    f"tests/kernels/test_cpu_{it}.py"
    for it in ("conv", "attention", "own_norm", "linear", "elementwise", "widened", "winograd", "small", "sequence")
)
WIDENED_FILE, TURNS_FILE = "conv/widened.py", "conv/turns.py"


class Mutant(NamedTuple):
    """A bug: `right`, which stands once in the file, becomes `wrong`, and `tests` must fail.

    Where it needs `wide` registers, or `narrow` ones, other processors do not run that line.
    """

    name: str
    file: str
    right: str
    wrong: str
    tests: str = CONV
    wide: bool = False
    narrow: bool = False


OF_PAIRS = ("one block", "rows of eight", "shortcut of the other vectors")  # what narrow registers do without
MUTANTS = (
    Mutant("padding of the rows for the columns", "conv/geometry.py", "self.kw, -left,", "self.kw, -top,"),
    Mutant(
        "way back one pixel off",
        "conv/geometry.py",
        "padding - last * dilation) // stride",
        "padding - last) // stride",
    ),
    Mutant(
        "way back: taps in the wrong order",
        "conv/geometry.py",
        "stride, last, -every, source)",
        "stride, 0, every, source)",
    ),
    Mutant("way back: wrong distance of taps", "conv/geometry.py", "every * dilation // stride", "dilation"),
    Mutant(
        "input tile: no zeros on the right",
        "conv/input_tile.py",
        "zeros(tile, at + after * pixel, (span - after) * pixel)",
        "pass",
    ),
    Mutant(
        "input tile: a row too many",
        "conv/input_tile.py",
        "top + row < 0 or top + row >= h:",
        "top + row < 0 or top + row > h:",
    ),
    Mutant("input tile: last channels forgotten", "conv/input_tile.py", "if whole < channels:", "if whole > channels:"),
    Mutant(
        "packing: a round of the transpose is wrong", "simd/transpose.py", "else LANES + lane - s for", "else lane for"
    ),
    Mutant(
        "packing: last columns forgotten", "simd/transpose.py", "range(whole, columns)", "range(whole, columns - 1)"
    ),
    Mutant("packing: taps not flipped", "conv/packing.py", "column + i % columns * column_step", "column"),
    Mutant(
        "packing: missed group offset",
        "conv/packing.py",
        "range(group * outputs, (group + 1) * outputs)",
        "range(outputs)",
    ),
    Mutant(
        "direct: missed group of the weights",
        "conv/direct.py",
        "number, two = group * blocks + block,",
        "number, two = block,",
    ),
    *(
        Mutant(f"direct, windows of a row: {name}", TURNS_FILE, right, wrong, wide=True)
        for name, right, wrong in (
            ("last products", "range(0, length, PIECE)", "range(0, length - PIECE + 1, PIECE)"),
            ("the last one", "acc, left_of, lanes, channel", "acc, left_of - 1, lanes, channel"),
            ("last channels win", "acc, left_of, lanes, channel", "acc, left_of, lanes, 0"),
            ("the others of one vector", "w + k * LANES, at + WINDOWS * step,", "w + k * LANES, at,"),
        )
    ),
    *(
        Mutant(f"direct, windows anywhere: {name}", TURNS_FILE, right, wrong, narrow=True)
        for name, right, wrong in (
            ("last products", "range(beyond, end, PIECE)", "range(beyond, end - PIECE + 1, PIECE)"),
            ("the last one", "activated(kind, acc), some, lanes", "activated(kind, acc), some - 1, lanes"),
            ("last channels win", "some, lanes, channel)", "some, lanes, 0)"),
            ("behind the end of a row", "(jump if in_row < 4 else 0)", "0"),
            ("the next row one off", "column - across, line + 1", "0, line + 1"),
            ("the next picture", "windows.picture - row * windows.row", "windows.row"),
            ("rows that are too short", "min(WINDOWS, across), 0, 0, 0", "WINDOWS, 0, 0, 0"),
            ("the shortcut", "plus_some(acc, residual, made, 0, some, lanes)", "acc"),
            ("the end of a picture", "out = target.at + line // down * target.picture", "out = target.at"),
        )
    ),
    Mutant(
        "direct: a picture without its corner",
        "conv/direct.py",
        "* source_width + start) * c + at",
        "* source_width) * c + at",
    ),
    Mutant(
        "direct: a picture's rows as those of an input tile",
        "conv/direct.py",
        "+ at, source_h, source_width, c)",
        "+ at, down, source_width, c)",
    ),
    Mutant(
        "direct: too few windows for a picture",
        TURNS_FILE,
        "return WINDOWS if blocks % 2 == 0 else ALONE",
        "return 0",
        wide=True,
    ),
    Mutant("direct: a picture read beyond its end", "conv/geometry.py", "self.first + self.span <= self.size", "True"),
    Mutant("direct: rows of pixels for padded pictures", "conv/geometry.py", " or any(map(any, self.padding))", ""),
    Mutant(
        "direct: last block of channels forgotten",
        "conv/direct.py",
        "blocks, k = (outputs + LANES - 1) // LANES,",
        "blocks, k = max(1, outputs // LANES),",
    ),
    Mutant(
        "direct dw: strides exchanged",
        "conv/direct_dw.py",
        "::down, ::across]",
        "::across, ::down]",
    ),
    Mutant(
        "direct dw: last weights forgotten",
        "conv/direct_dw.py",
        "length) + ROWS - 1) // ROWS",
        "length) + 1) // ROWS",
    ),
    Mutant(
        "direct dw: pictures of an area on one place",
        "conv/direct_dw.py",
        "        place = begin_of(target, picture + number, first",
        "        at, place = 0, begin_of(target, picture + number, first",
    ),
    Mutant(
        "direct dw: last area wins",
        "conv/direct_dw.py",
        "LANES, acc, share.last - q, LANES, adding)",
        "LANES, acc, share.last - q, LANES, 0)",
    ),
    *(
        Mutant(f"direct dw: {name}", "conv/direct_dw.py", right, wrong, SMALL)
        for name, right, wrong in (
            ("dy from the first row", "top * row + first * turn", "first * turn"),
            ("x from the first column", "top * seen.row + first * seen.step", "top * seen.row"),
            ("columns of rows", "border.left + run * border.spacing_w", "border.left + run * border.spacing"),
            ("pictures as rows", "(seen.row, seen.step, seen.picture), (row", "(seen.row, seen.step, seen.row), (row"),
        )
    ),
    Mutant("small: what sees nothing", "conv/input_tile.py", "max(0, (step - 1 - first) // step)", "0", SMALL),
    Mutant(
        "small: places beyond the end",
        "conv/input_tile.py",
        "min(count, (size - first",
        "max(count, (size - first",
        SMALL,
    ),
    Mutant("small: one too few", "conv/input_tile.py", "(size - first + step - 1)", "(size - first)", SMALL),
    *(
        Mutant(f"small: {name}", "conv/small.py", right, wrong, SMALL, name == "the other vector's shortcut")
        for name, right, wrong in (
            ("always the first rows of weights", "(i * taps_w + j) * run", "j * run"),
            ("pictures beyond the end", "picture = min(picture, last - PICTURES)", "picture = max(picture, 0)"),
            ("the other vector's shortcut", "residual, here + LANES, to_next", "residual, here, to_next"),
            ("the first group's weights", "number, lanes = group * blocks + pair", "number, lanes = pair"),
            ("one run of dilated taps", "joined = spacing_w == 1 and groups == 1", "joined = groups == 1"),
            ("one run of a group's taps", "joined = spacing_w == 1 and groups == 1", "joined = spacing_w == 1"),
            ("the last piece wins", "        acc = plus(acc, some)", "        acc = some"),
            ("the rows of the other parts", "(part + 1) * windows // parts", "windows // parts"),
            ("the places of another phase", "out + place_w + b * stride_w", "out + b * stride_w"),
        )
    ),
    Mutant("grouped: wrong copy", "conv/grouped.py", "ahead, second_of_4(v)", "ahead, first_of_4(v)"),
    Mutant("grouped: channels of a group not exchanged", "conv/grouped.py", "width).transpose(0, 3, 2, 1)", "width)"),
    Mutant(
        "widened: no zeros below",
        "conv/input_tile.py",
        "below * span * LANES, (height - below) * span * LANES",
        "0, 0",
        WIDENED,
    ),
    Mutant("widened: rows off by the padding", WIDENED_FILE, "(down[0] * span + across[0])", "across[0]", WIDENED),
    Mutant("widened: bands as if the stride were one", WIDENED_FILE, "top + step * first", "top + first", WIDENED),
    Mutant(
        "widened: one plane for two vectors",
        WIDENED_FILE,
        "inner, plane, extent, factors",
        "inner, LANES, extent, factors",
        WIDENED,
        True,
    ),
    Mutant(
        "widened: what others read is not written",
        WIDENED_FILE,
        "(owner(between))] != 2",
        "(owner(between))] < 2",
        WIDENED,
    ),
    Mutant(
        "widened: shortcuts forgotten",
        WIDENED_FILE,
        "columns[1], groups, added, added_later,",
        "columns[1], groups, 0, 0,",
        WIDENED,
    ),
    Mutant("grouped dw: last windows forgotten", "conv/grouped.py", "windows_w - WINDOWS * sevens", "0"),
    *(
        Mutant(f"grouped dw: {name}", "conv/grouped.py", right, wrong)
        for name, right, wrong in (
            ("wrong row", "tap // taps[1] * spacing * span", "tap // taps[1] * span"),
            ("nine sums, windows side by side", "v1, w1 = u1, v1, w1, u2, v2, w2", "v1, w1 = u0, v0, w0, u2, v2, w2"),
            ("nine sums, windows two apart", "u0, v0, w0 = u2, v2, w2", "u0, v0, w0 = u1, v1, w1"),
            ("five sums, windows side by side", "u0, u1, u2, u3 = u1, u2, u3, u4", "u0, u1, u2, u3 = u0, u1, u2, u4"),
            ("five sums, windows two apart", "u0, u1, u2 = u2, u3, u4", "u0, u1, u2 = u1, u2, u3"),
            ("five sums, one row of taps", "for tap in range(5):", "for tap in range(1):"),
            ("the rows behind the last", "min(few, last - a), windows_w", "few, windows_w"),
            ("one thread's alone", "for number in range(1, threads):", "for number in range(1, 1):"),
        )
    ),
    Mutant("grouped: the last two taps of a row", "conv/grouped.py", "        if taps == 2:", "        if taps:"),
    Mutant(
        "direct dw: chunks of a plane",
        "conv/direct_dw.py",
        "chunk % PER_PLANE * ROWS if",
        "chunk % PER_PLANE if",
    ),
    *(
        Mutant(f"{file}: {name}", f"conv/{file}.py", right, wrong, tests, name in OF_PAIRS)
        for tests, file, name, right, wrong in (
            (CONV, "winograd", "shortcut forgotten", "                if added:", "                if added > 1:"),
            (CONV, "turns", "shortcut of the other vectors", "residual, here + beside,", "residual, here,"),
            (CONV, "points", "wrong number in B", "splat(-SUM)", "splat(-TWO)"),
            (CONV, "points", "wrong number in A", "R3, S3 = R * HALF, S * TWO", "R3, S3 = R, S * TWO"),
            (CONV, "points", "wrong number in G", "np.float32(1 / 6)", "np.float32(1 / 5)"),
            (CONV, "winograd", "last column of tiles", "min(side, width - column)", "min(3, width - column)"),
            (CONV, "winograd", "border of zeros missed", "row + side <= h", "row + side - 1 <= h"),
            (
                CONV,
                "points",
                "a row below the picture",
                "if 0 <= row + 3 < h else",
                "if 0 <= row + 3 <= h else",
            ),
            (CONV, "winograd", "one block", "* LANES * size, min(PAIR, blocks - block)", "* LANES * size, 1"),
            (CONV, "winograd", "last rows of tiles", "out, LANES, acc, rows,", "out, LANES, acc, rows - 1,"),
            (CONV, "winograd", "rows of eight", "row += MORE", "row += MORE - 1"),
            (CONV, "winograd", "one row left out", "row += ROWS", "row += ROWS + 1"),
            (
                CONV,
                "winograd",
                "last tiles of a piece",
                "(piece + 1) * chunks // pieces):",
                "(piece + 1) * (chunks // pieces)):",
            ),
            (CONV, "winograd", "few, last channels win", "size, k, blocks, first)", "size, k, blocks, 0)"),
            (CONV, "winograd", "few, the first biases", "channel * LANES, blocks, t)", "0, blocks, t)"),
            (WINOGRAD, "winograd", "few, U of the first pair", "(begin + block) * LANES * c", "begin * LANES * c"),
            (
                WINOGRAD,
                "winograd",
                "few, last outputs",
                "(thread + 1) * pairs // threads",
                "(thread + 1) * (pairs // threads)",
            ),
            (CONV, "points", "infinity forgotten", "even_s, u5 if", "even_s, u0 if"),
            (CONV, "points", "infinity of 5×5 forgotten", "even_s, u5))", "even_s, u0))"),
            (CONV, "points", "last result of two", "else y1 + m5", "else y1"),
            (CONV, "points", "last gradient of two", "d3 if side == 4 else d1", "d3"),
            (CONV, "points", "gradients that are not there", "    if side == 2:", "    if side == 3:"),
            (CONV, "points", "last of five weights", "g4 if taps == 5 else g2", "g2"),
            (CONV, "points", "the fifth at s", "fma(splat(FOUR), g4,", "fma(splat(TWO), g4,"),
            (CONV, "winograd_dw", "25 weights as if 9", "(taps * row + column) * tap", "(3 * row + column) * tap"),
            (CONV, "winograd", "25 packed weights as if 9", "range(taps):\n        v", "range(3):\n        v"),
            (WINOGRAD, "winograd_dw", "last tiles win", "size, first - begin)", "size, 0)"),
            (WINOGRAD, "winograd_dw", "last of all win", "c, o, size, origin)", "c, o, size, 0)"),
            (CONV, "packing", "one part of turned weights", "for part in range(1,", "for part in range(2,"),
            (CONV, "packing", "one part of weights", "for number in range(1,", "for number in range(2,"),
            (CONV, "grouped", "taps of the way back", "LANES)[seen]", "LANES)[:]"),
            (WINOGRAD, "winograd_dw", "one thread's alone", "range(1, du.shape[0])", "range(1, 1)"),
        )
    ),
    Mutant("bias: sums of dy for those of dz", "channel_sums.py", "widen(below)", "widen(above)"),
    Mutant("epilogue: residual forgotten", "conv/epilogue.py", "        if added:", "        if added > 1:"),
    *(
        Mutant(f"attention: {name}", "attention.py", right, wrong, ATTENTION)
        for name, right, wrong in (
            (
                "earlier keys keep their weight",
                "            _scale(y, of_y + i * y_step, e, factor)",
                "            pass",
            ),
            ("earlier sums keep their size", "sums[i] *= factor", "sums[i] *= 1"),
            ("nothing is divided", "np.float32(1 / total))", "np.float32(1))"),
            (
                "later keys replace the earlier ones",
                "v_step, False, min(first, 1), y[of_y:]",
                "v_step, False, 0, y[of_y:]",
            ),
            ("the queries of the first head", "of_q, of_k, of_v = places[1 + head]", "of_q, of_k, of_v = places[1]"),
            (
                "the values of the first keys",
                "k[of_k + first * k_step :], v[of_v + first * v_step :]",
                "k[of_k + first * k_step :], v[of_v:]",
            ),
            (
                "the sums of the rows without their largest",
                "(ZERO if most[i] == LOWEST else most[i]) + np.log(total)",
                "ZERO + np.log(total)",
            ),
            ("the row of no key", "less = ZERO if larger == LOWEST else larger", "less = larger"),
            (
                "the mask of the first keys",
                "_masked(scores, i * some, some, mask, marks, of_mask + i * mask_step + first",
                "_masked(scores, i * some, some, mask, marks, of_mask + i * mask_step",
            ),
            ("a hidden NaN", "> splat(ZERO), s, splat(LOWEST))", "> splat(ZERO), s, s + splat(LOWEST))"),
            ("one row of a mask for all", "        places[0] = 0", "        pass"),
            (
                "dv of the last rows",
                "some, True, above, dy_step, False, later,",
                "some, True, above, dy_step, False, 0,",
            ),
            (
                "dk of the last rows",
                "some, True, queries, q_step, False, later,",
                "some, True, queries, q_step, False, 0,",
            ),
            ("dq of the last keys", "k_step, False, again, to_q", "k_step, False, 0, to_q"),
            ("dk without the root", "scaled_product(scale, some, d, rows, ds", "scaled_product(1, some, d, rows, ds"),
            (
                "softmax's mean term",
                "weight * (load_some(ds, j, left) - splat(less))",
                "weight * load_some(ds, j, left)",
            ),
        )
    ),
    Mutant("attention: few scores", "loss.py", "in range(at + 1, at + m):", "in range(at + 2, at + m):", ATTENTION),
    Mutant(
        "attention: the last scores of a row", "loss.py", "            total += y[i]\n", "            pass\n", ATTENTION
    ),
    *(
        Mutant(f"layer norm: {name}", "own_norm.py", right, wrong, NORM)
        for name, right, wrong in (
            ("the last numbers have no mean", "        sums += x[i]\n", "        pass\n"),
            ("the last numbers have no variance", "        sums += (x[i] - mean) * (x[i] - mean)", "        pass"),
            ("what rounding has left over", "rest = splat(F((F(middle) - middle) * scale))", "rest = splat(ZERO)"),
            ("eps forgotten", "(sums + sum_of(squares)) / m + eps", "(sums + sum_of(squares)) / m"),
            (
                "the weight outside of the sums",
                "g = load_some(dy, at + i, left) * load_some(w, i, left)\n            some",
                "g = load_some(dy, at + i, left)\n            some",
            ),
            ("later pieces", "range(0, m, PIECE)", "range(0, min(m, PIECE), PIECE)"),
            ("dx without the mean of g", "fma(x_hat, of_gx, g) - of_g", "fma(x_hat, of_gx, g)"),
            ("dx without the mean of g·x̂", "fma(x_hat, of_gx, g) - of_g", "g - of_g"),
            ("dw of the last rows", "load_some(sums, dw + c, left) + widen(other)", "widen(other)"),
            ("dw and db exchanged", "db, dw = (total", "dw, db = (total"),
        )
    ),
    *(
        Mutant(f"products: {name}", "linear.py", right, wrong, LINEAR)
        for name, right, wrong in (
            ("no bias", "            if beta:", "            if beta > 1:"),
            ("always the first matrix", "places[count + 2 + pair]", "places[count + 2]"),
            ("rows of a matrix that lies on its side", "row * (1 if a_turned else a_step)", "row * a_step"),
            ("always the first rows", "(pair * n + row) * o", "pair * n * o"),
            ("b that lies on its side", "b[of_b:], b_step, b_turned, 0", "b[of_b:], b_step, False, 0"),
            ("rows left over", "n * (part + 1) // parts - n * part // parts", "n // parts"),
        )
    ),
    *(
        Mutant(f"linear: {name}", "linear.py", right, wrong, LINEAR)
        for name, right, wrong in (
            ("few rows, the last numbers", "for k in range(whole, inner):", "for k in range(whole, whole):"),
            ("few rows, later pieces", "range(0, whole, PIECE)", "range(0, min(whole, PIECE), PIECE)"),
            (
                "few rows, some outputs twice",
                "in range(new, min(new + BESIDE, o))",
                "in range(first, min(new + BESIDE, o))",
            ),
            ("shared rows begin anew", "x[row * inner :], inner, False", "x, inner, False"),
            ("shared weights begin anew", "w[at:], step, transposed", "w, step, transposed"),
            ("dw of the first outputs", "dy[first:], o, True", "dy, o, True"),
        )
    ),
    *(
        Mutant(f"gelu: {name}", "simd/functions.py", right, wrong, ELEMENTWISE)
        for name, right, wrong in (
            (
                "one side for both",
                "return where(near > splat(ZERO), splat(ONE) - tail, tail)",
                "return splat(ONE) - tail",
            ),
            ("never tanh", "if kind == GELU_TANH:\n        return", "if kind < 0:\n        return"),
            ("a number of the tail", "p = fma(p, t, splat(C0))", "p = fma(p, t, splat(C1))"),
            ("the density without its root", "splat(DENSITY) * exp(", "splat(ONE) * exp("),
            ("the slope of the cube", "fma(splat(THREE_CUBES), near * near, splat(ONE))", "splat(ONE)"),
            ("x·φ", "return dy * fma(near, bend, gate)", "return dy * gate"),
        )
    ),
)
