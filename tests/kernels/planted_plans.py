"""The bugs that `mutants.py` plants in what is planned as a whole, and in its smallest kernels; see `planted.py`."""

from __future__ import annotations

from tests.kernels.planted import CONV, SEQUENCE, WIDENED, Mutant

JOURNEY, RUNNING, SUMS, BORROWING, POOL, GATES, MAPPED, THROUGH = (
    f"tests/kernels/test_{it}.py"
    for it in (
        *("journey", "cpu_running", "cpu_conv", "cpu_borrowing", "cpu_pool", "cpu_channels", "cpu_mapped"),
        "cpu_read_through",
    )
)

UP, ON = "target.row - across * ahead)\n", "line, column = line + 1, column"
PLANS = (
    *(
        Mutant(name, file, right, wrong, tests)
        for name, file, right, wrong, tests in (
            ("borrowing: nobody takes", "memory/borrowing.py", "swap(flag, 0, 1)", "swap(flag, 0, 0)", BORROWING),
            (
                "borrowing: another's is given back",
                "memory/borrowing.py",
                'again."""\n    put(address_in(tiles, place * tiles.shape[1])',
                'again."""\n    put(address_in(tiles, 0)',
                BORROWING,
            ),
            (
                "average: the last channels of a part",
                "avg_pool.py",
                "range(whole, behind, LANES)",
                "range(whole, whole)",
                POOL,
            ),
            ("average: the end of a part", "avg_pool.py", "(part + 1) * units", "part * units", POOL),
            ("gates: rows of a part", "excite.py", "(part + 1) * m // parts", "part * m // parts", GATES),
            (
                "gates: a picture's numbers",
                "excite.py",
                "splat(hidden[picture * m + row])",
                "splat(hidden[row])",
                GATES,
            ),
            ("gates: the end of a part", "excite.py", "min(c, (part + 1) * blocks", "min(c, part * blocks", GATES),
        )
    ),
    *(
        Mutant(f"pixels in turns: {name}", "conv/pixels.py", right, wrong, tests, narrow=True)
        for name, right, wrong, tests in (
            ("last products", "next_w, first, last))", "next_w, first, min(last, k - 2)))", CONV),
            ("an odd channel", "if (last - first) % 2:", "if False:", CONV),
            ("the last pixel", "across - PIXELS\n", "max(0, across - PIXELS - 1)\n", CONV),
            ("the other vector's shortcut", "residual, here + beside,", "residual, here,", CONV),
            ("a part's last vector", "((blocks + at_once - 1) // at_once)", "(blocks // at_once)", CONV),
            *(
                (f"widened, {name}", right, wrong, WIDENED)
                for name, right, wrong in (
                    (
                        "last products",
                        "k)\n                acc = plus(acc, _add_pixels",
                        "k) - 1\n                acc = plus(acc, _add_pixels",
                    ),
                    ("the row behind", f"{UP}            {ON} - across", f"{UP}            {ON} - column"),
                    (
                        "the row behind, by twos",
                        f"{UP}                {ON} - across",
                        f"{UP}                {ON} - column",
                    ),
                    ("the end of a row", "across - column + WINDOWS,", "across - column + WINDOWS - 1,"),
                    ("the end of a row, by twos", "across - column + PIXELS,", "across - column + PIXELS - 1,"),
                    ("the last pixel", "lines - 1, across - WINDOWS", "lines - 1, max(0, across - WINDOWS - 1)"),
                    ("the other plane", "made[:PIXELS], beside,", "made[:PIXELS], LANES,"),
                )
            ),
        )
    ),
    *(
        Mutant(f"pixels crosswise: {name}", "simd/accumulators.py", right, wrong, CONV, narrow=True)
        for name, right, wrong in (
            (
                "one vector for both",
                "for number, place in enumerate(vectors):",
                "for number, place in enumerate([vectors[0]] * 2):",
            ),
            ("registers exchanged", "lanes(first, FLOATS)) for", "lanes(LANES - FLOATS - first, FLOATS)) for"),
        )
    ),
    *(
        Mutant(f"mapped: {name}", "affine.py", right, wrong, MAPPED)
        for name, right, wrong in (
            ("the first picture's scales for all", "pixel // mapping.alike * 3 * mapping.channels", "0"),
            ("-0 gets lost", "s[at], -0.0", "s[at], 0.0"),
        )
    ),
    *(
        Mutant(f"mapped: {name}", "conv/mapped.py", right, wrong, MAPPED)
        for name, right, wrong in (
            ("as if the map were no wider", "(first + row) * step", "(first + row) * c"),
            ("an old tile", " or job == piece * jobs // pieces:", ":"),
            ("rows that one thread has", "min(each, rows - first)", "each - 1"),
            ("what others read is not written", "(owner(found.z))] != 2", "(owner(found.z))] < 2"),
            ("a residual forgotten", "None if residual_step else", "None if False else"),
            ("groups overlooked", "if groups != 1 or not z.size", "if not z.size"),
            ("rows of several pixels", "step // several", "step"),
        )
    ),
    *(
        Mutant(f"read through: {name}", file, right, wrong, THROUGH)
        for name, file, right, wrong in (
            (
                "what has changed",
                "conv/shortened.py",
                "in roots and not beside",
                "in roots and not True",
            ),
            ("channels that are written", "conv/shortened.py", "channels <= first and", "0 <= first and"),
            (
                "a result",
                "conv/shortened.py",
                " or (root := id(owner(found.z))) in kept",
                " or not (root := id(owner(found.z)))",
            ),
            ("pictures of somebody else", "conv/shortened.py", "not in made_there", "in ()"),
            ("a map that is added", "conv/mapped.py", "    if _others(launch, z, 0):", "    if False:"),
            (
                "the end of memory",
                "conv/mapped.py",
                " or at + found.rows * step * found.x.itemsize > memory.nbytes",
                "",
            ),
            ("few channels", "conv/mapped.py", "found.sizes[0] < ENOUGH_FOR_PLANES", "found.sizes[0] < 1"),
            ("the first line for all", "affine.py", "line, end = first * 3 * channels + c", "line, end = c"),
            ("further than a line goes", "affine.py", "(first + 1) * alike - pixel)", "count)"),
            ("the first channels for all planes", "conv/direct_dw.py", "channel + block * PLANE", "channel"),
            (
                "the first pixels for all",
                "conv/direct_dw.py",
                "map_planes(own, patch.tile, of_x, first[2]",
                "map_planes(own, patch.tile, of_x, 0",
            ),
            (
                "gathered vectors",
                "conv/direct_dw.py",
                "channel + block * LANES)\n\n\n@inline\ndef add_pair",
                "channel)\n\n\n@inline\ndef add_pair",
            ),
        )
    ),
    Mutant(
        "read through: a vector that is changed is read again",
        "affine.py",
        "x, at = following, at + step",
        "x, at = load(array, at + step), at + step",
        THROUGH,
        narrow=True,
    ),
    *(
        Mutant(f"sequence: {name}", "simd/sequence.py", right, wrong, SEQUENCE)
        for name, right, wrong in (
            ("sizes for strides", "*value.shape, *value.strides]", "*value.strides, *value.shape]"),
            ("floats as doubles", '"=f4x"', '"=d"'),
            ("always the first arrays", "self._words[at] = address(arguments[place])", "pass"),
            ("a failure that nobody hears of", "            return 1", "            continue"),
            ("several at a time", "one_at_a_time or nullcontext()", "nullcontext()"),
            ("what nobody may write", "array.flags.writeable or not kind.mutable", "True"),
        )
    ),
    *(
        Mutant(f"journey: {name}", file, right, wrong, JOURNEY)
        for name, file, right, wrong in (
            ("behind a region", "../_journey.py", "+ array.itemsize > end", "< 0"),
            ("no offset", "simd/sequence.py", "starts[self._regions] + self._offsets", "starts[self._regions]"),
            ("two at one time", "../_placing.py", "(known[:, 0] <= block.last)", "(known[:, 0] < block.last)"),
            (
                "across the border",
                "../_placing.py",
                "return border if place < border < place + size else place",
                "return place",
            ),
            (
                "a gradient that is not kept",
                "../_journey.py",
                "block.place, block.last = self.late_size, end",
                "block.place = self.late_size",
            ),
            (
                "the place in its region",
                "../_journey.py",
                "return region, at - start + offset",
                "return region, offset",
            ),
            (
                "old gradients",
                "../_journey.py",
                "starts[number] = address(memories[number])",
                "pass",
            ),
            (
                "dy in any order",
                "../_journey.py",
                "dy if lies_alike else self._dy.filled(dy)",
                "dy",
            ),
            (
                "the second result",
                "../_launches.py",
                "np.copyto(y, found[place][once])",
                "np.copyto(y, found[0][once])",
            ),
        )
    ),
    *(
        Mutant(f"running statistics: {name}", "running.py", right, wrong, RUNNING)
        for name, right, wrong in (
            ("the biased variance", "else var * unbiased", "else var"),
            ("eps forgotten", "(rstd[c] * rstd[c]) - eps", "(rstd[c] * rstd[c])"),
            ("a negative variance", "0.0 if var < 0 else var * unbiased", "var * unbiased"),
            ("momentum the other way round", "np.float32(1 - momentum)", "np.float32(momentum)"),
        )
    ),
    Mutant(
        "placing: over what is read",
        "../_placing.py",
        "!= (number, number, new.size)",
        "!= (old.bottom.last, number, new.size)",
        "tests/kernels/test_launches.py",
    ),
    *(
        Mutant(f"script: {name}", "../_script.py", right, wrong, "tests/kernels/test_launches.py")
        for name, right, wrong in (
            ("what may change counts as constant", "all(is_constant(it) or", "all(True or"),
            ("what is written again counts as made", "writers[id(root)] == 1 and", ""),
            ("what a constant was made into is no constant", " or id(owner(it)) in settled", ""),
            ("large things are kept, too", " and root.nbytes < SMALL", ""),
        )
    ),
    Mutant("sums of channels begin anywhere", "channel_sums.py", "sums[at] = 0", "pass", SUMS),
    Mutant("sums of one thread", "channel_sums.py", "range(1, threads)", "range(1, 1)", SUMS),
)
