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
    from vidcondense.comparison.outcome import Outcome as Outcome
    from vidcondense.comparison.run import Jobs as Jobs
    from vidcondense.comparison.run import compare as compare
    from vidcondense.compute import Compute as Compute
    from vidcondense.compute import choose_compute as choose_compute
    from vidcondense.condensation import CheckpointOptions as CheckpointOptions
    from vidcondense.condensation import condense as condense
    from vidcondense.distributed import Ranks as Ranks
    from vidcondense.distributed import join_ranks as join_ranks
    from vidcondense.edge.export import EdgeOptions as EdgeOptions
    from vidcondense.edge.export import ExportedModels as ExportedModels
    from vidcondense.edge.export import export_model as export_model
    from vidcondense.errors import VidcondenseError as VidcondenseError
    from vidcondense.estimation import Estimate as Estimate
    from vidcondense.estimation import estimate as estimate
    from vidcondense.evaluation.evaluate import evaluate as evaluate
    from vidcondense.evaluation.motion import motion_of as motion_of
    from vidcondense.evaluation.motion import order_accuracy as order_accuracy
    from vidcondense.evaluation.networks import NetworkOptions as NetworkOptions
    from vidcondense.evaluation.protocol import EvaluateOptions as EvaluateOptions
    from vidcondense.evaluation.results import Evaluation as Evaluation
    from vidcondense.evaluation.results import Summary as Summary
    from vidcondense.evaluation.results import summarise as summarise
    from vidcondense.evaluation.transfer import TransferOptions as TransferOptions
    from vidcondense.evaluation.transfer import transfer as transfer
    from vidcondense.exports.export import export as export
    from vidcondense.exports.options import ExportOptions as ExportOptions
    from vidcondense.insertion.options import InsertionOptions as InsertionOptions
    from vidcondense.matching.options import KernelOptions as KernelOptions
    from vidcondense.matching.options import MatchOptions as MatchOptions
    from vidcondense.matching.options import TrajectoryOptions as TrajectoryOptions
    from vidcondense.methods import METHODS as METHODS
    from vidcondense.models import MODELS as MODELS
    from vidcondense.models import build_network as build_network
    from vidcondense.models.saved import NetworkDescription as NetworkDescription
    from vidcondense.models.saved import load_network as load_network
    from vidcondense.models.saved import save_network as save_network
    from vidcondense.recipe import Recipe as Recipe
    from vidcondense.recipe import read_recipe as read_recipe
    from vidcondense.recipe import write_recipe as write_recipe
    from vidcondense.report.page import ReportOptions as ReportOptions
    from vidcondense.report.page import write_report as write_report
    from vidcondense.selection.options import SelectOptions as SelectOptions
    from vidcondense.settings import CondenseOptions as CondenseOptions
    from vidcondense.speed.bench import Bench as Bench
    from vidcondense.speed.bench import BenchOptions as BenchOptions
    from vidcondense.speed.bench import bench as bench
    from vidcondense.storage.codecs import Coding as Coding
    from vidcondense.storage.condensed import CondensedDataset as CondensedDataset
    from vidcondense.storage.condensed import load_condensed as load_condensed
    from vidcondense.storage.import_tensors import ImportOptions as ImportOptions
    from vidcondense.storage.import_tensors import import_tensors as import_tensors
    from vidcondense.storage.merge import merge as merge
    from vidcondense.storage.recode import recode as recode
    from vidcondense.storage.relabel import relabel_condensed as relabel_condensed
    from vidcondense.storage.subset import subset as subset
    from vidcondense.synthetic.options import StaticDynamicOptions as StaticDynamicOptions
    from vidcondense.training.experts import ExpertOptions as ExpertOptions
    from vidcondense.training.experts import train_experts as train_experts
    from vidcondense.training.options import TrainOptions as TrainOptions
    from vidcondense.training.predict import predict as predict
    from vidcondense.training.train import train as train
    from vidcondense.training.trajectories import Experts as Experts
    from vidcondense.tuning.candidates import Candidate as Candidate
    from vidcondense.tuning.candidates import candidates as candidates
    from vidcondense.tuning.tune import TuneOptions as TuneOptions
    from vidcondense.tuning.tune import tune as tune
    from vidcondense.video.audit import Audit as Audit
    from vidcondense.video.audit import audit as audit
    from vidcondense.video.dataset import ClipDataset as ClipDataset
    from vidcondense.video.index import DataOptions as DataOptions
    from vidcondense.video.index import RealData as RealData
    from vidcondense.video.index import load_data as load_data
    from vidcondense.video.sampling import ClipOptions as ClipOptions
    from vidcondense.video.toy import ToyOptions as ToyOptions
    from vidcondense.video.toy import make_toy as make_toy

_HOMES = {
    # real videos
    "load_data": "video.index",
    "DataOptions": "video.index",
    "RealData": "video.index",
    "ClipOptions": "video.sampling",
    "ClipDataset": "video.dataset",
    "audit": "video.audit",
    "Audit": "video.audit",
    "make_toy": "video.toy",
    "ToyOptions": "video.toy",
    # condensing
    "condense": "condensation",
    "CondenseOptions": "settings",
    "CheckpointOptions": "condensation",
    "MatchOptions": "matching.options",
    "TrajectoryOptions": "matching.options",
    "train_experts": "training.experts",
    "ExpertOptions": "training.experts",
    "Experts": "training.trajectories",
    "KernelOptions": "matching.options",
    "InsertionOptions": "insertion.options",
    "StaticDynamicOptions": "synthetic.options",
    "SelectOptions": "selection.options",
    "METHODS": "methods",
    "estimate": "estimation",
    "Estimate": "estimation",
    # the artefact
    "load_condensed": "storage.condensed",
    "CondensedDataset": "storage.condensed",
    "relabel_condensed": "storage.relabel",
    "recode": "storage.recode",
    "Coding": "storage.codecs",
    "merge": "storage.merge",
    "subset": "storage.subset",
    "import_tensors": "storage.import_tensors",
    "ImportOptions": "storage.import_tensors",
    "export": "exports.export",
    "ExportOptions": "exports.options",
    # what it is worth
    "evaluate": "evaluation.evaluate",
    "EvaluateOptions": "evaluation.protocol",
    "Evaluation": "evaluation.results",
    "Summary": "evaluation.results",
    "summarise": "evaluation.results",
    "NetworkOptions": "evaluation.networks",
    "motion_of": "evaluation.motion",
    "order_accuracy": "evaluation.motion",
    "transfer": "evaluation.transfer",
    "TransferOptions": "evaluation.transfer",
    # what it looks like
    "write_report": "report.page",
    "ReportOptions": "report.page",
    # many sets, and options chosen
    "Recipe": "recipe",
    "read_recipe": "recipe",
    "write_recipe": "recipe",
    "compare": "comparison.run",
    "Jobs": "comparison.run",
    "Outcome": "comparison.outcome",
    "tune": "tuning.tune",
    "TuneOptions": "tuning.tune",
    "candidates": "tuning.candidates",
    "Candidate": "tuning.candidates",
    # networks
    "train": "training.train",
    "TrainOptions": "training.options",
    "predict": "training.predict",
    "MODELS": "models",
    "build_network": "models",
    "save_network": "models.saved",
    "load_network": "models.saved",
    "NetworkDescription": "models.saved",
    "export_model": "edge.export",
    "EdgeOptions": "edge.export",
    "ExportedModels": "edge.export",
    # where it runs, what can go wrong
    "choose_compute": "compute",
    "Compute": "compute",
    "bench": "speed.bench",
    "BenchOptions": "speed.bench",
    "Bench": "speed.bench",
    "join_ranks": "distributed",
    "Ranks": "distributed",
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
