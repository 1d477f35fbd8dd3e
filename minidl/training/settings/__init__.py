"""What a training is asked for, and how everything that was left open is filled in.

config            `Config`: every number that decides the result, in one table
recipe            settings that were written down: recipes/*.toml
resolve           a recipe or a file, then what the user says, then what the pictures are like
pretrained        what pretrained weights expect of pictures: their colours and their size
picture_sizes     the sizes of all pictures, measured and judged before the first step
"""

__all__: list[str] = []


def __dir__() -> list[str]:
    return []
