"""Several measurements of the same networks: how right each test clip is, measurement by measurement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from torch import Tensor

from vidcondense.evaluation import statistics
from vidcondense.evaluation.results import BOOTSTRAP_SEED
from vidcondense.evaluation.statistics import Interval
from vidcondense.evaluation.tables import MISSING, Record, percent
from vidcondense.interfaces import Labels
from vidcondense.words import counted

Correct = tuple[float, ...]
"""How right each test clip is, 0 or 1, in the test set's order."""


def correct(logits: Float[Tensor, "n k"], labels: Labels) -> Correct:
    """Whether the largest logit of each clip is that of its class."""
    return tuple((logits.argmax(dim=1) == labels).float().tolist())


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The networks of one set.

    Attributes:
        num_train: clips the networks were trained on.
        groups: the source group of each test clip.
        seeds: of the networks.
        networks: by measurement, how right each test clip is, a mapping a network; a measurement that
            could not be made (the training diverged) is not in it.
    """

    num_train: int
    groups: tuple[str, ...]
    seeds: tuple[int, ...]
    networks: tuple[Mapping[str, Correct], ...]


@dataclass(frozen=True, kw_only=True)
class Score:
    """One measurement, as fractions, 0 to 1.

    Attributes:
        unit: what `std` and `interval` are over: the networks of one set, or sets (condensation seeds).
        finite: how many of these have a value.
        mean: None where none has.
        std: sample standard deviation; None of fewer than two.
        interval: Student's 95 % interval of the mean, cut to 0 to 1; None of fewer than two.
        group_interval: 95 % bootstrap interval over the source groups of the test clips.
    """

    unit: Literal["network", "set"]
    finite: int
    mean: float | None
    std: float | None
    interval: Interval | None
    group_interval: Interval | None


def score(found: Sequence[Measured], measurement: str) -> Score:
    """One measurement of one set, or of several that differ in their seed: their networks are averaged first.

    Args:
        found: one a set, all with the same test clips.
        measurement: its name.
    """
    by_set = [[each[measurement] for each in one.networks if measurement in each] for one in found]
    by_set = [networks for networks in by_set if networks]
    if len(found) == 1:
        values = [float(np.mean(right)) for networks in by_set for right in networks]
    else:
        values = [float(np.mean(networks)) for networks in by_set]
    clips = np.mean([np.mean(networks, axis=0) for networks in by_set], axis=0).tolist() if by_set else []
    groups = found[0].groups
    return Score(
        unit="network" if len(found) == 1 else "set",
        finite=len(values),
        mean=statistics.mean(values),
        std=statistics.deviation(values),
        interval=statistics.share_interval(values),
        group_interval=statistics.bootstrap_interval(clips, groups, seed=BOOTSTRAP_SEED) if clips else None,
    )


def measurement_record(name: str, scores: Mapping[str, Score]) -> Record:
    """A row of percentages, for a CSV file: of each measurement mean, deviation and both intervals."""
    row: Record = {"name": name}
    for measurement, found in scores.items():
        low, high = found.interval or (None, None)
        group_low, group_high = found.group_interval or (None, None)
        row |= {
            f"{measurement} n": found.finite,
            measurement: percent(found.mean),
            f"{measurement} std": percent(found.std),
            f"{measurement} ci_low": percent(low),
            f"{measurement} ci_high": percent(high),
            f"{measurement} group_ci_low": percent(group_low),
            f"{measurement} group_ci_high": percent(group_high),
        }
    return row


def measurement_cells(name: str, scores: Mapping[str, Score]) -> list[str]:
    """A row of text: name, over how many of what, then each measurement in percent ± its deviation."""
    most = max(scores.values(), key=lambda found: found.finite)
    over = counted(most.finite, most.unit)
    return [name, over, *(_cell(found) for found in scores.values())]


def measured_json(found: Measured) -> dict[str, Any]:
    """All of it as a JSON object."""
    return {
        "num_train": found.num_train,
        "seeds": list(found.seeds),
        "networks": [{name: list(right) for name, right in each.items()} for each in found.networks],
    }


def _cell(found: Score) -> str:
    if found.mean is None:
        return MISSING
    return f"{100 * found.mean:.1f}" + ("" if found.std is None else f" ± {100 * found.std:.1f}")
