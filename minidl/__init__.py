"""A from-scratch deep-learning engine for convolutional networks."""
