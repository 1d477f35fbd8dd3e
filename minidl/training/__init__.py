"""Training: the loop, and what a run leaves behind.

train, resume, evaluate_run     a whole run, as the command line makes it
make_config, Config             what is asked for: a recipe, a file, and what the user says
fit, evaluate                   the loop and the examination, for any network, without a folder
list_recipes, load_recipe       settings that were written down
State, Watcher, Metrics         where a training is, who is told, and what an examination finds
Interrupted, NonFiniteError     what ends one before its time
save_checkpoint, load_checkpoint, RunFolder
"""

from minidl.training.callback import Watcher
from minidl.training.evaluation import evaluate
from minidl.training.examining import evaluate_run, report_run
from minidl.training.fitting import fit
from minidl.training.interrupt import Interrupted
from minidl.training.metrics import Metrics
from minidl.training.non_finite import NonFiniteError
from minidl.training.run_folder.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.run_folder.folder import RunFolder
from minidl.training.runs import Outcome, resume, train
from minidl.training.settings.config import Config
from minidl.training.settings.recipe import list_recipes, load_recipe
from minidl.training.settings.resolve import make_config, parse_setting
from minidl.training.state import State

__all__ = [
    "Config",
    "Interrupted",
    "Metrics",
    "NonFiniteError",
    "Outcome",
    "RunFolder",
    "State",
    "Watcher",
    "evaluate",
    "evaluate_run",
    "fit",
    "list_recipes",
    "load_checkpoint",
    "load_recipe",
    "make_config",
    "parse_setting",
    "report_run",
    "resume",
    "save_checkpoint",
    "train",
]


def __dir__() -> list[str]:
    return [*__all__]
