"""The results of an evaluation: rows, summaries over seeds, files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vidcondense import __version__
from vidcondense.errors import OutputError
from vidcondense.evaluation.results import Evaluation, as_dict, summarise
from vidcondense.evaluation.tables import MISSING, Record, record, to_csv
from vidcondense.files import canonical_json, write_json, write_text
from vidcondense.options import as_json
from vidcondense.storage.condensed import CondensedDataset
from vidcondense.video.dataset import ClipDataset

JSON_NAME = "results.json"
CSV_NAME = "results.csv"


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One row: a condensed set, or a control (`condensed` is None)."""

    name: str
    evaluation: Evaluation
    condensed: CondensedDataset | None = None


@dataclass(frozen=True, kw_only=True)
class Results:
    """All rows of one evaluation."""

    judged: list[Judged]
    protocol: str
    test: ClipDataset

    @property
    def chance(self) -> float:
        """The accuracy of guessing, as a fraction: one over the number of classes."""
        return 1 / len(self.test.classes)

    def records(self) -> list[Record]:
        """A row a set, a row a group of sets that differ in their seed only, a row a control."""
        sets = [_record(each.name, [each]) for each in self.judged if each.condensed]
        groups = [_record(name, members) for name, members in self._groups().items()]
        controls = [_record(each.name, [each]) for each in self.judged if each.condensed is None]
        return [*sets, *groups, *controls]

    def _groups(self) -> dict[str, list[Judged]]:
        """Sets of one recipe and several seeds, by a name for the group."""
        by_recipe: dict[str, list[Judged]] = {}
        for each in self.judged:
            if each.condensed is not None:
                by_recipe.setdefault(_recipe(each.condensed), []).append(each)
        groups: dict[str, list[Judged]] = {}
        for members in by_recipe.values():
            seeds = {each.condensed.manifest["seed"] for each in members if each.condensed}
            if len(members) > 1 and len(seeds) == len(members):
                first = members[0]
                method = first.condensed.manifest["method"] if first.condensed else ""
                name = f"{method}: {len(members)} seeds"
                while name in groups:  # another recipe of the same method
                    name += "′"
                groups[name] = members
        return groups

    def footer(self) -> str:
        """What the figures rest on."""
        training = self.judged[0].evaluation.training
        length = f"{training['epochs']} epochs" if training["epochs"] else f"{training['steps']} steps"
        clips, groups = len(self.test), len(set(self.test.groups))
        return (
            f"chance level {100 * self.chance:.1f} %; {clips} test clips from {groups} source groups; "
            f"protocol {self.protocol}, {length}; accuracy ± standard deviation over n"
        )

    def per_class(self) -> tuple[list[str], list[list[str]]]:
        """Columns and rows of the accuracy of each class, in percent."""
        columns = ["class", *(each.name for each in self.judged)]
        values = [each.evaluation.per_class for each in self.judged]
        rows = []
        for label, name in enumerate(self.test.classes):
            cells = [column[label] if column else None for column in values]
            rows.append([name, *(MISSING if cell is None else f"{100 * cell:.1f}" for cell in cells)])
        return columns, rows

    def as_dict(self) -> dict[str, Any]:
        """Everything, as a JSON object; no times and no absolute paths that the user did not give."""
        groups = {
            name: {
                "sets": [each.name for each in members],
                "summary": as_json(summarise([each.evaluation for each in members])),
            }
            for name, members in self._groups().items()
        }
        return {
            "vidcondense": __version__,
            "protocol": self.protocol,
            "chance": self.chance,
            "test_clips": len(self.test),
            "table": self.records(),
            "groups": groups,
            "sets": [_details(each) for each in self.judged if each.condensed],
            "controls": [_details(each) for each in self.judged if each.condensed is None],
        }


def check_free(folder: Path, *, overwrite: bool) -> None:
    """Raise `OutputError` if results are in `folder` already."""
    for name in (JSON_NAME, CSV_NAME):
        if (folder / name).exists() and not overwrite:
            raise OutputError(f"{folder / name} exists; use --overwrite to replace it, or another --out")


def write_results(folder: Path, results: Results) -> None:
    """Write results.json and results.csv. Raises `OutputError`."""
    write_json(folder / JSON_NAME, results.as_dict())
    write_text(folder / CSV_NAME, to_csv(results.records()))


def _record(name: str, members: list[Judged]) -> Record:
    sets = [each.condensed for each in members if each.condensed]
    return record(
        name,
        summarise([each.evaluation for each in members]),
        clips=members[0].evaluation.num_train,
        vpc=sets[0].vpc if sets else None,
        paper_mb=sum(each.paper_mb for each in sets) / len(sets) if sets else None,
        num_bytes=round(sum(each.bytes for each in sets) / len(sets)) if sets else None,
    )


def _details(each: Judged) -> dict[str, Any]:
    about: dict[str, Any] = {"name": each.name}
    if each.condensed is not None:
        about |= each.condensed.provenance
        about |= {
            "sha256": each.condensed.manifest["sha256"],
            "vpc": each.condensed.vpc,
            "key_frames": [len(positions) for positions in each.condensed.positions],
            "paper_mb": each.condensed.paper_mb,
            "bytes": each.condensed.bytes,
        }
    return {**about, "evaluation": as_dict(each.evaluation)}


def _recipe(clips: CondensedDataset) -> str:
    """All that makes a set what it is, its seed aside."""
    manifest = clips.manifest
    options = {name: value for name, value in manifest["options"].items() if name != "seed"}
    parts = (manifest["method"], options, manifest["classes"], manifest["shape"], manifest["codec"])
    return canonical_json([*parts, manifest["data"], manifest["versions"]])
