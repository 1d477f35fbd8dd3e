"""Every refusal of layers without convolutions, of containers, blocks and initial weights, by its text."""

import re

import numpy as np
import pytest

from minidl import Tensor, models, nn, ops
from minidl.models.vit import VisionTransformer


def t(*shape, dtype="float32"):
    return Tensor(np.ones(shape, dtype=dtype))


def attention(tokens, **masks):
    x = t(2, tokens, 4)
    return nn.MultiheadAttention(4, 2, batch_first=True)(x, x, x, **masks)


CASES = [
    # layers
    (lambda: nn.Dropout(2), ValueError, "Dropout: p must be from 0 to 1; received p=2"),
    (lambda: nn.StochasticDepth(-1), ValueError, "StochasticDepth: p must be from 0 to 1; received p=-1"),
    (
        lambda: nn.StochasticDepth(0.5, "col"),
        ValueError,
        "StochasticDepth: mode must be one of 'row', 'batch'; received mode='col'",
    ),
    (lambda: nn.ChannelShuffle(0), ValueError, "ChannelShuffle: groups must be an int >= 1; received groups=0"),
    (
        lambda: nn.CrossEntropyLoss(label_smoothing=-1),
        ValueError,
        "CrossEntropyLoss: label_smoothing must be from 0 to 1; received label_smoothing=-1",
    ),
    (lambda: nn.Linear(0, 2), ValueError, "Linear: in_features must be an int >= 1; received in_features=0"),
    (lambda: nn.Linear(2, 0.5), ValueError, "Linear: out_features must be an int >= 1; received out_features=0.5"),
    (lambda: nn.LeakyReLU(2)(t(2)), ValueError, "LeakyReLU: negative_slope must be from 0 to 1"),
    (lambda: nn.Dropout2d(2), ValueError, "Dropout2d: p must be from 0 to 1; received p=2"),
    (lambda: nn.GELU("erf"), ValueError, "GELU: approximate must be one of 'none', 'tanh'; received approximate='erf'"),
    (lambda: nn.ELU(-1), ValueError, "ELU: alpha must be >= 0; received alpha=-1"),
    (lambda: nn.Softplus(0), ValueError, "Softplus: beta must be > 0; received beta=0"),
    (lambda: nn.Softplus(threshold="a"), TypeError, "Softplus: threshold must be a plain number; received a str"),
    (
        lambda: nn.Softmax(0, dim=1),
        ValueError,
        "Softmax: axis and dim are the same; received axis=0, dim=1; give one",
    ),
    (
        lambda: nn.Flatten(2, start_dim=1),
        ValueError,
        "Flatten: start_axis and start_dim are the same; received start_axis=2, start_dim=1; give one",
    ),
    (
        lambda: nn.GroupNorm(3, 8),
        ValueError,
        "GroupNorm: num_channels must be divisible by num_groups; received num_channels=8, num_groups=3 (8 % 3 = 2)",
    ),
    (
        lambda: nn.GroupNorm(2, 8)(t(1, 4, 3, 3)),
        ValueError,
        "GroupNorm: x must have 8 channels (N, C, ...); x.shape=(1, 4, 3, 3)",
    ),
    (
        lambda: nn.LayerNorm((3, 0)),
        ValueError,
        "LayerNorm: normalized_shape must be an int or a tuple of ints >= 1; received normalized_shape=(3, 0)",
    ),
    (
        lambda: nn.MultiheadAttention(10, 3, batch_first=True),
        ValueError,
        "MultiheadAttention: the heads share the 10 numbers of a token evenly, 10 / 3 leaves 1; received embed_dim=10, "
        "num_heads=3; num_heads may be 1, 2, 5, 10",
    ),
    (
        lambda: nn.TransformerEncoderLayer(8, 3, batch_first=True),
        ValueError,
        "TransformerEncoderLayer: the heads share the 8 numbers of a token evenly, 8 / 3 leaves 2; received d_model=8, "
        "nhead=3; nhead may be 1, 2, 4, 8",
    ),
    (
        lambda: nn.MultiheadAttention(8, 2),
        ValueError,
        "MultiheadAttention: expects batch_first=True, tokens (N, L, E); PyTorch's other order (L, N, E)",
    ),
    (
        lambda: attention(3, attn_mask=np.zeros((3, 4), bool)),
        ValueError,
        "MultiheadAttention: attn_mask must be for each of the 3 queries and 3 keys: shape (3, 3), or what can be "
        "broadcast to it, such as (3, 3); attn_mask.shape=(3, 4)",
    ),
    (
        lambda: attention(3, attn_mask=np.zeros((1, 3), bool)),
        ValueError,
        "MultiheadAttention: attn_mask must have shape (3, 3); attn_mask.shape=(1, 3)",
    ),
    (
        lambda: attention(3, key_padding_mask=np.zeros((2, 4), bool)),
        ValueError,
        "MultiheadAttention: key_padding_mask must",
    ),
    (
        lambda: attention(3, attn_mask=np.zeros((3, 3), int)),
        TypeError,
        "MultiheadAttention: attn_mask must be an array or Tensor of bools, or of float32 as what it masks; received",
    ),
    (
        lambda: nn.MultiheadAttention(8, 2, batch_first=True)(t(2, 3, 6), t(2, 3, 6), t(2, 3, 6)),
        ValueError,
        "MultiheadAttention: query must be (N, L, 8), the batch first; query.shape=(2, 3, 6)",
    ),
    (
        lambda: nn.MultiheadAttention(8, 2, batch_first=True)(t(2, 3, 8), t(2, 3, 8), t(2, 4, 8)),
        ValueError,
        "MultiheadAttention: expects as many values as keys, and as many pictures of each; query.shape=(2, 3, 8), key",
    ),
    (
        lambda: nn.Embedding(4, 2)([[0, 4]]),
        ValueError,
        "embedding: the table has 4 rows, so indices go from 0 to 4 - 1 = 3; received an index 4; weight.shape=(4, 2); "
        "give the table more rows, or find where the index comes from",
    ),
    (
        lambda: nn.Embedding(4, 2)([-1]),
        ValueError,
        "embedding: the table has 4 rows, so indices go from 0 to 4 - 1 = 3",
    ),
    (
        lambda: nn.Embedding(4, 2)([0.5]),
        TypeError,
        "embedding: indices must be whole numbers; received indices.dtype=f",
    ),
    (
        lambda: models.vit_tiny_cifar()(t(1, 3, 33, 33)),
        ValueError,
        "vit_tiny_cifar: expects pictures of 32 pixels a side, these are 33×33; x.shape=(1, 3, 33, 33); patches of 4×4 "
        "do not divide the side: 33 = 8·4 + 1; resize the pictures to 32×32",
    ),
    (
        lambda: models.vit_tiny_cifar()(t(1, 3, 40, 40)),
        ValueError,
        "vit_tiny_cifar: expects pictures of 32 pixels a side, these are 40×40; x.shape=(1, 3, 40, 40); 40 / 4 = 10 "
        "patches a side, but 8 places a side have been learnt; resize the pictures to 32×32",
    ),
    (
        lambda: VisionTransformer(16, 1, 1, 4, 4, image_size=225),
        ValueError,
        "VisionTransformer: patches of 16×16 do not divide the side: 225 = 14·16 + 1; take an image_size of 224",
    ),
    (
        lambda: nn.Maxout(3)(t(2, 4)),
        ValueError,
        "maxout: x.shape[1] must be divisible by pieces; received x.shape[1]=4, pieces=3 (4 % 3 = 1)",
    ),
    (lambda: nn.Unflatten(1, "ab"), ValueError, "Unflatten: sizes must be a tuple of ints >= 0 (one may be -1)"),
    (lambda: nn.Unflatten(sizes=(1, 2)), ValueError, "Unflatten: axis must be an int; received axis=None"),
    (
        lambda: nn.ZeroPad2d((1, 2)),
        ValueError,
        "ZeroPad2d: padding must be an int, (left, right, top, bottom) or ((top, bottom), (left, right)); received "
        "padding=(1, 2), which would be (ph, pw) here and (left, right) in PyTorch",
    ),
    (lambda: nn.ZeroPad2d((1, -2, 0, 0)), ValueError, "ZeroPad2d: padding must be an int, (ph, pw) or"),
    (
        lambda: nn.Upsample(),
        ValueError,
        "Upsample: expects either size or scale_factor; received size=None, scale_factor=None",
    ),
    (lambda: nn.Upsample(2, mode="cubic"), ValueError, "Upsample: mode must be one of 'nearest', 'bilinear'"),
    (
        lambda: nn.Upsample(2, align_corners=False),
        ValueError,
        'Upsample: align_corners goes with mode="bilinear"; received align_corners=False',
    ),
    (
        lambda: nn.MSELoss(reduction="avg"),
        ValueError,
        "MSELoss: reduction must be one of 'mean', 'sum', 'none'; received reduction='avg'",
    ),
    (lambda: nn.NLLLoss(ignore_index=0.5), ValueError, "NLLLoss: ignore_index must be an int; received"),
    (
        lambda: nn.CrossEntropyLoss(ignore_index="a"),
        ValueError,
        "CrossEntropyLoss: ignore_index must be an int; received ignore_index='a'",
    ),
    (lambda: nn.NLLLoss([-1.0, 1]), ValueError, "NLLLoss: weight must be >= 0 and finite; received from -1.0 to 1.0"),
    (lambda: nn.SmoothL1Loss(beta=-1), ValueError, "SmoothL1Loss: beta must be >= 0; received beta=-1"),
    (
        lambda: nn.BCEWithLogitsLoss(pos_weight="a"),
        TypeError,
        "BCEWithLogitsLoss: pos_weight must be numbers; received dtype=<U1",
    ),
    # containers
    (lambda: nn.Sequential(nn.ReLU(), ops.relu), TypeError, "Sequential: expects modules; received for '1' a function"),
    (
        lambda: nn.Sequential({"a.b": nn.ReLU()}),
        ValueError,
        "Sequential: a name must not be empty, contain a dot or hide a method; received 'a.b'",
    ),
    (lambda: nn.ModuleDict({"": nn.ReLU()}), ValueError, "ModuleDict: a name must not be empty"),
    (lambda: nn.ModuleDict({"forward": nn.ReLU()}), ValueError, "ModuleDict: a name must not be empty"),
    (lambda: nn.ModuleDict({"a": 1}), TypeError, "ModuleDict: expects modules; received for 'a' a int"),
    (
        lambda: nn.ModuleDict({"a": nn.ReLU()})["b"],
        KeyError,
        "ModuleDict: there is no 'b'; the names are 'a'",
    ),
    (lambda: nn.ModuleList([nn.ReLU()])[1], IndexError, "ModuleList: there are 1 modules; received index 1"),
    (lambda: nn.Sequential(nn.ReLU())[-2], IndexError, "Sequential: there are 1 modules; received index -2"),
    (lambda: nn.Sequential(nn.ReLU())["0"], TypeError, "Sequential: expects an int or a slice; received '0'"),
    (lambda: nn.ModuleList([3]), TypeError, "ModuleList: expects modules; received for '0' a int"),
    # blocks
    (
        lambda: nn.Conv2dNormActivation(3, 8, activation="gelo"),
        ValueError,
        "Conv2dNormActivation: activation must be one of 'relu', 'leaky_relu'",
    ),
    (
        lambda: nn.Conv2dNormActivation(3, 8, kernel_size=0),
        ValueError,
        "Conv2dNormActivation: kernel_size must be an int or a pair of ints >= 1; received kernel_size=0",
    ),
    (
        lambda: nn.Conv2dNormActivation(3, 8, dilation=(1, 0)),
        ValueError,
        "Conv2dNormActivation: dilation must be an int or a pair of ints >= 1; received dilation=(1, 0)",
    ),
    (
        lambda: nn.SqueezeExcitation(8, 2, activation="swish"),
        ValueError,
        "SqueezeExcitation: activation must be one of 'relu', 'leaky_relu'",
    ),
    (
        lambda: nn.SqueezeExcitation(8, 2, scale_activation="softmax"),
        ValueError,
        "SqueezeExcitation: scale_activation must be one of 'relu', 'leaky_relu'",
    ),
    # initial weights
    (
        lambda: nn.init.fans((3,)),
        ValueError,
        "fans: weights must have at least two axes, (O, M) or (O, C/G, KH, KW); shape=(3,)",
    ),
    (
        lambda: nn.init.fans((3, 2), groups=2),
        ValueError,
        "fans: shape[0] must be divisible by groups; received shape[0]=3, groups=2 (3 % 2 = 1)",
    ),
    (
        lambda: nn.init.he_normal((3, 2), mode="fan_avg"),
        ValueError,
        "he_normal: mode must be one of 'fan_in', 'fan_out'; received mode='fan_avg'",
    ),
    (
        lambda: nn.init.truncated_normal((3,), 0.0),
        ValueError,
        "truncated_normal: std must be > 0; received std=0.0",
    ),
    (
        lambda: nn.init.truncated_normal((3,), 1.0, a=3, b=4),
        ValueError,
        "truncated_normal: at least 1 % of the draws must lie between a and b, only 0.13 % do; "
        "received std=1.0, a=3, b=4",
    ),
    (
        lambda: nn.init.normal((3,), 1.0, 7),
        TypeError,
        "normal: rng must be a numpy.random.Generator or None; received rng=7",
    ),
    (
        lambda: nn.Linear(2, 2, rng=0),
        TypeError,
        "uniform: rng must be a numpy.random.Generator or None; received rng=0; make one: numpy.random.default_rng(0)",
    ),
    (
        lambda: nn.init.truncated_normal((3,), 1.0, 7),
        TypeError,
        "truncated_normal: rng must be a numpy.random.Generator or None; received rng=7",
    ),
    (lambda: nn.BatchNorm2d(3)(None), TypeError, "batch_norm: x must be a Tensor, it is a NoneType"),
]


@pytest.mark.parametrize(
    ("call", "error", "text"), CASES, ids=[f"{index}-{case[2][:40]}" for index, case in enumerate(CASES)]
)
def test_refusal(call, error, text):
    with pytest.raises(error, match=re.escape(text)):
        call()
