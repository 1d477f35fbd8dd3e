"""Vectors inside Numba: how kernels are compiled, and what they are made of.

    compile.py         @kernel and @inline: compiled on the first call, for one signature; the threads
    crew.py            who does the work that a kernel shares: threads that spin briefly, and then sleep
    atomics.py         numbers that several threads change, sleep and clocks
    sequence.py        kernels that follow each other, started without Python in between
    outline.py         the loops that threads share, cut out of a kernel
    pieces.py          a kernel and its pieces are optimised together, once
    cache.py           where compiled kernels are kept between processes
    vector.py          sixteen numbers as one value: the type, arithmetic, masks
    load_store.py      vectors from memory, and back; prefetching
    accumulators.py    a few vectors that stay in registers while a product is summed up
    registers.py       how many of these there are, on this processor
    transpose.py       sixteen rows of sixteen numbers turned over in registers
    functions.py       eˣ and the activations of a vector
    gemm.py            BLAS from inside a kernel, one thread of it for each of ours

Nothing here knows of layers; read `compile.py` and `vector.py` first.
"""
