"""A strict stand-in for CuPy: NumPy inside, CuPy's manners outside, so that code for the GPU is proven without one.

Its arrays do not mix with NumPy arrays and do not become one silently; they have no names, methods and keywords that
CuPy lacks (tests/data/cupy_names.txt); reductions and single elements stay arrays; integer indices wrap around instead
of raising. Where CuPy itself is lenient, the stand-in is stricter: CuPy copies a NumPy index array to the GPU without a
word, and lets `np.exp(x)` call `cupy.exp(x)`; here both are errors, because in minidl nothing moves silently. Writing
one place twice, `x[index] = y`, leaves on a GPU nobody knows what; here it is an error too.

`moves` counts what crosses between host and device: "put" arrays and lists to the device, "get" arrays to the host,
"read" single numbers, for which CuPy waits (`float(x)`, a boolean mask whose length must be known).
"""

from collections import Counter
from types import ModuleType, SimpleNamespace

import numpy as np

from tests import cupy_names

NAMES = cupy_names.read()
MODELLED = tuple(kind for kind in NAMES if kind not in ("at", "attribute", "method"))
ATOMIC = tuple(np.dtype(name) for name in ("int32", "uint32", "uint64", "float16", "float32", "float64"))  # scatter_add
HOST_RESULTS = "can_cast common_type isfortran isscalar may_share_memory ndim result_type shape shares_memory size"
REDUCTIONS = "all amax amin any argmax argmin max mean min prod ptp std sum var"  # their results are C-contiguous
ARRAYS = "A M a ar arr array ary condition m v x"  # first parameters that must be a device array

moves = Counter()


def root(array):
    """Return the NumPy array that owns the memory."""
    while isinstance(array.base, np.ndarray):
        array = array.base
    return array


def refuse(value):
    raise TypeError(f"Unsupported type {type(value)}: only device arrays and plain numbers mix on the device")


def _axes(part):
    """Return how many axes one part of an index uses up."""
    return part.ndim if isinstance(part, ndarray) and part.dtype == bool else 1


def operand(value, sources):
    """Return the inside of a device array, or a plain number; refuse anything else, as CuPy's kernels do."""
    if isinstance(value, ndarray):
        sources.append(value)
        return value._array
    return value if isinstance(value, (int, float, complex, np.generic)) else refuse(value)


def inside(value, sources):
    """Return an argument with the insides of all device arrays in it; refuse NumPy arrays."""
    if isinstance(value, (tuple, list)):
        return type(value)(inside(one, sources) for one in value)
    if isinstance(value, ndarray):
        return operand(value, sources)
    return refuse(value) if isinstance(value, np.ndarray) else value


def outside(result, sources):
    """Return a NumPy result as device arrays: numbers become arrays without axes, views know their base."""
    if isinstance(result, (tuple, list)):
        return type(result)(outside(one, sources) for one in result)
    if isinstance(result, (bool, np.generic)):
        result = np.asarray(result)
    if not isinstance(result, np.ndarray):
        return result
    for source in sources:
        if source._array is result:
            return source
    array = ndarray.__new__(ndarray)
    array._array = result
    owners = (source if source.base is None else source.base for source in sources)
    array.base = next((owner for owner in owners if root(owner._array) is root(result)), None)
    return array


@np.errstate(all="ignore")  # a GPU does not warn
def call(function, name, signature, args, kwargs, sources=()):
    """Call a NumPy function with a CuPy signature; what it returns for `out=` is the array that was given."""
    bound = signature.bind(*args, **kwargs).arguments
    sources = list(sources)
    args = [inside(value, sources) for value in args]
    result = function(*args, **{key: inside(value, sources) for key, value in kwargs.items()})
    if bound.get("out") is not None:
        return bound["out"]
    return outside(np.array(result, order="C") if name in REDUCTIONS.split() else result, sources)


class ufunc:
    """An elementwise function: `where=` and `order=` do not exist, and a result without `out=` is C-contiguous."""

    def __init__(self, name):
        self.__name__, self.numpy = name, getattr(np, name)
        self.signature = cupy_names.signature(NAMES["ufunc"][name])

    @np.errstate(all="ignore")
    def __call__(self, *args, **kwargs):
        settings = dict(self.signature.bind(*args, **kwargs).arguments)
        sources = []
        inputs = [operand(settings.pop(name), sources) for name in ("x1", "x2") if name in settings]
        out = settings.pop("out", None)
        if out is not None:
            if not isinstance(out, ndarray):
                refuse(out)
            self.numpy(*inputs, out=out._array, **settings)
            return out
        result = self.numpy(*inputs, **settings)
        parts = result if isinstance(result, tuple) else (result,)
        wrapped = tuple(outside(np.array(part, order="C"), []) for part in parts)
        return wrapped if isinstance(result, tuple) else wrapped[0]

    def at(self, a, indices, b=None):
        if self.__name__ not in NAMES["at"]:
            raise NotImplementedError(f"CuPy has no {self.__name__}.at")
        if a.dtype not in ATOMIC:
            raise TypeError(f"CuPy has no atomic {self.__name__} for {a.dtype}")
        key, _ = a._key(indices)
        self.numpy.at(a._array, key, operand(b, []))

    def reduce(self, array, axis=0, dtype=None, out=None, keepdims=False):
        if self.__name__ not in ("add", "multiply"):
            raise NotImplementedError(f"CuPy has no {self.__name__}.reduce")
        return (array.sum if self.__name__ == "add" else array.prod)(axis, dtype, out, keepdims)


def function(name):
    """Make CuPy's function from NumPy's of the same name."""
    signature = cupy_names.signature(NAMES["function"][name])
    first = next(iter(signature.parameters), None)

    def run(*args, **kwargs):
        if name in HOST_RESULTS.split():
            return getattr(np, name)(*inside(args, []), **kwargs)
        given = signature.bind(*args, **kwargs).arguments.get(first)
        for value in (given,) if first in ARRAYS.split() else given if first == "tup" else ():
            if not isinstance(value, ndarray):
                refuse(value)
        if name in ("argwhere", "flatnonzero", "nonzero", "unique"):
            moves["read"] += 1
        return call(getattr(np, name), name, signature, args, kwargs)

    run.__name__ = name
    return run


def method(name, parameters):
    """Make the method of a device array from that of a NumPy array."""
    signature = cupy_names.signature(parameters)

    def run(self, *args, **kwargs):
        return call(getattr(self._array, name), name, signature, args, kwargs, [self])

    run.__name__ = name
    return run


class Flags:
    def __init__(self, array, owndata):
        self.c_contiguous, self.f_contiguous = array.flags.c_contiguous, array.flags.f_contiguous
        self.owndata = owndata


class ndarray:
    """A device array."""

    __slots__ = ("__weakref__", "_array", "base")
    __array_priority__ = 100
    __hash__ = None

    def __init__(self, shape, dtype=float, order="C"):
        self._array, self.base = np.empty(shape, dtype, order), None

    shape = property(lambda self: self._array.shape)
    strides = property(lambda self: self._array.strides)
    ndim = property(lambda self: self._array.ndim)
    size = property(lambda self: self._array.size)
    dtype = property(lambda self: self._array.dtype)
    itemsize = property(lambda self: self._array.itemsize)
    nbytes = property(lambda self: self._array.nbytes)
    flags = property(lambda self: Flags(self._array, self.base is None))
    data = property(lambda self: SimpleNamespace(ptr=self._array.__array_interface__["data"][0]))
    device = property(lambda self: SimpleNamespace(id=0))
    T = property(lambda self: self if self.ndim < 2 else outside(self._array.T, [self]))

    # ------------------------------------------------------------------ to the host and back

    def get(self, stream=None, order="C", out=None, blocking=True):
        moves["get"] += 1
        return np.array(self._array, order=order)

    def set(self, arr, stream=None):
        moves["put"] += 1
        self._array[...] = arr

    def tolist(self):
        return self.get().tolist()

    def item(self):
        if self.size != 1:
            raise ValueError("can only convert an array of size 1 to a Python scalar")
        moves["read"] += 1
        return self._array.item()

    def __bool__(self):
        if self.size > 1:
            raise ValueError("the truth of more than one element is ambiguous")
        return bool(self.item()) if self.size else False

    def __float__(self):
        return float(self.item())

    def __int__(self):
        return int(self.item())

    def __repr__(self):
        return repr(self.get())

    def __array__(self, *args, **kwargs):
        raise TypeError("a device array does not become a NumPy array silently; call .get()")

    def __array_function__(self, function, types, args, kwargs):
        raise TypeError(f"np.{function.__name__} was called with a device array; use the function of its own module")

    def __array_ufunc__(self, function, how, *inputs, **kwargs):
        if how == "__call__" and isinstance(inputs[0], np.generic) and not kwargs and len(inputs) == 2:
            return getattr(cupy, function.__name__)(*inputs)  # a NumPy scalar stands on the left: np.float32(2) * x
        for value in inputs:
            if isinstance(value, np.ndarray):
                refuse(value)
        raise TypeError(f"np.{function.__name__} was called with a device array; use the function of its own module")

    # ------------------------------------------------------------------ elements

    def _key(self, key):
        """Return a key for the array inside, and whether it holds integer arrays."""
        parts = key if isinstance(key, tuple) else (key,)
        parts = [self._list(part) if isinstance(part, list) else part for part in parts]
        wide = [part for part in parts if isinstance(part, ndarray)]
        masks = [part for part in wide if part.dtype == bool]
        if masks and len(wide) > 1:
            raise ValueError("CuPy takes only one boolean array in an index, and no other array with it")
        if masks:
            moves["read"] += 1  # CuPy waits for the number of places
        lengths = [0 if part is None or part is Ellipsis else _axes(part) for part in parts]
        axis, found = 0, []
        for part, length in zip(parts, lengths):
            if isinstance(part, (np.ndarray, bool, np.bool_)):
                refuse(part)  # CuPy would copy it to the device without a word
            if isinstance(part, ndarray):
                if part.dtype.kind not in "biu":
                    raise IndexError(f"arrays used as indices must be integer or boolean, not {part.dtype}")
                part = part._array if part.dtype == bool else part._array.astype(int) % max(1, self.shape[axis])
            axis += self.ndim - sum(lengths) if part is Ellipsis else length
            found.append(part)
        if not any(part is Ellipsis for part in found):
            found.append(Ellipsis)  # so that one element is an array without axes, as in CuPy
        return tuple(found), len(wide) > len(masks)

    @staticmethod
    def _list(part):
        moves["put"] += 1
        return outside(np.asarray(part, dtype=None if part else np.int32), [])

    def __getitem__(self, key):
        key, _ = self._key(key)
        return outside(self._array[key], [self])

    def __setitem__(self, key, value):
        key, has_integers = self._key(key)
        if isinstance(value, np.ndarray):
            raise ValueError("a device array cannot be filled from a NumPy array; move it first")
        value = operand(value, [])
        if has_integers:
            places = np.arange(self.size).reshape(self.shape)[key]
            if np.unique(places).size < places.size:
                raise RuntimeError("one place is written twice: on a GPU nobody knows which value stays")
        self._array[key] = value

    def __len__(self):
        if not self.ndim:
            raise TypeError("len() of an array without axes")
        return self.shape[0]

    def __iter__(self):
        return (self[index] for index in range(len(self)))

    # ------------------------------------------------------------------ copies and operators

    def fill(self, value):
        self._array[...] = operand(value, [])

    def __copy__(self):
        return self.copy()

    def __deepcopy__(self, memo):
        return self.copy()

    def __pos__(self):
        return self

    def __neg__(self):
        return cupy.negative(self)

    def __abs__(self):
        return cupy.absolute(self)

    def __invert__(self):
        return cupy.invert(self)


def _may_mix(other):
    return getattr(other, "__array_ufunc__", True) is not None  # None: the other one wants to be asked


def operators(name, ufunc_name):
    """Give device arrays `x + y`, `y + x` and `x += y`."""

    def forward(self, other):
        return getattr(cupy, ufunc_name)(self, other) if _may_mix(other) else NotImplemented

    def reflected(self, other):
        return getattr(cupy, ufunc_name)(other, self) if _may_mix(other) else NotImplemented

    def in_place(self, other):
        return getattr(cupy, ufunc_name)(self, other, out=self)

    for prefix, operator in (("", forward), ("r", reflected), ("i", in_place)):
        dunder = f"__{prefix}{name}__"
        if dunder in NAMES["attribute"] or dunder in vars(object):  # object has the comparisons
            setattr(ndarray, dunder, operator)


OPERATORS = {
    "add": "add", "sub": "subtract", "mul": "multiply", "truediv": "true_divide", "floordiv": "floor_divide",
    "mod": "remainder", "pow": "power", "matmul": "matmul", "and": "bitwise_and", "or": "bitwise_or",
    "xor": "bitwise_xor", "lshift": "left_shift", "rshift": "right_shift", "lt": "less", "le": "less_equal",
    "gt": "greater", "ge": "greater_equal", "eq": "equal", "ne": "not_equal",
}  # fmt: skip
for _name, _ufunc in OPERATORS.items():
    operators(_name, _ufunc)
for _name, _parameters in NAMES["method"].items():
    if _name not in vars(ndarray) and hasattr(np.ndarray, _name):
        setattr(ndarray, _name, method(_name, _parameters))


def asarray(a, dtype=None, order=None, *, blocking=False):
    if isinstance(a, ndarray):
        return a if dtype is None or a.dtype == dtype else a.astype(dtype)
    return array(a, dtype)


def array(obj, dtype=None, copy=True, order="K", subok=False, ndmin=0, *, blocking=False):
    if isinstance(obj, ndarray):
        return obj.astype(obj.dtype if dtype is None else dtype, copy=copy)
    value = np.array(obj, dtype=dtype, ndmin=ndmin)
    if value.dtype.kind not in "biufc":
        raise ValueError(f"Unsupported dtype {value.dtype}")
    moves["put"] += 1
    fortran = value.flags.f_contiguous and not value.flags.c_contiguous
    return outside(np.array(value, order="F" if fortran else "C"), [])  # any other memory order is lost on the way


def asnumpy(a, stream=None, order="C", out=None, *, blocking=True):
    return a.get(order=order) if isinstance(a, ndarray) else np.asarray(a)


def copyto(dst, src, casting="same_kind", where=None):
    if not isinstance(dst, ndarray) or not (where is None or isinstance(where, ndarray)):
        refuse(where if isinstance(dst, ndarray) else dst)
    if where is not None and where.dtype != bool:
        raise TypeError(f"where must be boolean, not {where.dtype}")
    np.copyto(dst._array, operand(src, []), casting=casting, where=True if where is None else where._array)


def where(condition, x=None, y=None):
    if (x is None) != (y is None):
        raise ValueError("x and y must be given both or not at all")
    if x is None:
        return cupy.nonzero(condition)
    if not isinstance(condition, ndarray):
        refuse(condition)
    sources = []
    return outside(np.where(condition._array, operand(x, sources), operand(y, sources)), [])


def einsum(*operands, dtype=None, optimize=False):
    sources = []
    return outside(np.einsum(*inside(operands, sources), dtype=dtype, optimize=optimize), [])


def matmul(x1, x2, /, out=None):
    for value in (x1, x2):
        if not isinstance(value, ndarray):
            refuse(value)
    signature = cupy_names.signature(NAMES["function"]["matmul"])
    return call(np.matmul, "matmul", signature, (x1, x2), {} if out is None else {"out": out})


class Module(ModuleType):
    """The module `cupy`: every name that CuPy has, and no other."""

    def __getattr__(self, name):
        kind = next((kind for kind in MODELLED if name in NAMES[kind]), None)
        if kind is None:
            raise AttributeError(f"module 'cupy' has no attribute {name!r}")
        make = {"numpy": lambda name: getattr(np, name), "ufunc": ufunc, "function": function}.get(kind)
        if make is None or not hasattr(np, name):
            raise NotImplementedError(f"cupy.{name} exists, but the stand-in does not model it")
        setattr(self, name, make(name))
        return vars(self)[name]


cupy = Module("cupy")
for _value in (ndarray, ufunc, asarray, array, asnumpy, copyto, where, einsum, matmul):
    setattr(cupy, _value.__name__, _value)
cupy.cuda = SimpleNamespace(runtime=SimpleNamespace(getDeviceCount=lambda: 1))
