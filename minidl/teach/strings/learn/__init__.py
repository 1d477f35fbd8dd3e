"""The texts of the exercises: a file a step. What a step holds stands in `minidl.teach.learn`."""
