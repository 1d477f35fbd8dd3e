"""One thing of every public class of what makes pictures or strings, and of the tasks that teach it."""

import numpy as np

from minidl import generation, models, nn
from minidl.training import tasks


def things():
    """Yield the things."""
    process = generation.Diffusion(generation.make_betas("linear", 50))
    with nn.init.unfilled():
        net = models.dit_tiny()
        yield from [net, generation.Averaged(nn.Linear(2, 2)), generation.Diffuser(net), models.transformer_tiny()]
        yield models.dcgan(image_size=16, width=4)
    yield from [process, generation.Reference([np.zeros((1, 3, 32, 32))] * 50, [[np.zeros((1, 16, 9))] * 9] * 50)]
    yield from [tasks.Task(), tasks.PictureTask()]
