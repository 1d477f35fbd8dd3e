"""Training: the loop, and what a run leaves behind.

train, resume, evaluate_run     a whole run, as the command line makes it
fit, evaluate                   the loop and the examination, for any network
Config, State                   what was asked for, and where the training is
Metrics                         loss, top-1, top-5, accuracy of each class, confusion matrix
save_checkpoint, load_checkpoint, RunFolder
"""

from minidl.training.checkpoint import load_checkpoint, save_checkpoint
from minidl.training.config import Config
from minidl.training.finite import NonFiniteError
from minidl.training.jobs import Outcome, evaluate_run, resume, train
from minidl.training.loop import Score, evaluate, fit
from minidl.training.metrics import Metrics
from minidl.training.run import RunFolder
from minidl.training.state import State
from minidl.training.watcher import Watcher

__all__ = [
    "Config",
    "Metrics",
    "NonFiniteError",
    "Outcome",
    "RunFolder",
    "Score",
    "State",
    "Watcher",
    "evaluate",
    "evaluate_run",
    "fit",
    "load_checkpoint",
    "resume",
    "save_checkpoint",
    "train",
]
