"""What lessons say, as tables of strings: data, so that another language is another table."""

__all__: list[str] = []


def __dir__() -> list[str]:
    return []
