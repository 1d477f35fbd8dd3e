"""torch.optim: optimisers, schedules, methods of an optimiser."""

from __future__ import annotations

from minidl._words import ANSWERED, REFUSED, WORKS, Word, Words, alike, nearest, same

OPTIM: Words = {
    **nearest(
        "optimiser",
        {
            "Adadelta": "optim.RMSprop",
            "Adafactor": "optim.Adam",
            "Adagrad": "optim.RMSprop",
            "Adamax": "optim.Adam",
            "Muon": "optim.SGD with momentum",
            "NAdam": "optim.Adam",
            "RAdam": "optim.Adam",
            "Rprop": "optim.RMSprop",
            "SparseAdam": "optim.Adam",
        },
    ),
    **alike(
        REFUSED,
        "no such optimiser; a subclass of optim.Optimizer with its update is one",
        "ASGD LBFGS swa_utils swap_in_optimizer_params_and_state",
    ),
}

SCHEDULERS: Words = {
    **same(
        ANSWERED,
        {
            "ChainedScheduler": 'LRScheduler(optimizer, make_schedule({"name": "cosine", "warmup": 5}, …))',
            "CosineAnnealingWarmRestarts": "LambdaLR(optimizer, lambda k: (1 + math.cos(math.pi * (k % T) / T)) / 2)",
            "CyclicLR": "OneCycleLR(optimizer, max_lr, total_steps), or LambdaLR(optimizer, function)",
            "MultiplicativeLR": "LambdaLR(optimizer, function), which gives the whole factor for every k",
            "SequentialLR": 'LRScheduler(optimizer, make_schedule({"name": "cosine", "warmup": 5}, …))',
            "_LRScheduler": "LRScheduler",
            "Optimizer": "optim.Optimizer",
            "Tensor": "minidl.Tensor",
        },
    ),
    **alike(
        REFUSED,
        "this belongs to PyTorch's own workings",
        "Any Counter EPOCH_DEPRECATION_WARNING Literal Self SupportsFloat TYPE_CHECKING TypedDict annotations "
        "bisect_right cast inf math override partial ref types warnings wraps",
    ),
}

OPTIMIZER: Words = {
    **alike(WORKS, "optimizer.NAME()", "state_dict step zero_grad"),
    **same(
        WORKS,
        {
            "add_param_group": 'optimizer.add_param_group({"params": parameters, "lr": 0.01})',
            "load_state_dict": "optimizer.load_state_dict(state)",
            "param_groups": 'optimizer.param_groups[0]["lr"]; optimizer.lr is the same',
        },
    ),
    "state": Word(ANSWERED, "optimizer.state_dict(); copies of all slots"),
    "defaults": Word(WORKS, "optimizer.defaults"),
    **alike(
        REFUSED,
        "override step in a subclass instead",
        "OptimizerPostHook OptimizerPreHook profile_hook_step register_load_state_dict_post_hook "
        "register_load_state_dict_pre_hook register_state_dict_post_hook register_state_dict_pre_hook "
        "register_step_post_hook register_step_pre_hook",
    ),
}
