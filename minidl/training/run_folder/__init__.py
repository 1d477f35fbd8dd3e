"""What a run leaves behind, and how it is taken up again: one folder of files under fixed names.

folder            `RunFolder`: which files there are, and the small ones among them
checkpointer      the callback that keeps last.safetensors, best.safetensors and history.csv up to date
split_record      pictures.json: which pictures the run learns from, and which it is evaluated with
dataset           the pictures of a run, opened and found again
lock              one process at a time
report            report.html and the plots in it
"""

__all__: list[str] = []


def __dir__() -> list[str]:
    return []
