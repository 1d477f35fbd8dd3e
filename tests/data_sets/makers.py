"""Small data sets of every layout, written for the tests."""

import gzip
import pickle
import struct
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

COLOURS = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30)]


def picture(path, colour=(120, 60, 30), size=(8, 8)):
    """Write a picture of one colour; size is (height, width)."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size[::-1], colour).save(path)
    return path


def noise(path, seed=0, size=(8, 8)):
    """Write a picture of random pixels, losslessly, and return them as (3, H, W)."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size, 3), dtype=np.uint8)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return pixels.transpose(2, 0, 1)


def class_folders(folder, names=("cat", "dog"), n=5, size=(8, 8)):
    """Write CLASS/0.png …, n a class, every picture another."""
    for number, name in enumerate(names):
        for i in range(n):
            noise(folder / name / f"{i}.png", seed=100 * number + i, size=size)
    return folder


def train_and_val(folder, names=("cat", "dog"), n=4, val="val"):
    class_folders(folder / "train", names, n)
    class_folders(folder / val, names, 2)
    return folder


def tiny_imagenet(folder, ids=("n01", "n02", "n03"), n=3, n_val=2):
    """Write Tiny-ImageNet's own layout."""
    words = {"n01": "goldfish, Carassius auratus", "n02": "king penguin", "n03": "orange"}
    for number, one in enumerate(ids):
        for i in range(n):
            picture(folder / "train" / one / "images" / f"{one}_{i}.JPEG", COLOURS[number])
        (folder / "train" / one / f"{one}_boxes.txt").write_text("")
    lines = []
    for i in range(n_val * len(ids)):
        picture(folder / "val" / "images" / f"val_{i}.JPEG", COLOURS[i % len(ids)])
        lines.append(f"val_{i}.JPEG\t{ids[i % len(ids)]}\t0\t0\t7\t7\n")
    (folder / "val" / "val_annotations.txt").write_text("".join(lines))
    (folder / "wnids.txt").write_text("".join(f"{one}\n" for one in reversed(ids)))
    (folder / "words.txt").write_text("".join(f"{one}\t{words.get(one, one)}\n" for one in ids))
    return folder


def cifar_binary(folder, n=4, classes=10, seed=0):
    """Write CIFAR-10 or CIFAR-100 in the binary format; return the pictures and labels of training."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    names = [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]
    names = names if classes == 10 else ["train.bin", "test.bin"]
    kept = []
    for name in names:
        x = rng.integers(0, 256, (n, 3072), dtype=np.uint8)
        labels = rng.integers(0, classes, n).astype(np.uint8)
        heads = [labels] if classes == 10 else [labels // 5, labels]
        (folder / name).write_bytes(np.column_stack([*heads, x]).tobytes())
        kept.append((x.reshape(n, 3, 32, 32), labels))
    listed = "batches.meta.txt" if classes == 10 else "fine_label_names.txt"
    (folder / listed).write_text("".join(f"class {i}\n" for i in range(classes)) + "\n")
    return np.concatenate([x for x, _ in kept[:-1]]), np.concatenate([labels for _, labels in kept[:-1]])


def cifar_python(folder, n=4, classes=10, seed=0, as_bytes=True):
    """Write CIFAR-10 or CIFAR-100 in the Python format; return the pictures and labels of training."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)

    def key(text):
        return text.encode() if as_bytes else text

    names = [f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"] if classes == 10 else ["train", "test"]
    kept = []
    for name in names:
        x = rng.integers(0, 256, (n, 3072), dtype=np.uint8)
        labels = rng.integers(0, classes, n).tolist()
        found = {key("data"): x, key("labels" if classes == 10 else "fine_labels"): labels}
        found[key("filenames")] = [key(f"{i}.png") for i in range(n)]
        (folder / name).write_bytes(pickle.dumps(found, protocol=2))
        kept.append((x.reshape(n, 3, 32, 32), labels))
    listed, what = ("batches.meta", "label_names") if classes == 10 else ("meta", "fine_label_names")
    (folder / listed).write_bytes(pickle.dumps({key(what): [key(f"class {i}") for i in range(classes)]}, protocol=2))
    return np.concatenate([x for x, _ in kept[:-1]]), np.concatenate([labels for _, labels in kept[:-1]])


def idx_bytes(array):
    head = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return head + array.astype(np.uint8).tobytes()


def mnist(folder, n=6, packed=False, dash="-"):
    """Write MNIST's four files; return the pictures and labels of training."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    kept = {}
    for part in ("train", "t10k"):
        x, labels = rng.integers(0, 256, (n, 28, 28)), np.arange(n) % 10
        for what, array in (("images", x), ("labels", labels)):
            name = f"{part}-{what}{dash}idx{array.ndim}-ubyte"
            content = idx_bytes(array)
            if packed:
                (folder / f"{name}.gz").write_bytes(gzip.compress(content))
            else:
                (folder / name).write_bytes(content)
        kept[part] = x, labels
    return kept["train"]


def bomb(path, side=20_000):
    """Write a PNG of some hundred bytes that says it has side × side pixels."""

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1000)))
    return path
