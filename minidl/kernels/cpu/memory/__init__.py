"""Where numbers lie: channels-last blocks, copies between memory orders, memory for the time of a call.

layout.py       pictures as N, H, W, C blocks and as rows of channels; nothing is copied that lies well
stacks.py       matrices where they lie, for products
copies.py       copies between arrays of any strides, on all threads
workspace.py    what a kernel may take for itself while it runs, and its limit
borrowing.py    a tile for each thread that is at work, whoever that is
"""
