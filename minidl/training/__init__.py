"""Training: the loop, and what a run leaves behind.

train, resume, evaluate_run, report_run     a whole run, as the command line makes it
make_config, Config                         what is asked for: a recipe, a file, and what the user says
fit, evaluate                               the loop and the evaluation, for any network, without a folder
list_recipes, load_recipe                   settings that were written down
State, Callback, Metrics                    where a training is, who is told, and what an evaluation finds
Interrupted, NonFiniteError                 what ends one before its time
save_checkpoint, load_checkpoint, RunFolder

Where it stands, in the order in which a training uses it:

settings/        what is asked for, and what was left open
batches          the one door for pictures: whatever holds them becomes batches
state            the network in training, with its optimizer
dry_run          the first pictures, before the first step
loop             epochs and steps: loss, optimizer, evaluation, metrics, non_finite
callback         who is told; progress/ shows it
transfer         pretrained weights, frozen layers, features that are computed once
checkpoint       a training put away and taken up again
run_folder/      what a run leaves behind
runs             whole runs, made of all these; interrupt, threads
"""

from typing import TYPE_CHECKING

from minidl._deprecated import lookup
from minidl.training.callback import Callback
from minidl.training.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.evaluation import evaluate
from minidl.training.interrupt import Interrupted
from minidl.training.loop import fit
from minidl.training.metrics import Metrics
from minidl.training.non_finite import NonFiniteError
from minidl.training.run_folder.folder import RunFolder
from minidl.training.runs import Outcome, evaluate_run, report_run, resume, train
from minidl.training.settings.config import Config
from minidl.training.settings.recipe import list_recipes, load_recipe
from minidl.training.settings.resolve import make_config, parse_setting
from minidl.training.state import State

__all__ = [
    "Callback",
    "Config",
    "Interrupted",
    "Metrics",
    "NonFiniteError",
    "Outcome",
    "RunFolder",
    "State",
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


if not TYPE_CHECKING:  # a type checker would believe every name
    __getattr__ = lookup("minidl.training")
