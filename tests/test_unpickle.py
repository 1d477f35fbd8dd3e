"""The reader of pickles that can only build data."""

import collections
import io
import pickle
import struct

import numpy as np
import pytest

from minidl._unpickle import ArrayUnpickler, Unpickler, shorten

PROTOCOLS = pytest.mark.parametrize("protocol", range(6))
DATA = {
    "numbers": [0, 1, -1, 255, 256, 65536, -(2**31), 2**40, -(2**100), 0.5, float("inf")],
    "text": ["", "ascii", "größe", "\U0001f40d", "line\nbreak\\"],
    "constants": (None, True, False),
    "tuples": ((), (1,), (1, 2), (1, 2, 3), (1, 2, 3, 4)),
    "nested": {"a": {}, 3: [], "b": {"c": [[]]}},
    "ordered": collections.OrderedDict([("z", 1), ("a", 2)]),
}


def read(content: bytes, kind=Unpickler, **settings):
    return kind(io.BytesIO(content), **{"budget": 4 * len(content), **settings}).load()


@PROTOCOLS
def test_data_of_every_protocol(protocol):
    found = read(pickle.dumps(DATA, protocol))
    assert found == DATA
    assert list(found["ordered"]) == ["z", "a"]


@PROTOCOLS
def test_bytes_of_every_protocol(protocol):
    for value in (b"\x00\xff bytes", bytes(range(256)), b"x" * 70_000):
        assert read(pickle.dumps([value], protocol)) == [value]


def test_shared_objects_stay_shared():
    inner: list = [1]
    found = read(pickle.dumps([inner, inner]))
    assert found[0] is found[1]


def test_a_list_may_hold_itself():
    value: list = []
    value.append(value)
    found = read(pickle.dumps(value))
    assert found[0] is found


def test_the_stream_is_left_behind_the_pickle():
    stream = io.BytesIO(pickle.dumps(1) + pickle.dumps(2) + b"rest")
    assert [Unpickler(stream, budget=0).load() for _ in range(2)] == [1, 2]
    assert stream.read() == b"rest"


@pytest.mark.parametrize("protocol", range(5))  # in protocol 5 NumPy writes buffers: test_protocol_5_buffers
@pytest.mark.parametrize(
    "array",
    [
        np.arange(12, dtype=np.uint8).reshape(3, 4),
        np.arange(12, dtype=">i4").reshape(3, 4),
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.array(3, np.int64),
        np.array([True, False]),
        np.arange(3, dtype=np.float16),
    ],
    ids=["uint8", "big-endian", "Fortran", "scalar", "bool", "float16"],
)
def test_arrays_of_every_protocol(array, protocol):
    content = pickle.dumps({"data": array}, protocol)
    found = read(content, ArrayUnpickler)["data"]
    np.testing.assert_array_equal(found, array)
    np.testing.assert_array_equal(
        found, pickle.loads(content)["data"], strict=True
    )  # NumPy drops the byte order itself
    assert found.flags.writeable


@pytest.mark.parametrize("protocol", range(5))
def test_numpy_numbers(protocol):
    value = {"a": np.float32(0.1), "b": np.int64(-5), "c": np.dtype(">f8").type(2.5), "d": np.bool_(True)}
    found = read(pickle.dumps(value, protocol))
    assert found == value
    assert found["a"].dtype == np.float32


def test_a_batch_as_python_2_wrote_it():
    """CIFAR's layout: a protocol-2 dict of byte strings and an array whose bytes are such a string."""
    raw = bytes(range(250, 256)) + bytes(6)
    program = (
        b"\x80\x02}(U\x04dataq\x01cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
        b"(K\x01K\x03K\x04\x86cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        b"\x89T" + struct.pack("<I", len(raw)) + raw + b"tb"
        b"U\x06labels](K\x06K\x09eU\x09filenames](U\x05a.pngh\x01eu."
    )
    assert pickle.loads(program, encoding="latin1")["labels"] == [6, 9]
    found = read(program, ArrayUnpickler)
    np.testing.assert_array_equal(found["data"], np.frombuffer(raw, np.uint8).reshape(3, 4), strict=True)
    assert (found["labels"], found["filenames"]) == ([6, 9], ["a.png", "data"])


def refuse(content: bytes, words: str, kind=ArrayUnpickler, **settings) -> None:
    with pytest.raises(ValueError, match=words) as caught:
        read(content, kind, **settings)
    assert type(caught.value) is ValueError
    assert "\n" not in str(caught.value)


def test_protocol_5_buffers():
    refuse(
        pickle.dumps(np.arange(3), 5), r"asks for numpy\._?core\.numeric\._frombuffer, which is not on the short list"
    )


def test_arrays_are_not_on_the_plain_list():
    refuse(pickle.dumps(np.arange(3), 2), r"asks for numpy\._?core\.multiarray\._reconstruct", Unpickler)


def test_arrays_of_objects_are_refused():
    refuse(
        pickle.dumps(np.array([print, {}]), 2), "which is not on the short list|the dtype 'O8', expected plain numbers"
    )
    refuse(pickle.dumps(np.array([None, {}]), 2), "the dtype 'O8', expected plain numbers such as 'f4' or 'u1'")
    refuse(pickle.dumps(np.zeros(2, [("a", "f4")]), 2), "the dtype 'V4', expected plain numbers")
    refuse(pickle.dumps(np.array(["text"]), 2), "the dtype 'U4', expected plain numbers")


HEAD = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
DTYPE = b"cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R"


@pytest.mark.parametrize(
    ("program", "words"),
    [
        (HEAD + b"}b", r"fills an array from a dict, expected \(version, shape, dtype, order, bytes\)"),
        (HEAD + b"(K\x01)U\x02f4\x89U\x04abcdtb", "fills an array from a tuple"),
        (HEAD + b"(K\x01]" + DTYPE + b"\x89U\x04abcdtb", "the shape a list, expected a tuple of at most 32 sizes"),
        (
            HEAD + b"(K\x01J\xff\xff\xff\xff\x85" + DTYPE + b"\x89U\x04abcdtb",
            "the shape a tuple, expected a tuple of at",
        ),
        (
            HEAD + b"(K\x01K\x02K\x03\x86" + DTYPE + b"\x89U\x04abcdtb",
            r"shape \(2, 3\) and dtype float32 4 bytes, expected 6 \* 4 = 24 bytes",
        ),
        (
            HEAD + b"(K\x01K\x01\x85" + DTYPE + b"\x89]tb",
            r"shape \(1,\) and dtype float32 a list, expected 1 \* 4 = 4 bytes",
        ),
        (
            b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\ndtype\n)N\x87R",
            "reconstructs numpy.dtype, expected numpy.ndarray",
        ),
        (HEAD + b"]b0cnumpy\nndarray\n)R", "fills an array from a list"),
        (b"cnumpy\nndarray\n)R", "calls numpy.ndarray, which is not a function of the short list"),
    ],
)
def test_arrays_that_do_not_fit(program, words):
    refuse(program + b".", words)


@pytest.mark.parametrize("opcode", [b"T", b"B"], ids=["string of Python 2", "bytes"])
def test_one_string_made_into_many_arrays(opcode):
    """1,000 arrays of 25 kB out of a file of 0.1 MB stop at the budget."""
    raw = opcode + struct.pack("<I", 25_000) + bytes(25_000) + b"q\x000"
    array = HEAD + b"(K\x01M" + struct.pack("<H", 6_250) + b"\x85h\x01\x89h\x00tb0"
    content = raw + DTYPE + b"q\x010" + array * 1_000 + b"N."
    refuse(content, r"builds more data than its file can hold \(another 25,000 bytes\)")


def test_steps_are_counted():
    assert read(b"N0" * 4 + b"N.", steps=10) is None
    refuse(b"N0" * 5 + b"N.", "has more than 10 steps, too many for weights or labels", steps=10)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (0.5, "0.5"),
        ({}, "a dict"),
        ((), "a tuple"),
        ("ü", r"'\xfc'"),
        (b"\0", r"b'\x00'"),
    ],
)
def test_values_are_shown_in_short(value, text):
    assert shorten(value) == text
    assert len(shorten("\U0001f40d" * 1000)) == 60
