"""Words that hands know from PyTorch's and torchvision's data, or from older minidl, and how they are written here."""

from __future__ import annotations

WORDS = {
    "CIFAR10": 'train, val = data.open_dataset("FOLDER"); nothing is downloaded',
    "ConcatDataset": "split.join(other); or np.concatenate the arrays",
    "DataLoader": "data.Loader(pictures, 64, shuffle=True); or data.Loader(x, y, 64)",
    "DatasetFolder": 'train, val = data.open_dataset("FOLDER")',
    "ImageFolder": 'train, val = data.open_dataset("FOLDER")',
    "IterableDataset": "a class with epoch(number, start_step=0), which yields (x, y), and __len__; fit takes it",
    "MNIST": 'train, val = data.open_dataset("FOLDER"); nothing is downloaded',
    "Subset": "split.take(indices)",
    "TensorDataset": "data.Loader(x, y, 64); fit takes a pair of arrays (x, y), too",
    "WeightedRandomSampler": "split.take(indices), with some of them more than once",
    "digits": 'train, val = data.open_dataset("digits")',
    "load": "train, val = data.open_dataset(name)",
    "random_split": "split.take(indices) of a permutation; or open_dataset(folder, val_share=0.2)",
}
