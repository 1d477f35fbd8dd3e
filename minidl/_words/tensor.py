"""Methods and attributes of a tensor, called x; and its operators.

What works has PyTorch's arguments and meaning; the way is an example.
"""

from __future__ import annotations

from minidl._words import ANSWERED, REFUSED, WORKS, Word, Words, alike, same

CHANGES = "under no_grad() where x is a leaf that wants a gradient"

TENSOR: Words = {
    **same(
        WORKS,
        {
            "T": "x.T; of a matrix",
            "abs": "x.abs()",
            "absolute": "x.absolute()",
            "add": "x.add(y, alpha=2)",
            "all": "x.all(dim=1)",
            "allclose": "x.allclose(y)",
            "amax": "x.amax(1)",
            "amin": "x.amin(1)",
            "any": "x.any(dim=1)",
            "argmax": "x.argmax(dim=1)",
            "argmin": "x.argmin(dim=1)",
            "argsort": "x.argsort(dim=1, descending=True)",
            "argwhere": "x.argwhere()",
            "backward": "x.sum().backward()",
            "bincount": "x.long().flatten(0).bincount()",
            "bmm": "x[None].bmm(y[None]); or x @ y",
            "bool": "x.bool()",
            "broadcast_to": "x.broadcast_to(3, 2, 2)",
            "byte": "x.byte()",
            "ceil": "x.ceil(); without a gradient",
            "chunk": "x.chunk(2, dim=0)",
            "clamp": "x.clamp(min=0)",
            "clamp_max": "x.clamp_max(3)",
            "clamp_min": "x.clamp_min(0)",
            "clip": "x.clip(0, 3)",
            "clone": "x.clone()",
            "contiguous": "x.contiguous(); x itself",
            "count_nonzero": "x.count_nonzero()",
            "cpu": "x.cpu()",
            "cuda": "x.cuda()",
            "cumsum": "x.detach().cumsum(dim=0); without a gradient",
            "data": "x.data; an array",
            "detach": "x.detach()",
            "device": 'x.device; "cpu" or "cuda"',
            "dim": "x.dim()",
            "div": "x.div(y)",
            "divide": "x.divide(y)",
            "dot": "x[0].dot(y[0])",
            "double": "x.double(); a leaf that wants a gradient keeps its dtype",
            "dtype": "x.dtype; NumPy's",
            "element_size": "x.element_size()",
            "eq": "x.eq(y)",
            "equal": "x.equal(y)",
            "exp": "x.exp()",
            "expand": "x[:, :1].expand(-1, 3); a copy",
            "expand_as": "x[:, :1].expand_as(y); a copy",
            "flatten": "x.flatten(1); x.flatten() is refused in this version, see below",
            "flip": "x.flip(0)",
            "float": "x.detach().float(); a leaf that wants a gradient keeps its dtype",
            "floor": "x.floor(); without a gradient",
            "gather": "x.gather(1, y.long() * 0)",
            "ge": "x.ge(y)",
            "grad": "x.grad; an array",
            "greater": "x.greater(y)",
            "greater_equal": "x.greater_equal(y)",
            "gt": "x.gt(y)",
            "index_select": "x.index_select(0, [0, 1])",
            "int": "x.int()",
            "is_contiguous": "x.is_contiguous()",
            "is_cpu": "x.is_cpu",
            "is_cuda": "x.is_cuda",
            "is_floating_point": "x.is_floating_point()",
            "is_leaf": "x.is_leaf",
            "isclose": "x.isclose(y)",
            "isfinite": "x.isfinite()",
            "isinf": "x.isinf()",
            "isnan": "x.isnan()",
            "item": "x[0, 0].item()",
            "itemsize": "x.itemsize",
            "le": "x.le(y)",
            "less": "x.less(y)",
            "less_equal": "x.less_equal(y)",
            "log": "x.log()",
            "log_softmax": "x.log_softmax(dim=1)",
            "logical_and": "x.logical_and(y)",
            "logical_not": "x.logical_not()",
            "logical_or": "x.logical_or(y)",
            "long": "x.long()",
            "lt": "x.lt(y)",
            "mT": "x.mT",
            "masked_fill": "x.masked_fill(mask, 0.0)",
            "masked_select": "x.masked_select(mask)",
            "matmul": "x.matmul(y); or x @ y",
            "max": "x.max(dim=1); values and indices; x.max(1) is refused in this version, see below",
            "mean": "x.mean(dim=1, keepdim=True)",
            "min": "x.min(dim=1); values and indices; x.min(1) is refused in this version, see below",
            "mm": "x.mm(y); or x @ y",
            "moveaxis": "x.moveaxis(0, 1)",
            "movedim": "x.movedim(0, 1)",
            "mul": "x.mul(y)",
            "multiply": "x.multiply(y)",
            "mv": "x.mv(y[0])",
            "narrow": "x.narrow(0, 0, 1)",
            "nbytes": "x.nbytes",
            "ndim": "x.ndim",
            "ndimension": "x.ndimension()",
            "ne": "x.ne(y)",
            "neg": "x.neg()",
            "negative": "x.negative()",
            "nelement": "x.nelement()",
            "new_full": "x.new_full((2, 3), 7.0)",
            "new_ones": "x.new_ones(2, 3)",
            "new_zeros": "x.new_zeros(2, 3)",
            "nonzero": "x.nonzero()",
            "norm": "x.norm(dim=1)",
            "not_equal": "x.not_equal(y)",
            "numel": "x.numel()",
            "numpy": "x.numpy(); a copy",
            "permute": "x.permute(1, 0)",
            "pow": "x.pow(2)",
            "ravel": "x.ravel()",
            "reciprocal": "x.reciprocal()",
            "relu": "x.relu()",
            "repeat": "x.repeat(2, 1)",
            "requires_grad": "x.requires_grad",
            "requires_grad_": "x.requires_grad_()",
            "reshape": "x.reshape(4, -1)",
            "reshape_as": "x.reshape_as(y)",
            "round": "x.round(); without a gradient",
            "rsqrt": "x.rsqrt()",
            "select": "x.select(0, 1)",
            "shape": "x.shape; a tuple",
            "sigmoid": "x.sigmoid()",
            "sign": "x.sign(); without a gradient",
            "size": "x.size(0)",
            "softmax": "x.softmax(dim=1)",
            "sort": "x.sort(dim=1)",
            "split": "x.split(1, dim=0)",
            "sqrt": "x.sqrt()",
            "square": "x.square()",
            "squeeze": "x.squeeze()",
            "std": "x.std(dim=1)",
            "sub": "x.sub(y, alpha=2)",
            "subtract": "x.subtract(y)",
            "sum": "x.sum(dim=1, keepdim=True)",
            "swapaxes": "x.swapaxes(0, 1)",
            "swapdims": "x.swapdims(0, 1)",
            "t": "x.t()",
            "tanh": "x.tanh()",
            "tile": "x.tile(2, 1)",
            "to": 'x.to("cpu")',
            "tolist": "x.tolist()",
            "topk": "x.topk(1, dim=1)",
            "transpose": "x.transpose(1, 0); two axes; an order of all of them is x.permute(1, 0)",
            "true_divide": "x.true_divide(y)",
            "trunc": "x.trunc(); without a gradient",
            "type": "x.type(np.float64)",
            "type_as": "x.type_as(y)",
            "unbind": "x.unbind(0)",
            "unflatten": "x.unflatten(1, (1, 2))",
            "unique": "x.detach().unique(); without a gradient",
            "unsqueeze": "x.unsqueeze(1)",
            "var": "x.var(dim=1, unbiased=False)",
            "view": "x.view(4, -1); the same as x.reshape",
            "view_as": "x.view_as(y)",
            "where": "x.where(mask, 0.0)",
        },
    ),
    **alike(
        WORKS,
        f"x.NAME(); {CHANGES}",
        "abs_ exp_ floor_ log_ neg_ normal_ reciprocal_ relu_ round_ sigmoid_ sqrt_ square_ tanh_ uniform_ zero_",
    ),
    **alike(WORKS, f"x.NAME(2.0); {CHANGES}", "add_ clamp_ clamp_max_ clamp_min_ clip_ div_ fill_ mul_ pow_ sub_"),
    **alike(WORKS, f"x.NAME(y); {CHANGES}", "copy_"),
    **alike(WORKS, f"x.NAME(mask, 0.0); {CHANGES}", "masked_fill_"),
    **same(
        ANSWERED,
        {
            "H": "x.T; there are no complex numbers",
            "addmm": "x + y @ y",
            "addcmul": "x + y * y",
            "addcdiv": "x + y / y",
            "astype": "x.to(np.float64)",
            "baddbmm": "x + y @ y",
            "copy": "x.clone()",
            "detach_": "x = x.detach()",
            "diag": "x.data.diagonal()",
            "diagonal": "x.data.diagonal()",
            "dist": "(x - y).norm()",
            "dropout": "ops.dropout(x, p, training=True)",
            "expm1": "x.exp() - 1",
            "fliplr": "x.flip(1)",
            "flipud": "x.flip(0)",
            "fmax": "ops.where(x > y, x, y)",
            "fmin": "ops.where(x < y, x, y)",
            "fix": "x.trunc(); without a gradient",
            "frac": "x - x.trunc()",
            "half": "x.detach().float(); float16 is not computed with",
            "bfloat16": "x.detach().float(); bfloat16 is not computed with",
            "hardtanh": "x.clamp(-1, 1)",
            "char": "x.to(np.int8)",
            "short": "x.to(np.int16)",
            "index_add_": "x[indices] += y[indices]; each index once",
            "index_fill_": "x[indices] = value",
            "index_put_": "x[indices] = value",
            "inner": "x @ y.T",
            "is_nonzero": "bool(x[0, 0])",
            "is_same_size": "x.shape == y.shape",
            "kthvalue": "x.sort(dim=1).values[:, 0]",
            "lerp": "x + (y - x) * p",
            "log10": "x.log() / np.log(10)",
            "log1p": "(1 + x).log()",
            "log2": "x.log() / np.log(2)",
            "logical_xor": "x.bool() ^ y.bool()",
            "logit": "(x / 9).log() - (1 - x / 9).log()",
            "logsumexp": "(x - x.log_softmax(1)).select(1, 0)",
            "maximum": "ops.where(x > y, x, y)",
            "median": "x.flatten(0).sort().values[(x.numel() - 1) // 2]",
            "minimum": "ops.where(x < y, x, y)",
            "nansum": "x.masked_fill(x.isnan(), 0.0).sum()",
            "nan_to_num": "x.masked_fill(x.isnan(), 0.0)",
            "nanmean": "x[~x.isnan()].mean()",
            "new_empty": "x.new_zeros(2, 3)",
            "new_tensor": "Tensor(array)",
            "outer": "x[0][:, None] * y[0]",
            "ger": "x[0][:, None] * y[0]",
            "positive": "+x",
            "prod": "x.log().sum(axis).exp(); where all are positive",
            "register_hook": "minidl.observe; it tells of every gradient",
            "register_post_accumulate_grad_hook": "minidl.observe; it tells of every gradient",
            "repeat_interleave": "x[[0, 0, 1, 1]]",
            "resize_": "x = x.reshape(4)",
            "retain_grad": "minidl.observe; it tells of every gradient",
            "roll": "ops.concat([x[1:], x[:1]], axis=0)",
            "rot90": "x.T.flip(0)",
            "scatter": "nn.functional.one_hot(y.long()[0], 10); of labels",
            "scatter_": "nn.functional.one_hot(y.long()[0], 10); of labels",
            "scatter_add": "x[indices] += y[indices]; each index once",
            "scatter_add_": "x[indices] += y[indices]; each index once",
            "squeeze_": "x = x.squeeze()",
            "storage": "x.data",
            "stride": "x.data.strides; in bytes",
            "t_": "x = x.T",
            "take": "x.flatten(0)[indices]",
            "take_along_dim": "x.gather(1, y.long() * 0)",
            "trace": "x[[0, 1], [0, 1]].sum()",
            "transpose_": "x = x.transpose(1, 0)",
            "tril": "ops.where(np.tri(2, 2, dtype=bool), x, 0.0)",
            "triu": "ops.where(np.tri(2, 2, -1, dtype=bool), 0.0, x)",
            "unsqueeze_": "x = x.unsqueeze(0)",
            "untyped_storage": "x.data",
            "vdot": "x[0] @ y[0]",
            "xlogy": "x * y.log()",
        },
    ),
    **same(
        REFUSED,
        {
            "grad_fn": "the graph is no part of the public face; minidl.observe tells of every operation",
            "is_sparse": "all tensors are dense",
            "share_memory_": "tensors live in one process",
            "is_shared": "tensors live in one process",
            "pin_memory": 'there is nothing to pin: x.to("cuda") copies at once',
            "get_device": "a tensor knows its kind of device: x.device",
            "bernoulli": "draw with NumPy: x.copy_(rng.random(x.shape) < p)",
            "bernoulli_": "draw with NumPy: x.copy_(rng.random(x.shape) < p)",
            "multinomial": "draw with NumPy: rng.choice(len(p), size, p=p)",
            "unfold": "windows of pictures are ops.im2col(x, kernel_size)",
        },
    ),
    # What NumPy has under the same name, for numbers alone.
    **alike(
        ANSWERED,
        "np.NAME(x.data); the numbers alone, without a gradient",
        "acos acosh angle arccos arccosh arcsin arcsinh arctan arctanh asin asinh atan atanh corrcoef cos cosh cov "
        "deg2rad diagflat diff exp2 i0 isreal nanmedian rad2deg signbit sin sinc sinh tan",
    ),
    **alike(
        ANSWERED,
        "np.NAME(x.data, y.data); the numbers alone, without a gradient",
        "arctan2 atan2 copysign float_power fmod heaviside hypot kron logaddexp logaddexp2 nextafter",
    ),
    **alike(
        ANSWERED,
        "np.NAME(x.data, axis); the numbers alone, without a gradient",
        "cumprod",
    ),
    # What no convolutional network asks for.
    **alike(
        REFUSED,
        "no such operation; NumPy computes with x.data, and a minidl.Function of yours derives",
        """
        addbmm addmv addr aminmax apply_ as_strided as_strided_scatter as_subclass bitwise_and bitwise_left_shift
        bitwise_not bitwise_or bitwise_right_shift bitwise_xor block_diag cholesky cholesky_inverse cholesky_solve
        cross cummax cummin det diag_embed diagonal_scatter digamma dsplit eig erf erfc erfinv floor_divide frexp gcd
        geqrf hardshrink hash_tensor histc histogram hsplit igamma igammac index index_add index_copy index_fill
        index_put index_reduce inverse isneginf isposinf istft lcm ldexp lgamma logcumsumexp logdet lstsq lu lu_solve
        map2_ map_ masked_scatter matrix_exp matrix_power mode msort mvlgamma nanquantile narrow_copy nonzero_static
        orgqr ormqr pinverse polygamma prelu put qr quantile remainder renorm scatter_reduce select_scatter sgn
        slice_inverse slice_scatter slogdet smm solve stft sum_to_size svd symeig tensor_split triangular_solve
        unique_consecutive vsplit unsafe_chunk unsafe_split unsafe_split_with_sizes split_with_sizes
        """,
    ),
    **alike(
        REFUSED,
        "write into a tensor with x[…] = value, or make a new one",
        """
        absolute_ acos_ acosh_ addbmm_ addcdiv_ addcmul_ addmm_ addmv_ addr_ arccos_ arccosh_ arcsin_ arcsinh_
        arctan2_ arctan_ arctanh_ as_strided_ asin_ asinh_ atan2_ atan_ atanh_ baddbmm_ bitwise_and_
        bitwise_left_shift_ bitwise_not_ bitwise_or_ bitwise_right_shift_ bitwise_xor_ cauchy_ ceil_ copysign_ cos_
        cosh_ cumprod_ cumsum_ deg2rad_ digamma_ divide_ eq_ erf_ erfc_ erfinv_ exp2_ expm1_ exponential_
        fill_diagonal_ fix_ float_power_ floor_divide_ fmod_ frac_ gcd_ ge_ geometric_ greater_ greater_equal_ gt_
        heaviside_ hypot_ i0_ igamma_ igammac_ index_copy_ index_reduce_ lcm_ ldexp_ le_ lerp_ less_ less_equal_
        lgamma_ log10_ log1p_ log2_ log_normal_ logical_and_ logical_not_ logical_or_ logical_xor_ logit_ lt_
        masked_scatter_ multiply_ mvlgamma_ nan_to_num_ ne_ negative_ nextafter_ not_equal_ polygamma_ put_ rad2deg_
        random_ remainder_ renorm_ resize_as_ rsqrt_ scatter_reduce_ set_ sgn_ sign_ sin_ sinc_ sinh_ subtract_
        swapaxes_ swapdims_ tan_ tril_ triu_ true_divide_ trunc_ xlogy_
        """,
    ),
    **alike(
        REFUSED,
        "all tensors are dense, real, and on the CPU or a CUDA device",
        """
        adjoint ccol_indices cdouble cfloat chalf coalesce col_indices conj conj_physical conj_physical_ crow_indices
        dense_dim dequantize imag indices int_repr ipu is_coalesced is_complex is_conj is_distributed is_ipu is_maia
        is_meta is_mkldnn is_mps is_mtia is_neg is_nested is_quantized is_signed is_sparse_csr is_vulkan is_xla is_xpu
        layout mH mtia q_per_channel_axis q_per_channel_scales q_per_channel_zero_points q_scale q_zero_point qscheme
        real resize_as_sparse_ resolve_conj resolve_neg row_indices sparse_dim sparse_mask sparse_resize_
        sparse_resize_and_clear_ sspaddmm to_dense to_mkldnn to_padded_tensor to_sparse to_sparse_bsc to_sparse_bsr
        to_sparse_coo to_sparse_csc to_sparse_csr values xpu
        """,
    ),
    **alike(
        REFUSED,
        "this belongs to PyTorch's own workings",
        """
        const_data_ptr data_ptr dim_order grad_dtype is_inference is_pinned is_set_to module_load name new
        new_empty_strided output_nr record_stream reinforce resize resize_as retains_grad storage_offset storage_type
        volatile
        """,
    ),
}

# Operators without an operation, under the names of NumPy's functions: x // y and y // x are one word.

OPERATORS = {
    "floor_divide": Word(REFUSED, "//: it has no gradient; x / y has one, and x.data // y gives the numbers alone"),
    "remainder": Word(REFUSED, "%: there is no such operation; x.data % y gives the numbers alone"),
    "divmod": Word(REFUSED, "divmod: there is no such operation; divmod(x.data, y) gives the numbers alone"),
    "left_shift": Word(REFUSED, "<<: there is no such operation; x.data << y gives the numbers alone"),
    "right_shift": Word(REFUSED, ">>: there is no such operation; x.data >> y gives the numbers alone"),
}

# What stands in the context of an operation of one's own.

CONTEXT: Words = same(
    ANSWERED,
    {
        "mark_dirty": "a new array; forward writes over nothing",
        "mark_non_differentiable": "None as the gradient; or a plain array",
        "needs_input_grad": "ctx.needs",
        "save_for_backward": "ctx.save(*arrays); forward and backward see plain arrays",
        "saved_tensors": "ctx.saved; plain arrays",
        "saved_variables": "ctx.saved; plain arrays",
        "set_materialize_grads": "dy; it is always an array",
    },
)

# What becomes of a tensor's methods on x.data and x.grad, which are NumPy arrays; all others are Tensor(x.data).NAME.

ARRAYS: Words = {
    **alike(WORKS, "x.grad.NAME()", "abs clone cpu detach norm numel numpy zero_"),
    **alike(WORKS, "x.data.NAME(2.0)", "add_ copy_ div_ fill_ mul_ sub_"),
    **same(
        ANSWERED,
        {
            "cuda": "x.cuda()",
            "dim": "x.data.ndim",
            "exp": "np.exp(x.data)",
            "normal_": "nn.init.normal_(x, 0.0, 0.02)",
            "permute": "x.data.transpose(1, 0)",
            "uniform_": "nn.init.uniform_(x, 0.0, 1.0)",
            "unsqueeze": "x.data[:, None]",
        },
    ),
}
