"""Weight files: what the world's networks were saved in, as a plain dict of name and NumPy array.

    load             .safetensors, .npz and PyTorch's .pth, told apart by their content; PyTorch is not needed
    save             .safetensors, with the network's name and arguments
    read_metadata    that name and those arguments
    demo_path        the real weights that the extra ``demo`` installs
    names            the names of other authors' parameters in torchvision's words; what wrappers put before names

Loading runs nothing that a file contains: pickles are read by `minidl._unpickle`, which can only build data, and what
lies beside the weights by `_companions`, which keeps the names of its classes and nothing else.
"""

from minidl.weights import names
from minidl.weights._demo import demo_path
from minidl.weights._load import Loaded, load, read_metadata
from minidl.weights._safetensors import save

__all__ = ["Loaded", "demo_path", "load", "names", "read_metadata", "save"]


def __dir__() -> list[str]:
    return [*__all__]
