"""The results of an evaluation: rows, summaries over seeds, files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcondense import __version__
from vidcondense.cli.sets import seed_groups
from vidcondense.errors import OutputError
from vidcondense.evaluation.protocol import ProtocolOptions
from vidcondense.evaluation.results import Evaluation, as_dict, summarise
from vidcondense.evaluation.tables import MISSING, Record, record, to_csv
from vidcondense.files import check_writable, write_json, write_text
from vidcondense.methods import METHODS
from vidcondense.models.footprint import Footprint
from vidcondense.options import as_json
from vidcondense.storage.condensed import CondensedDataset
from vidcondense.storage.labels import HARD
from vidcondense.video.dataset import ClipDataset
from vidcondense.words import counted

JSON_NAME = "results.json"
CSV_NAME = "results.csv"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One row: a network trained on a condensed set, or a control (`condensed` is None)."""

    name: str
    evaluation: Evaluation
    labels: str = HARD
    condensed: CondensedDataset | None = None

    @property
    def model(self) -> str:
        """The network that was trained."""
        return str(self.evaluation.options["model"])


@dataclass(frozen=True, kw_only=True)
class Group:
    """Sets of one recipe and several seeds, judged by one network."""

    name: str
    members: list[Judged]

    @property
    def model(self) -> str:
        """The network that was trained."""
        return self.members[0].model


@dataclass(frozen=True, kw_only=True)
class Results:
    """All rows of one evaluation.

    Attributes:
        judged: a row each.
        options: how they were judged; from its seed each set has its own.
        test: the clips that networks were tested on.
        footprints: the memory of a training, by network.
    """

    judged: list[Judged]
    options: ProtocolOptions
    test: ClipDataset
    footprints: Mapping[str, Footprint]

    @property
    def chance(self) -> float:
        """The accuracy of guessing, as a fraction: one (or --top) over the number of classes."""
        return self.top / len(self.test.classes)

    @property
    def top(self) -> int:
        """Among how many of the highest scores a clip's class must be."""
        return self.options.top

    @property
    def models(self) -> list[str]:
        """The networks that were trained."""
        return list(self.footprints)

    def records(self) -> list[Record]:
        """A row a set, a row a group of sets that differ in their seed only, a row a control; by network."""
        sets = [_record(each.name, [each]) for each in self.judged if each.condensed]
        groups = [_record(group.name, group.members) for group in self._groups()]
        controls = [_record(each.name, [each]) for each in self.judged if each.condensed is None]
        return [*sets, *groups, *controls]

    def _groups(self) -> list[Group]:
        sets = {each.name: each.condensed for each in self.judged if each.condensed}
        return [
            Group(
                name=name,
                members=[each for each in self.judged if each.name in members and each.model == model],
            )
            for name, members in seed_groups(sets).items()
            for model in self.models
        ]

    def title(self, each: Judged | Group) -> str:
        """Its name, with the network where there are several."""
        return each.name if len(self.models) == 1 else f"{each.name}, {each.model}"

    def footer(self) -> str:
        """What the figures rest on."""
        groups = counted(len(set(self.test.groups)), "source group")
        return (
            f"top-{self.top}, chance level {100 * self.chance:.1f} %; "
            f"{counted(len(self.test), 'test clip')} from {groups}; "
            f"{self.options.told}; accuracy ± standard deviation over n"
        )

    def per_class(self) -> tuple[list[str], list[list[str]]]:
        """Columns and rows of the accuracy of each class, in percent."""
        columns = ["class", *map(self.title, self.judged)]
        values = [each.evaluation.per_class for each in self.judged]
        rows = []
        for label, name in enumerate(self.test.classes):
            cells = [column[label] if column else None for column in values]
            rows.append([name, *(MISSING if cell is None else f"{100 * cell:.1f}" for cell in cells)])
        return columns, rows

    def as_dict(self) -> dict[str, Any]:
        """Everything, as a JSON object; no times and no absolute paths that the user did not give."""
        groups = {
            self.title(group): {
                "model": group.model,
                "sets": [each.name for each in group.members],
                "summary": as_json(summarise([each.evaluation for each in group.members])),
            }
            for group in self._groups()
        }
        return {
            "vidcondense": __version__,
            "protocol": self.options.protocol,
            "judged": self.options.told,
            "seed": self.options.seed,
            "chance": self.chance,
            "test_clips": len(self.test),
            "models": {name: as_json(found) for name, found in self.footprints.items()},
            "table": self.records(),
            "groups": groups,
            "sets": [_details(each) for each in self.judged if each.condensed],
            "controls": [_details(each) for each in self.judged if each.condensed is None],
        }


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Raise `OutputError` if results are in `folder` already, or could not be written there."""
    check_writable(folder)
    for name in (JSON_NAME, CSV_NAME):
        if (folder / name).exists() and not overwrite:
            raise OutputError(f"{folder / name} exists; use --overwrite to replace it, or another --out")


def write_results(folder: Path, found: dict[str, Any], records: Sequence[Record]) -> None:
    """Write results.json and results.csv. Raises `OutputError`."""
    write_json(folder / JSON_NAME, found)
    write_text(folder / CSV_NAME, to_csv(records))


def about_set(clips: CondensedDataset) -> dict[str, Any]:
    """What a set is and where it comes from, as a JSON object."""
    return {
        **clips.provenance,
        "labelling": clips.manifest["labelling"],
        "sha256": clips.manifest["sha256"],
        "vpc": clips.vpc,
        "key_frames": [len(positions) for positions in clips.positions],
        "paper_mb": clips.paper_mb,
        "bytes": clips.bytes,
    }


def _record(name: str, members: list[Judged]) -> Record:
    sets = [each.condensed for each in members if each.condensed]
    return record(
        name,
        summarise([each.evaluation for each in members]),
        model=members[0].model,
        clips=members[0].evaluation.num_train,
        labels=members[0].labels,
        condensed_with=_condensed_with(sets[0]) if sets else None,
        vpc=sets[0].vpc if sets else None,
        paper_mb=sum(each.paper_mb for each in sets) / len(sets) if sets else None,
        num_bytes=round(sum(each.bytes for each in sets) / len(sets)) if sets else None,
    )


def _details(each: Judged) -> dict[str, Any]:
    about = about_set(each.condensed) if each.condensed is not None else {}
    return {"name": each.name, "labels": each.labels, **about, "evaluation": as_dict(each.evaluation)}


def _condensed_with(clips: CondensedDataset) -> str | None:
    """The network whose features were matched; None where real clips were selected, or none is recorded."""
    method = METHODS.get(clips.manifest["method"])
    match = clips.manifest["options"].get("match")
    if (method and not method.stages) or not isinstance(match, dict):
        return None
    return str(match["model"]) if "model" in match else None
