"""Many pictures: every one gets its answer or its error, in order, in batches, within bounds."""

import os
import threading

import numpy as np
import pytest
from PIL import Image

import minidl
from minidl import folding, kernels
from minidl.predict import Predictor, predict
from minidl.predict._files import Missing, find
from minidl.tensor import Tensor


@pytest.fixture
def predictor(run):
    return Predictor(run=run)


@pytest.fixture
def many(tmp_path, rng):
    """30 pictures, of which every third is broken in another way, and what is said of it."""
    wrong = {}
    for i in range(30):
        path = tmp_path / f"{i:02}.png"
        Image.fromarray(rng.integers(0, 256, (20 + i % 4, 25, 3), dtype=np.uint8)).save(path)
        if i % 3 == 1:
            damage, wrong[path.name] = DAMAGES[i // 3 % len(DAMAGES)]
            damage(path)
    return [tmp_path / f"{i:02}.png" for i in range(30)], wrong


def cut(path):
    path.write_bytes(path.read_bytes()[:300])


def folder(path):
    path.unlink()
    path.mkdir()


DAMAGES = [
    (cut, "the picture is broken"),
    (lambda path: path.write_bytes(b""), "not a picture: the file is empty"),
    (lambda path: path.write_text("<html>"), "not a picture: it looks like a web page"),
    (lambda path: path.unlink(), "No such file or directory"),
    (folder, "there are no pictures in this folder"),
]


@pytest.mark.parametrize("workers", [0, 1, 3])
@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_every_picture_gets_its_own_answer(workers, batch_size, predictor, many):
    files, wrong = many
    answers = list(predictor.answer(files, batch_size=batch_size, workers=workers, top=3))
    assert [answer.file for answer in answers] == list(map(str, files))
    for file, answer in zip(files, answers):
        if file.name in wrong:
            assert answer.top == []
            assert answer.error.startswith(f"{file}: ")
            assert wrong[file.name] in answer.error
            assert "\n" not in answer.error
            continue
        alone = predictor(file, top=3)
        assert answer.error is None
        assert [guess.name for guess in answer.top] == [guess.name for guess in alone]
        np.testing.assert_allclose(
            [guess.probability for guess in answer.top], [guess.probability for guess in alone], rtol=1e-4
        )
    assert threading.active_count() == 1


def test_the_network_is_folded_and_sees_batches(predictor, many):
    files, wrong = many
    good, seen = [file for file in files if file.name not in wrong], []
    list(predictor.answer(good[:1]))  # folds it
    with minidl.observe(lambda event: seen.append((event.op, len(event.output)))):
        assert len(list(predictor.answer(good, batch_size=8))) == 20
    convolutions = [n for op, n in seen if op == "conv2d_fused"]
    assert convolutions == [8, 8, 4]
    assert not {op for op, _ in seen} & {"conv2d", "batch_norm"}


def test_answers_come_while_others_are_read(predictor, many, monkeypatch):
    """No more than two batches and what the threads hold are read ahead of the answers."""
    files = [file for file in many[0] if file.name not in many[1]] * 4
    read, told, ahead = [], 0, []
    plain = predictor._expert.prepare

    class Watched:
        def prepare(self, path):
            read.append(path)
            ahead.append(len(read) - told)
            return plain(path)

    monkeypatch.setattr(predictor, "_expert", Watched())
    for _ in predictor.answer(iter(files), batch_size=4, workers=2):
        told += 1
    assert told == len(read) == 80
    assert max(ahead) <= 2 + 3 * 4 + 1


def test_errors_wait_for_nobody(predictor, tmp_path):
    names = iter(["none.png", "neither.png", *["never read.png"] * 100])
    answers = predictor.answer(names, workers=0)
    assert [next(answers).error.partition(":")[0] for _ in range(2)] == ["none.png", "neither.png"]
    answers.close()
    assert sum(1 for _ in names) == 100


def test_threads_end_when_nobody_listens_any_more(predictor, many):
    answers = predictor.answer(many[0], workers=2)
    next(answers)
    answers.close()
    assert threading.active_count() == 1


def test_sizes_that_differ_and_one_that_does_not_fit(make_run, tmp_path, rng):
    from tests.predict.test_run import without_shown

    steps = [{"name": "normalize"}]
    run = make_run(epochs=1, transforms=steps, test_transforms=steps)
    predictor = Predictor(weights_file=without_shown(run / "last.safetensors", tmp_path / "old.safetensors"))
    sizes = [(9, 12), (9, 12), (2, 2), (12, 9), (9, 12), (1, 30), (9, 12)]
    files = [tmp_path / f"{i}.png" for i in range(len(sizes))]
    for file, size in zip(files, sizes):
        Image.fromarray(rng.integers(0, 256, (*size, 3), dtype=np.uint8)).save(file)
    answers = list(predictor.answer(files))
    assert [answer.error is None for answer in answers] == [min(size) >= 3 for size in sizes]
    assert answers[2].error.startswith(f"{files[2]}: tiny: ")


def test_too_little_memory_for_a_batch_is_enough_for_one(predictor, many, monkeypatch):
    good = [file for file in many[0] if file.name not in many[1]]
    plain, sizes = predictor._look, []

    def greedy(x):
        sizes.append(len(x))
        if len(x) > 1:
            raise MemoryError
        return plain(x)

    monkeypatch.setattr(predictor, "_look", greedy)
    assert all(answer.error is None for answer in predictor.answer(good[:4]))
    assert sizes == [4, 1, 1, 1, 1]
    monkeypatch.setattr(predictor, "_look", lambda x: exec("raise MemoryError"))
    assert [answer.error for answer in predictor.answer(good[:2])] == [
        f"{file}: there is not enough memory" for file in good[:2]
    ]


def test_answers_that_are_no_numbers_are_no_answers(predictor, many):
    predictor._look = lambda x: Tensor(np.full((len(x), 3), np.nan, dtype=np.float32))
    (answer,) = predictor.answer(many[0][:1])
    assert (answer.top, "the answer of tiny is not finite" in answer.error) == ([], True)


def test_a_network_with_nothing_to_fold_answers_too(predictor, many, monkeypatch):
    def refuse(*_):
        raise ValueError("fuse: cannot")

    monkeypatch.setattr(folding, "fuse", refuse)
    with kernels.use("textbook"):
        assert predictor(many[0][0], top=1)


@pytest.mark.parametrize(("name", "value"), [("top", 0), ("batch_size", 0), ("workers", -1)])
def test_numbers_are_judged(name, value, run):
    with pytest.raises(ValueError, match=f"predict: {name} must be an int"):
        next(predict(["none.jpg"], run=run, **{name: value}))


# Names of files


@pytest.fixture
def album(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (
        "b.jpg",
        "a.png",
        "sub/c.JPG",
        "sub/deeper/d.webp",
        "notes.txt",
        ".hidden.jpg",
        "[1].png",
        "empty/x.txt",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (4, 4)).save(tmp_path / name, "PNG") if "." in name[-5:] and "txt" not in name else None
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["b.jpg", "a.png", "b.jpg"], ["b.jpg", "a.png", "b.jpg"]),
        (["."], ["[1].png", "a.png", "b.jpg", "sub/c.JPG", "sub/deeper/d.webp"]),
        (["sub"], ["sub/c.JPG", "sub/deeper/d.webp"]),
        (["*.jpg", "sub/*"], ["b.jpg", "sub/c.JPG"]),
        (["**/*.webp"], ["sub/deeper/d.webp"]),
        (["[1].png"], ["[1].png"]),
        (["[ab].*"], ["a.png", "b.jpg"]),
        (["none.jpg"], ["none.jpg"]),
        (["*.none"], ["*.none: no file fits this pattern"]),
        (["su?"], ["su?: only folders fit this pattern; name one of them, or su?/*"]),
        (["empty"], ["empty: there are no pictures in this folder"]),
    ],
)
def test_files_folders_and_patterns(names, found, album):
    assert [one.error if isinstance(one, Missing) else one for one in find(names)] == found


def test_a_folder_that_cannot_be_read_keeps_no_other(album, monkeypatch):
    plain = os.scandir

    def refuse(path):  # root may read everything, so it is played
        if str(path).endswith("deeper"):
            raise PermissionError(13, "Permission denied", str(path))
        return plain(path)

    monkeypatch.setattr(os, "scandir", refuse)
    (album / "sub" / "round").symlink_to(album / "sub")
    *files, first, second = find([album / "sub", "a.png"][:1])
    assert [os.path.basename(file) for file in files] == ["c.JPG"]
    assert "deeper: Permission denied; make it readable" in first.error
    assert "round: this link leads back to a folder that it lies in" in second.error
