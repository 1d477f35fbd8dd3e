"""torch.nn and its parts: layers, functions, initial values; methods of a module; arguments that only PyTorch has."""

from __future__ import annotations

from minidl._words import ANSWERED, REFUSED, WORKS, Word, Words, alike, flat, nearest, same

RECURRENT = "minidl is for convolutional networks and transformers: no recurrent layers"
OWN = "no such layer; a Module of yours with operations of minidl.ops is one"

NN: Words = {
    **same(
        ANSWERED,
        {
            "AdaptiveMaxPool2d": "ops.max(x, (2, 3)); for the output size 1",
            "Buffer": "net.register_buffer(name, array)",
            "BCELoss": "nn.BCEWithLogitsLoss; which takes the logits",
            "ConstantPad2d": "ops.pad(x, padding, value)",
            "CrossMapLRN2d": 'nn.LocalResponseNorm(5, k=1.0, convention="torch")',
            "DataParallel": "net; one process uses all cores, or one GPU",
            "Hardtanh": "x.clamp(-1, 1)",
            "InstanceNorm2d": "nn.GroupNorm; with as many groups as channels",
            "KLDivLoss": "ops.cross_entropy(logits, probabilities); less their own entropy",
            "LogSigmoid": "x.sigmoid().log()",
            "NLLLoss2d": "nn.NLLLoss",
            "ParameterDict": "nn.ModuleDict, or net.register_parameter(name, parameter)",
            "ParameterList": "nn.ModuleList, or net.register_parameter(name, parameter)",
            "Transformer": "models.transformer_base; which has embeddings and logits as well",
            "TransformerDecoder": "nn.ModuleList; of nn.TransformerDecoderLayer, called one after the other",
            "TransformerEncoder": "nn.ModuleList; of nn.TransformerEncoderLayer, called one after the other",
            "Softmax2d": "nn.Softmax(axis=1)",
            "Softmin": "(-x).softmax(1)",
            "Softsign": "x / (1 + x.abs())",
            "SyncBatchNorm": "nn.BatchNorm2d",
            "Tanhshrink": "x - x.tanh()",
            "UpsamplingBilinear2d": "nn.Upsample",
            "UpsamplingNearest2d": "nn.Upsample",
            "grad": "loss.backward(); then p.grad",
            "modules": "minidl.nn; everything is there",
            "parameter": "nn.Parameter",
            "CosineSimilarity": "(x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))",
            "PairwiseDistance": "(x - y).norm(dim=1)",
        },
    ),
    **nearest(
        "layer",
        {
            "CELU": "nn.ELU",
            "HuberLoss": "nn.SmoothL1Loss",
            "Mish": "nn.SiLU",
            "RMSNorm": "nn.LayerNorm",
            "SELU": "nn.ELU",
        },
    ),
    **flat(
        "nn.NAME; layers are for pictures, and a row of numbers is a picture of height 1",
        "AdaptiveAvgPool AvgPool Conv ConvTranspose Dropout MaxPool ZeroPad",
    ),
    "BatchNorm3d": Word(ANSWERED, "nn.BatchNorm2d; layers are for pictures"),
    **alike(
        ANSWERED,
        "nn.Conv2d, nn.Linear, …; with the number of inputs",
        "LazyBatchNorm1d LazyBatchNorm2d LazyBatchNorm3d LazyConv1d LazyConv2d LazyConv3d LazyConvTranspose1d "
        "LazyConvTranspose2d LazyConvTranspose3d LazyInstanceNorm1d LazyInstanceNorm2d LazyInstanceNorm3d LazyLinear",
    ),
    **alike(
        REFUSED,
        RECURRENT,
        "EmbeddingBag GRU GRUCell LSTM LSTMCell RNN RNNBase RNNCell RNNCellBase",
    ),
    **alike(
        REFUSED,
        OWN,
        """
        AdaptiveMaxPool1d AdaptiveMaxPool3d CircularPad1d CircularPad3d ConstantPad1d ConstantPad3d
        FractionalMaxPool3d InstanceNorm1d InstanceNorm3d LPPool1d LPPool3d MaxUnpool1d MaxUnpool3d ReflectionPad1d
        ReflectionPad3d ReplicationPad1d ReplicationPad3d AdaptiveLogSoftmaxWithLoss AlphaDropout Bilinear CTCLoss
        CircularPad2d CosineEmbeddingLoss FeatureAlphaDropout FractionalMaxPool2d GLU GaussianNLLLoss Hardshrink
        HingeEmbeddingLoss LPPool2d LinearCrossEntropyLoss LinearCrossEntropyOptions MarginRankingLoss MaxUnpool2d
        MultiLabelMarginLoss MultiLabelSoftMarginLoss MultiMarginLoss PReLU PixelShuffle PixelUnshuffle PoissonNLLLoss
        RReLU ReflectionPad2d ReplicationPad2d SoftMarginLoss Softshrink Threshold TripletMarginLoss
        TripletMarginWithDistanceLoss
        """,
    ),
    **alike(
        REFUSED,
        "this belongs to PyTorch's own workings",
        "Container UninitializedBuffer UninitializedParameter common_types factory_kwargs intrinsic parallel qat "
        "quantizable quantized",
    ),
}

# Functions of nn.functional that PyTorch has and minidl has not.

FUNCTIONAL: Words = {
    **same(
        ANSWERED,
        {
            "adaptive_max_pool2d": "ops.max(x, (2, 3), keepdims=True); for the output size 1",
            "binary_cross_entropy": "F.binary_cross_entropy_with_logits; which takes the logits",
            "cosine_similarity": "(x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))",
            "instance_norm": "F.group_norm; with as many groups as channels",
            "kl_div": "F.cross_entropy(logits, probabilities); less their own entropy",
            "logsigmoid": "x.sigmoid().log()",
            "pairwise_distance": "(x - y).norm(dim=1)",
            "softmin": "(-x).softmax(1)",
            "softsign": "x / (1 + x.abs())",
            "tanhshrink": "x - x.tanh()",
            "upsample": "F.interpolate(x, scale_factor=2)",
            "upsample_bilinear": "F.interpolate(x, scale_factor=2, mode='bilinear')",
            "upsample_nearest": "F.interpolate(x, scale_factor=2)",
            "Tensor": "minidl.Tensor",
            "np": "import numpy as np",
            "math": "import math",
            "warnings": "import warnings",
            "importlib": "import importlib",
            "dataclasses": "import dataclasses",
        },
    ),
    **nearest(
        "function",
        {
            "celu": "F.elu",
            "huber_loss": "F.smooth_l1_loss",
            "mish": "F.silu",
            "rms_norm": "F.layer_norm",
            "selu": "F.elu",
        },
    ),
    **flat(
        "F.NAME; a row of numbers is a picture of height 1",
        "adaptive_avg_pool avg_pool conv conv_transpose dropout max_pool",
    ),
    **alike(
        ANSWERED,
        "the function without _; nothing is written in place",
        "celu_ elu_ hardtanh_ leaky_relu_ relu_ rrelu_ selu_ threshold_",
    ),
    **alike(
        REFUSED,
        RECURRENT,
        "embedding_bag multi_head_attention_forward",
    ),
    **alike(
        REFUSED,
        "no such function; one of yours with operations of minidl.ops is one",
        """
        adaptive_max_pool1d adaptive_max_pool3d lp_pool1d lp_pool3d max_unpool1d max_unpool3d affine_grid
        alpha_dropout bilinear conv_tbc cosine_embedding_loss ctc_loss feature_alpha_dropout fractional_max_pool2d
        fractional_max_pool2d_with_indices fractional_max_pool3d fractional_max_pool3d_with_indices gaussian_nll_loss
        glu grid_sample gumbel_softmax hardshrink hinge_embedding_loss linear_cross_entropy lp_pool2d
        margin_ranking_loss max_pool1d_with_indices max_pool2d_with_indices max_pool3d_with_indices max_unpool2d
        adaptive_max_pool1d_with_indices adaptive_max_pool2d_with_indices adaptive_max_pool3d_with_indices
        multi_margin_loss multilabel_margin_loss multilabel_soft_margin_loss pdist pixel_shuffle pixel_unshuffle
        poisson_nll_loss prelu rrelu soft_margin_loss softshrink threshold triplet_margin_loss
        triplet_margin_with_distance_loss
        """,
    ),
    **alike(
        REFUSED,
        "this belongs to PyTorch's own workings",
        """
        BroadcastingList1 BroadcastingList2 BroadcastingList3 Callable DType GRID_SAMPLE_INTERPOLATION_MODES
        GRID_SAMPLE_PADDING_MODES Optional ScalingType SwizzleType TYPE_CHECKING assert_int_or_pair boolean_dispatch
        grad grouped_mm handle_torch_function has_torch_function has_torch_function_unary has_torch_function_variadic
        native_channel_shuffle reproducibility_notes scaled_grouped_mm scaled_mm sparse_support_notes tf32_notes torch
        """,
    ),
}

# nn.utils

UTILS: Words = {
    **same(
        ANSWERED,
        {
            "clip_grad_norm_": "optim.clip_grad_norm(net.parameters(), 1.0)",
            "clip_grad_norm": "optim.clip_grad_norm(net.parameters(), 1.0)",
            "clip_grad_value_": "p.grad = p.grad.clip(-1, 1); for each parameter p",
            "clip_grads_with_norm_": "optim.clip_grad_norm(net.parameters(), 1.0)",
            "get_total_norm": "optim.clip_grad_norm(net.parameters(), np.inf); it returns the norm",
            "fuse_conv_bn_eval": "minidl.fuse(net)",
            "fuse_linear_bn_eval": "minidl.fuse(net)",
            "parameters_to_vector": "minidl.cat([p.flatten(0) for p in net.parameters()])",
            "vector_to_parameters": "p.data = array; for each parameter p",
            "weight_norm": "a Module of yours",
            "spectral_norm": "a Module of yours",
            "rnn": "minidl is for convolutional networks; there are no recurrent layers",
        },
    ),
    **alike(
        REFUSED,
        "this belongs to PyTorch's own workings",
        "clip_grad convert_conv2d_weight_memory_format convert_conv3d_weight_memory_format convert_parameters "
        "fuse_conv_bn_weights fuse_linear_bn_weights fusion init memory_format parametrizations parametrize "
        "remove_spectral_norm remove_weight_norm skip_init stateless",
    ),
}

# Methods of a module.

MODULE: Words = {
    **alike(
        WORKS,
        "net.NAME()",
        "buffers children cpu cuda eval extra_repr modules named_buffers named_children named_modules named_parameters "
        "parameters requires_grad_ state_dict train zero_grad",
    ),
    **same(
        WORKS,
        {
            "add_module": "net.add_module(name, module)",
            "apply": "net.apply(function)",
            "forward": "net.forward(x); write net(x)",
            "load_state_dict": "net.load_state_dict(state)",
            "register_buffer": "net.register_buffer(name, array)",
            "register_parameter": "net.register_parameter(name, parameter)",
            "to": 'net.to("cuda")',
        },
    ),
    **same(
        ANSWERED,
        {
            "bfloat16": "float32; there is no mixed precision",
            "compile": "minidl.compile(net); for training, as minidl.fuse for inference",
            "double": "p.data in float64: nn.Parameter(p.data.astype('float64')) for each",
            "float": "net; parameters are float32",
            "get_buffer": "dict(net.named_buffers())[name]",
            "get_parameter": "dict(net.named_parameters())[name]",
            "half": "float32; there is no mixed precision",
            "get_submodule": "dict(net.named_modules())[name]",
            "register_module": "net.add_module(name, module)",
            "set_submodule": "setattr(parent, name, module)",
            "share_memory": "net; there is one process",
            "type": "net; parameters are float32",
            "get_extra_state": "net.register_buffer(name, array)",
            "set_extra_state": "net.register_buffer(name, array)",
        },
    ),
    **alike(
        ANSWERED,
        "minidl.observe; it tells of every operation, forward and backward, with the path of its layer",
        "register_backward_hook register_forward_hook register_forward_pre_hook register_full_backward_hook "
        "register_full_backward_pre_hook",
    ),
    **alike(
        REFUSED,
        "state_dict and load_state_dict of a subclass may be overridden instead",
        "register_load_state_dict_post_hook register_load_state_dict_pre_hook register_state_dict_post_hook "
        "register_state_dict_pre_hook",
    ),
    **alike(
        REFUSED,
        "this belongs to PyTorch's own workings",
        "T_destination call_super_init dump_patches ipu mtia to_empty xpu",
    ),
}

# Arguments of PyTorch's layers and optimisers that minidl's have not, by any class.

ARGUMENTS: Words = {
    **same(
        REFUSED,
        {
            "bias": "leave it out: the shift comes and goes with the scale",
            "decoupled_weight_decay": "optim.AdamW is that",
            "recompute_scale_factor": "leave it out: sizes follow from the scale factor that is given",
            "unflattened_size": "it is called sizes",
            "_freeze": "leave it out, and freeze it: layer.weight.requires_grad = False",
            "_weight": "leave it out, and copy it in: layer.load_state_dict({'weight': array})",
            "add_bias_kv": "leave it out: keys and values are what the tokens give",
            "add_zero_attn": "leave it out, and join a token of zeros to the keys and values",
            "kdim": "leave it out: keys are as wide as queries; project them first with nn.Linear(kdim, embed_dim)",
            "max_norm": "leave it out, and scale the rows of weight after each step",
            "norm_type": "leave it out: it belongs to max_norm",
            "padding_idx": "leave it out, and multiply the result by a mask of the tokens that are there",
            "scale_grad_by_freq": "leave it out: a row's gradient is the sum over its places",
            "sparse": "leave it out: gradients are whole arrays",
            "vdim": "leave it out: values are as wide as queries; project them first with nn.Linear(vdim, embed_dim)",
            "affine": "the scale and shift are always there",
            "amsgrad": "leave it out: Adam is as in its paper",
            "batch_first": "the batch is always the first axis",
            "capturable": "leave it out",
            "centered": "leave it out: RMSprop is not centred",
            "dampening": "leave it out: it is 0",
            "device": 'leave it out, and move the whole: net.to("cuda")',
            "differentiable": "leave it out",
            "divisor_override": "leave it out, and multiply",
            "dtype": "leave it out: parameters are float32",
            "foreach": "leave it out: it changes no number",
            "fused": "leave it out: it changes no number",
            "inplace": "leave it out: results are new arrays, and memory is used again",
            "maximize": "leave it out, and turn the sign of the loss",
            "padding_mode": "leave it out: pictures are padded with zeros, or before: ops.pad(x, padding, value)",
            "params": "give them first: net.parameters()",
            "reduce": "it is reduction= in PyTorch, too",
            "return_indices": "leave it out: only the values come back",
            "size_average": "it is reduction= in PyTorch, too",
            "track_running_stats": "leave it out: running statistics are always kept",
        },
    ),
    "dim": Word(ANSWERED, "write axis"),
    "keepdim": Word(ANSWERED, "write keepdims"),
}
