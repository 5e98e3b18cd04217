"""Several measurements of each set, as a table, as JSON and as CSV."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from vidcondense import __version__
from vidcondense.cli.output import Output
from vidcondense.cli.results import about_set
from vidcondense.cli.sets import Sets, seed_groups
from vidcondense.evaluation.measures import (
    Measured,
    Score,
    measured_json,
    measurement_cells,
    measurement_record,
    score,
)
from vidcondense.evaluation.tables import Record
from vidcondense.events import Event, Listener
from vidcondense.options import as_json
from vidcondense.video.dataset import ClipDataset


@dataclass(frozen=True, kw_only=True)
class Scores:
    """What was measured, by set and by control.

    Attributes:
        sets: the condensed sets.
        found: by name, first of the sets, then of the controls.
        measurements: their names, in order.
        test: the clips that was measured on.
    """

    sets: Sets
    found: Mapping[str, Measured]
    measurements: Sequence[str]
    test: ClipDataset

    @cached_property
    def rows(self) -> dict[str, dict[str, Score]]:
        """A row a set, a row a group of sets that differ in their seed only, a row a control."""
        groups = seed_groups(self.sets)
        controls = [name for name in self.found if name not in self.sets]
        members = {name: [name] for name in self.sets} | groups | {name: [name] for name in controls}
        return {
            name: {each: score([self.found[one] for one in chosen], each) for each in self.measurements}
            for name, chosen in members.items()
        }

    def table(self) -> tuple[list[str], list[list[str]]]:
        """Column titles and rows of text, in percent."""
        titles = ["name", "n", *(f"{name} %" for name in self.measurements)]
        return titles, [measurement_cells(name, scores) for name, scores in self.rows.items()]

    def records(self) -> list[Record]:
        """Rows of numbers, in percent."""
        return [measurement_record(name, scores) for name, scores in self.rows.items()]

    def footer(self) -> str:
        """What the figures rest on."""
        groups = len(set(self.test.groups))
        return (
            f"{len(self.test)} test clips from {groups} source groups, {len(self.test.classes)} classes; "
            "± standard deviation over n"
        )

    def note_divergence(self, output: Output) -> None:
        """Say of which rows networks are missing."""
        for name, found in self.found.items():
            networks = len(found.networks)
            if diverged := sum(len(network) < len(self.measurements) for network in found.networks):
                output.note(
                    f"{name}: {diverged} of {networks} networks diverged; what they lack is in no average"
                )

    def as_dict(self) -> dict[str, Any]:
        """Everything, as a JSON object."""
        summary = {
            name: {each: as_json(found) for each, found in scores.items()}
            for name, scores in self.rows.items()
        }
        details = [
            {
                "name": name,
                **(about_set(self.sets[name]) if name in self.sets else {}),
                **measured_json(found),
            }
            for name, found in self.found.items()
        ]
        return {
            "vidcondense": __version__,
            "test_clips": len(self.test),
            "groups": list(self.test.groups),
            "summary": summary,
            "rows": details,
        }


def counting(listener: Listener, steps: int) -> Listener:
    """Count the training steps of all networks of a set as one piece of work of `steps` each."""

    def listen(event: Event) -> None:
        if event["kind"] == "train":
            listener({**event, "done": event["repeat"] * steps + event["step"] + 1})

    return listen
