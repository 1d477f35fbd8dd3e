"""Methods that PyTorch's hands call on a tensor, with arguments that are right for some of them."""

import numpy as np

NONE = "clone exp abs relu sigmoid numel dim tolist t floor isnan long bool double float nonzero unique requires_grad_"
NONE += " zero_ uniform_ normal_ squeeze detach contiguous count_nonzero"
AXIS = "size unsqueeze softmax log_softmax argmin amax amin sort argsort cumsum unbind flip std"
NUMBER = "add sub mul div pow eq gt le logical_and clamp clamp_min"
NUMBER += " fill_ add_ sub_ mul_ div_ clamp_ pow_"
ARRAY, SIZES = (
    "matmul mm view_as expand_as type_as copy_ equal allclose isclose",
    "view permute repeat expand new_zeros swapaxes movedim",
)
MASK = np.eye(2, 3) > 0

WORDS = {
    **dict.fromkeys(NONE.split(), ()),
    **dict.fromkeys(AXIS.split(), (0,)),
    **dict.fromkeys(NUMBER.split(), (1.0,)),
    **dict.fromkeys(ARRAY.split(), (np.ones((3, 2)),)),
    **dict.fromkeys(SIZES.split(), (2, 3)),
    "topk": (1, 0),
    "chunk": (2, 0),
    "split": (1, 0),
    "select": (0, 1),
    "narrow": (0, 0, 1),
    "norm": (2, 1),
    "index_select": (0, [0]),
    "gather": (0, np.zeros((1, 3), int)),
    "masked_fill": (MASK, 1.0),
    "unflatten": (1, (3, 1)),
    "type": ("float64",),
    "masked_select": (MASK,),
    "new_full": ((2,), 1.0),
    "masked_fill_": (MASK, 1.0),
    "where": (MASK, 1.0),
}
