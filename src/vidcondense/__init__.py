"""vidcondense: make a large video dataset tiny.

    import vidcondense as vc

    data = vc.load_data("videos", vc.DataOptions(), vc.ClipOptions(num_frames=16, size=64))
    small = vc.condense(data.train, "small", vc.CondenseOptions(vpc=1))
    found = vc.evaluate(small, data.test, vc.EvaluateOptions(), compute=vc.choose_compute())

All names below are imported when they are first used, so that worker processes and `--help` start fast.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from vidcondense.compute import Compute, choose_compute
    from vidcondense.condensation import CondenseOptions, condense
    from vidcondense.errors import VidcondenseError
    from vidcondense.estimation import Estimate, estimate
    from vidcondense.evaluation.evaluate import evaluate
    from vidcondense.evaluation.protocol import EvaluateOptions
    from vidcondense.evaluation.results import Evaluation, Summary, summarise
    from vidcondense.insertion.options import InsertionOptions
    from vidcondense.matching.distribution import MatchOptions
    from vidcondense.methods import METHODS
    from vidcondense.models import MODELS, build_network
    from vidcondense.models.saved import NetworkDescription, load_network, save_network
    from vidcondense.storage.condensed import CondensedDataset, load_condensed
    from vidcondense.training import TrainOptions, predict, train
    from vidcondense.video.dataset import ClipDataset
    from vidcondense.video.index import DataOptions, RealData, load_data
    from vidcondense.video.sampling import ClipOptions
    from vidcondense.video.toy import ToyOptions, make_toy

_HOMES = {
    # real videos
    "load_data": "video.index",
    "DataOptions": "video.index",
    "RealData": "video.index",
    "ClipOptions": "video.sampling",
    "ClipDataset": "video.dataset",
    "make_toy": "video.toy",
    "ToyOptions": "video.toy",
    # condensing
    "condense": "condensation",
    "CondenseOptions": "condensation",
    "MatchOptions": "matching.distribution",
    "InsertionOptions": "insertion.options",
    "METHODS": "methods",
    "estimate": "estimation",
    "Estimate": "estimation",
    # the artefact
    "load_condensed": "storage.condensed",
    "CondensedDataset": "storage.condensed",
    # what it is worth
    "evaluate": "evaluation.evaluate",
    "EvaluateOptions": "evaluation.protocol",
    "Evaluation": "evaluation.results",
    "Summary": "evaluation.results",
    "summarise": "evaluation.results",
    # networks
    "train": "training",
    "TrainOptions": "training",
    "predict": "training",
    "MODELS": "models",
    "build_network": "models",
    "save_network": "models.saved",
    "load_network": "models.saved",
    "NetworkDescription": "models.saved",
    # where it runs, what can go wrong
    "choose_compute": "compute",
    "Compute": "compute",
    "VidcondenseError": "errors",
}

__all__ = ["__version__", *_HOMES]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - any part of the public API
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *_HOMES})
