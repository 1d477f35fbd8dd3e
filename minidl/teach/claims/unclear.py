"""The one error of a claim that cannot be read."""


class Unclear(ValueError):
    """A claim cannot be read without a guess; the message says why."""

    def __init__(self, why: str):
        super().__init__(why)
