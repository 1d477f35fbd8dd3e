"""What PyTorch has at its top, as minidl.NAME; and utils."""

from __future__ import annotations

from minidl._words import ANSWERED, REFUSED, WORKS, Word, Words, alike, same
from minidl._words.tensor import TENSOR

# Methods of a tensor that are functions, too: minidl.exp(x) is x.exp().

METHODS = (
    "abs absolute add all allclose amax amin any argmax argmin argsort argwhere bincount bmm broadcast_to ceil chunk "
    "clamp clamp_max clamp_min clip clone count_nonzero cumsum detach div divide dot eq equal exp flip floor gather ge "
    "greater greater_equal gt index_select is_floating_point isclose isfinite isinf isnan le less less_equal log "
    "log_softmax logical_and logical_not logical_or lt masked_fill masked_select matmul mean mm moveaxis movedim mul "
    "multiply mv narrow ne neg negative nonzero norm not_equal numel permute pow ravel reciprocal relu reshape round "
    "rsqrt select sigmoid sign softmax sort split sqrt square squeeze std sub subtract sum swapaxes swapdims t tanh "
    "tile topk true_divide trunc unbind unflatten unique unsqueeze var"
)
CHANGES = (
    "abs_ exp_ floor_ log_ neg_ reciprocal_ relu_ round_ sigmoid_ sqrt_ square_ tanh_ zero_ clamp_ clamp_max_ "
    "clamp_min_ clip_ fill_"
)
DTYPES = "float float32 double float64 long int64 int int32 short int16 int8 uint8 uint16 uint32 uint64 bool"

TORCH: Words = {
    # Methods that are answered for a tensor are answered here in the same words.
    **{name: word for name, word in TENSOR.items() if word.fate != WORKS},
    **alike(WORKS, "minidl.NAME(x, …); as the method", METHODS),
    **alike(WORKS, "minidl.NAME(x, …); as the method", CHANGES),
    **alike(WORKS, "minidl.NAME; NumPy's dtype", DTYPES),
    **same(
        WORKS,
        {
            "Event": "minidl.Event; what minidl.observe tells, and no clock",
            "Tensor": "minidl.Tensor([1, 2]); float32",
            "arange": "minidl.arange(5)",
            "as_tensor": "minidl.as_tensor(array)",
            "asarray": "minidl.asarray(array)",
            "cat": "minidl.cat([x, y], dim=0)",
            "concat": "minidl.concat([x, y], dim=0)",
            "concatenate": "minidl.concatenate([x, y], dim=0)",
            "compile": "minidl.compile(model); for training, as minidl.fuse for inference",
            "cuda": "minidl.cuda.is_available()",
            "device": 'minidl.device("cpu"); the name itself',
            "e": "minidl.e",
            "empty": "minidl.empty(2, 3); full of 0",
            "empty_like": "minidl.empty_like(x); full of 0",
            "export": "minidl.export; to ONNX and safetensors",
            "eye": "minidl.eye(3)",
            "flatten": "minidl.flatten(x)",
            "from_numpy": "minidl.from_numpy(array)",
            "full": "minidl.full((2, 3), 7.0)",
            "full_like": "minidl.full_like(x, 7.0)",
            "get_num_threads": "minidl.get_num_threads()",
            "inf": "minidl.inf",
            "inference_mode": "minidl.inference_mode(); the same as no_grad",
            "is_tensor": "minidl.is_tensor(x)",
            "linspace": "minidl.linspace(0, 1, 5)",
            "manual_seed": "minidl.manual_seed(0); its draws are others than PyTorch's",
            "max": "minidl.max(x, 1); values and indices",
            "min": "minidl.min(x, 1); values and indices",
            "nan": "minidl.nan",
            "newaxis": "minidl.newaxis",
            "nn": "minidl.nn",
            "no_grad": "minidl.no_grad()",
            "normal": "minidl.normal(0.0, 1.0, (2, 3))",
            "ones": "minidl.ones(2, 3)",
            "ones_like": "minidl.ones_like(x)",
            "ops": "minidl.ops; the operations of minidl",
            "optim": "minidl.optim",
            "pi": "minidl.pi",
            "rand": "minidl.rand(2, 3)",
            "rand_like": "minidl.rand_like(x)",
            "randint": "minidl.randint(0, 10, (2, 3))",
            "randn": "minidl.randn(2, 3)",
            "randn_like": "minidl.randn_like(x)",
            "randperm": "minidl.randperm(5)",
            "set_num_threads": "minidl.set_num_threads(2)",
            "stack": "minidl.stack([x, y], dim=0)",
            "tensor": "minidl.tensor([1, 2]); int64",
            "transpose": "minidl.transpose(x, 0, 1)",
            "utils": "minidl.utils; which answers with minidl.data",
            "where": "minidl.where(mask, x, 0.0)",
            "zeros": "minidl.zeros(2, 3)",
            "zeros_like": "minidl.zeros_like(x)",
        },
    ),
    **alike(
        WORKS,
        "nn.functional.NAME",
        "batch_norm channel_shuffle conv2d conv_transpose2d dropout max_pool2d",
    ),
    **same(
        ANSWERED,
        {
            "Generator": "np.random.default_rng(0); as rng= of layers",
            "FloatTensor": "Tensor([1.0, 2.0])",
            "DoubleTensor": "minidl.tensor([1.0, 2.0], dtype=minidl.float64)",
            "LongTensor": "minidl.tensor([1, 2])",
            "IntTensor": "minidl.tensor([1, 2], dtype=minidl.int32)",
            "BoolTensor": "minidl.tensor([True, False])",
            "ByteTensor": "minidl.tensor([1, 2], dtype=minidl.uint8)",
            "Size": "tuple",
            "dtype": "np.dtype",
            "fill": "minidl.full_like(x, 7.0)",
            "frombuffer": "Tensor(np.frombuffer(array.tobytes()))",
            "promote_types": "np.promote_types(x.dtype, y.dtype)",
            "randint_like": "minidl.randint(0, 10, x.shape)",
            "autograd": "minidl.Function; and loss.backward()",
            "amp": "float32; there is no mixed precision",
            "autocast": "float32; there is no mixed precision",
            "GradScaler": "float32; there is no mixed precision",
            "set_float32_matmul_precision": "float32; there is no mixed precision",
            "atleast_1d": "x.reshape(-1)",
            "backends": 'kernels.use("cpu")',
            "broadcast_shapes": "np.broadcast_shapes((2, 1), (3,))",
            "broadcast_tensors": "x.expand_as(y)",
            "cdist": "(x[:, None] - y).norm(dim=2)",
            "column_stack": "minidl.cat([x, y], dim=1)",
            "cosine_similarity": "(x * y).sum(1) / (x.norm(dim=1) * y.norm(dim=1))",
            "dstack": "minidl.stack([x, y], dim=2)",
            "einsum": "x @ y; with permute and sum",
            "enable_grad": "with minidl.no_grad(): around what needs none",
            "set_grad_enabled": "with minidl.no_grad(): around what needs none",
            "is_grad_enabled": "x.requires_grad; of a result",
            "fft": "np.fft.fft(x.data)",
            "finfo": "np.finfo(x.dtype)",
            "iinfo": "np.iinfo(np.int64)",
            "get_default_dtype": "minidl.float32",
            "get_rng_state": "minidl.manual_seed(0)",
            "set_rng_state": "minidl.manual_seed(0)",
            "initial_seed": "minidl.manual_seed(0)",
            "seed": "minidl.manual_seed(0)",
            "random": "minidl.manual_seed(0)",
            "hstack": "minidl.cat([x, y], dim=1)",
            "hub": "models.get_model(name, weights=path)",
            "isin": "np.isin(x.data, [1, 2])",
            "jit": "minidl.fuse(model); for inference",
            "linalg": "np.linalg.svd(x.data); and x.norm()",
            "load": "weights.load(path); net.load_state_dict takes it",
            "logspace": "minidl.tensor(np.logspace(0, 1, 5))",
            "meshgrid": "np.meshgrid(x.data, y.data)",
            "multiprocessing": "workers= of data.Loader; they are threads",
            "onnx": "minidl.export; minidl.export.export(net, path)",
            "poisson": "np.random.default_rng(0).poisson(x.data)",
            "profiler": "minidl.observe; and cost.count(net)",
            "range": "minidl.arange(5)",
            "result_type": "np.result_type(x.data, y.data)",
            "row_stack": "minidl.cat([x, y], dim=0)",
            "save": "weights.save(path, net.state_dict()); ending in .safetensors",
            "scalar_tensor": "minidl.tensor(7.0)",
            "searchsorted": "np.searchsorted(x.data, y.data)",
            "set_default_dtype": "x.double(); or dtype=",
            "set_default_device": 'x.to("cuda")',
            "set_default_tensor_type": "x.double(); or dtype=",
            "set_printoptions": "np.set_printoptions(precision=3)",
            "std_mean": "x.std(), x.mean()",
            "tensordot": "x @ y; with permute and reshape",
            "testing": "np.testing.assert_allclose(x.data, y.data)",
            "tril_indices": "np.tril_indices(3)",
            "triu_indices": "np.triu_indices(3)",
            "unravel_index": "np.unravel_index(3, (2, 2))",
            "use_deterministic_algorithms": "minidl.manual_seed(0); same seed and threads, same bits",
            "vander": "np.vander(x.data[0])",
            "var_mean": "x.var(), x.mean()",
            "version": "minidl.__version__",
            "vstack": "minidl.cat([x, y], dim=0)",
            "hypot": "(x * x + y * y).sqrt()",
            "adaptive_avg_pool1d": "nn.functional.adaptive_avg_pool2d; of pictures",
            "celu": "x.exp(); a line of your own, see nn.functional",
        },
    ),
    **alike(
        ANSWERED,
        "nn.functional; what it has of PyTorch's stands in docs/from-pytorch.md",
        """
        adaptive_max_pool1d affine_grid_generator alpha_dropout avg_pool1d bilinear binary_cross_entropy_with_logits
        celu_ conv1d conv3d conv_tbc conv_transpose1d conv_transpose3d convolution cosine_embedding_loss ctc_loss
        alpha_dropout_ dropout_ embedding embedding_bag feature_alpha_dropout feature_alpha_dropout_ feature_dropout
        feature_dropout_ grid_sampler grid_sampler_2d grid_sampler_3d group_norm hinge_embedding_loss instance_norm
        kl_div layer_norm margin_ranking_loss max_pool1d max_pool1d_with_indices max_pool3d pairwise_distance pdist
        pixel_shuffle pixel_unshuffle poisson_nll_loss rms_norm rrelu rrelu_ selu selu_ threshold threshold_
        triplet_margin_loss norm_except_dim
        """,
    ),
    **alike(
        REFUSED,
        "minidl is for convolutional networks: there are no recurrent layers",
        "gru gru_cell lstm lstm_cell rnn_relu rnn_relu_cell rnn_tanh rnn_tanh_cell",
    ),
    **alike(
        REFUSED,
        "tensors are float32, float64, bool or of whole numbers",
        "complex complex128 complex32 complex64 float16 cfloat cdouble chalf half bfloat16 polar view_as_complex "
        "view_as_real view_as_complex_copy view_as_real_copy quantization ao sparse",
    ),
    **alike(
        REFUSED,
        "no such function; NumPy computes with x.data, and a minidl.Function of yours derives",
        """
        atleast_2d atleast_3d bartlett_window binomial blackman_window block_diag bucketize cartesian_prod
        chain_matmul combinations constant_pad_nd cumulative_trapezoid frobenius_norm gradient hamming_window
        hann_window histogramdd kaiser_window lobpcg lu_unpack matrix_rank nuclear_norm pca_lowrank quasirandom rsub
        saddmm segment_reduce signal special svd_lowrank trapezoid trapz unravel_index distributions functional func
        vmap nested masked dsmm hsmm hspmm spmm jagged
        """,
    ),
    **alike(
        REFUSED,
        "this belongs to PyTorch's own workings",
        "accelerator bit builtins classes contiguous_format cpp ctypes fork functools glob inspect "
        "legacy_contiguous_format math memory_format os platform preserve_format return_types strided sys textwrap "
        "thread_safe_generator threading torch torch_version typename typing typing_extensions wait warnings windows "
        "classproperty compiler cpu cond default_generator distributed fx futures library monitor "
        "mps overrides package serialization types xpu mtia while_loop",
    ),
}

# Names by their form, where no line above has them.

MACHINERY = Word(REFUSED, "this belongs to PyTorch's own workings")

FORMS: tuple[tuple[str, Word], ...] = (
    (r"[A-Z]\w*", MACHINERY),
    (r"\w+_copy", MACHINERY),
    (r"\w*(autocast|quantize|deterministic|inference_mode|anomaly|vulkan|warn_always|channels_last)\w*", MACHINERY),
    (r"(quantized|fbgemm|cudnn|miopen|mkldnn|native|sym|choose_qparams|fused|batch_norm|init)_\w+", MACHINERY),
    (r"(has|get|set|is|can|import_ir|merge_type|parse|unify|prepare|profiler|compiled)_\w+", MACHINERY),
    (r"(frobenius|from|to|norm|embedding|empty)_\w+", MACHINERY),
    (
        r"(qu?int|uint|bits|float|int|bcomplex|sparse|per_channel|per_tensor)\w*",
        Word(REFUSED, "tensors are float32, float64, bool or of whole numbers"),
    ),
)

# utils

UTILS: Words = same(
    ANSWERED,
    {
        "tensorboard": "training.fit; it writes metrics and pictures of them",
        "checkpoint": "less memory: a smaller batch",
        "benchmark": "time.perf_counter()",
        "model_zoo": "models.get_model(name, weights=path)",
        "bottleneck": "minidl.observe",
    },
)

# cuda

CUDA: Words = {
    **same(WORKS, {"is_available": "minidl.cuda.is_available(); true or false, with its .reason"}),
    **same(
        ANSWERED,
        {
            "amp": "float32; there is no mixed precision",
            "current_device": 'x.device; "cpu" or "cuda"',
            "device": 'x.to("cuda")',
            "device_count": "minidl.cuda.is_available(); one device is used",
            "empty_cache": "nothing; CuPy's pool gives memory back by itself",
            "get_device_name": "minidl.cuda.is_available().reason",
            "get_device_properties": "minidl.cuda.is_available().reason",
            "get_device_capability": "minidl.cuda.is_available().reason",
            "manual_seed": "minidl.manual_seed(0)",
            "manual_seed_all": "minidl.manual_seed(0)",
            "seed": "minidl.manual_seed(0)",
            "seed_all": "minidl.manual_seed(0)",
            "max_memory_allocated": "nothing; CuPy counts: cupy.get_default_memory_pool().used_bytes()",
            "memory_allocated": "nothing; CuPy counts: cupy.get_default_memory_pool().used_bytes()",
            "set_device": "nothing; one device is used, see CUDA_VISIBLE_DEVICES",
            "synchronize": "x.numpy(); what comes back has been computed",
        },
    ),
}
