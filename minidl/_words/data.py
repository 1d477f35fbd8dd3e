"""torch.utils.data, torchvision's data sets and transforms, and older names of minidl's own data."""

from __future__ import annotations

from minidl._words import ANSWERED, REFUSED, Words, alike, same

DATA: Words = {
    **same(
        ANSWERED,
        {
            "CIFAR10": 'train, val = data.open_dataset("FOLDER"); nothing is downloaded',
            "ConcatDataset": "split.join(other); or np.concatenate the arrays",
            "DataLoader": "data.Loader(pictures, 64, shuffle=True); or data.Loader(x, y, 64)",
            "DatasetFolder": 'train, val = data.open_dataset("FOLDER")',
            "ImageFolder": 'train, val = data.open_dataset("FOLDER")',
            "IterableDataset": "a class with epoch(number, start_step=0), which yields (x, y), and __len__",
            "MNIST": 'train, val = data.open_dataset("FOLDER"); nothing is downloaded',
            "Subset": "split.take(indices)",
            "TensorDataset": "data.Loader(x, y, 64); fit takes a pair of arrays (x, y), too",
            "WeightedRandomSampler": "split.take(indices), with some of them more than once",
            "digits": 'train, val = data.open_dataset("digits")',
            "load": "train, val = data.open_dataset(name)",
            "random_split": "split.take(indices) of a permutation; or open_dataset(folder, val_share=0.2)",
        },
    ),
    **same(
        ANSWERED,
        {
            "Dataset": "data.Pictures; or plain arrays: data.Loader(x, y, 64)",
            "BatchSampler": "data.Loader(pictures, 64)",
            "Sampler": "split.take(indices)",
            "RandomSampler": "data.Loader(pictures, 64, shuffle=True)",
            "SequentialSampler": "data.Loader(pictures, 64)",
            "SubsetRandomSampler": "data.Loader(split.take(indices), 64, shuffle=True)",
            "ChainDataset": "split.join(other); or np.concatenate the arrays",
            "StackDataset": "data.Loader(x, y, 64)",
            "default_collate": "np.stack(pictures)",
            "default_convert": "minidl.as_tensor(array)",
        },
    ),
    **alike(
        REFUSED,
        "this belongs to PyTorch's own workings",
        "DFIterDataPipe DataChunk DistributedSampler IterDataPipe MapDataPipe argument_validation dataloader datapipes "
        "dataset distributed functional_datapipe get_worker_info graph graph_settings "
        "guaranteed_datapipes_determinism non_deterministic runtime_validation runtime_validation_disabled sampler",
    ),
}
