"""Training a network on clips, and asking it."""

from __future__ import annotations

from vidcondense.training.options import TrainOptions, learning_rate
from vidcondense.training.predict import ViewSource, embed, predict
from vidcondense.training.train import TrainResult, train

__all__ = ["TrainOptions", "TrainResult", "ViewSource", "embed", "learning_rate", "predict", "train"]
