"""From picture files to names: what a network sees in them.

    file -> upright pixels -> transforms -> network, folded -> softmax -> names

What happens to the pixels before the network must be what happened in training, so it belongs to the weights, as the
names of the classes do. A run and its checkpoints hold both; ImageNet's belong to ImageNet's weights alone.

Predictor, predict      from pictures to answers: in Python, and one after the other as they are ready
Prediction, Guess       what is answered
class_names             ImageNet's names
"""

from minidl.predict._answers import Guess, Prediction, Predictor, predict
from minidl.predict._expert import class_names

__all__ = ["Guess", "Prediction", "Predictor", "class_names", "predict"]


def __dir__() -> list[str]:
    return [*__all__]
