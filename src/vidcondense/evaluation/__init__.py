"""The proof that a set trains a network: protocols, statistics, results."""

from __future__ import annotations

from vidcondense.evaluation.evaluate import evaluate
from vidcondense.evaluation.judge import HeldOutClips
from vidcondense.evaluation.protocol import EvaluateOptions, ProtocolOptions
from vidcondense.evaluation.results import Evaluation, Repeat, Summary, as_dict, summarise
from vidcondense.evaluation.statistics import PairedDifference, paired_difference
from vidcondense.evaluation.tables import record, to_csv, to_matrix, to_table

__all__ = [
    "EvaluateOptions",
    "Evaluation",
    "HeldOutClips",
    "PairedDifference",
    "ProtocolOptions",
    "Repeat",
    "Summary",
    "as_dict",
    "evaluate",
    "paired_difference",
    "record",
    "summarise",
    "to_csv",
    "to_matrix",
    "to_table",
]
