from __future__ import annotations

import copy
import dataclasses
import hashlib
import json

import pytest

from vidcondense.condensation import condense
from vidcondense.errors import FormatError
from vidcondense.files import canonical_json
from vidcondense.matching.options import MatchOptions, TrajectoryOptions
from vidcondense.options import as_json
from vidcondense.settings import CondenseOptions
from vidcondense.storage import manifest as manifests
from vidcondense.storage import option_defaults
from vidcondense.storage.condensed import load_condensed
from vidcondense.storage.manifest import MANIFEST
from vidcondense.storage.option_defaults import NEWEST, TABLES, with_defaults, without_defaults
from vidcondense.storage.workspace import LOG

OPTIONS = CondenseOptions(
    method="random", vpc=2, lr=3.0, match=MatchOptions(trajectory=TrajectoryOptions(step_size=0.1))
)


def test_a_table_that_sets_were_written_with_is_never_changed():
    texts = {number: canonical_json(table) for number, table in TABLES.items()}
    found = {number: hashlib.sha256(text.encode()).hexdigest() for number, text in texts.items()}
    assert found == {
        1: "5693ed6a470dbe555ef531a91d22b5da2cc40191c69d3482420f63ae0e736fec",
        2: "0ef967db8018e0de5bd6bd97ecf41d7b1ad76389b1dc377bf35ed5c9844192e4",
        3: "b7688fe9d9a242952ab53e8c4a22a13526b193a524427c67521fbfe3a5d1cd3c",
    }


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"vpc": 3, "insert": {"epsilon": 0.1}, "match": {"trajectory": {"experts": "e"}}},
        {"added later": {"x": 1}, "match": {"added later": None}},
        {"momentum": 0, "codec_aware": 0, "vpc": True, "lr": 1.5},
    ],
)
def test_what_is_left_out_is_put_back_to_the_type(changes):
    options = with_defaults(changes, as_json(CondenseOptions()))
    before = copy.deepcopy(options)
    shorter = without_defaults(options)
    assert canonical_json(with_defaults(shorter, TABLES[NEWEST])) == canonical_json(before)
    assert canonical_json(shorter) == canonical_json(changes)


@pytest.mark.parametrize("missing", ["vpc", "match", ("match", "pool"), ("insert", 3)])
def test_options_of_another_kind_are_left_whole(missing):
    options = as_json(CondenseOptions())
    if isinstance(missing, str):
        del options[missing]
    elif missing[1] == 3:
        options[missing[0]] = 3
    else:
        del options[missing[0]][missing[1]]
    assert without_defaults(options) is None


def test_a_set_says_only_what_is_not_usual_and_is_read_whole(memory_clips, tmp_path):
    made = condense(memory_clips(), tmp_path / "set", OPTIONS)
    stored = json.loads((made.folder / MANIFEST).read_text())
    assert stored["options"] == {
        "method": "random",
        "vpc": 2,
        "lr": 3.0,
        "match": {"trajectory": {"step_size": 0.1}},
    }
    assert stored["option_defaults"] == NEWEST
    assert made.manifest["options"] == as_json(OPTIONS)
    assert "option_defaults" not in made.manifest
    assert made.bytes == sum(path.stat().st_size for path in made.folder.iterdir() if path.name != LOG)


def test_other_defaults_of_a_later_version_change_no_older_set(memory_clips, tmp_path, monkeypatch):
    older = condense(memory_clips(), tmp_path / "older", OPTIONS)
    later = as_json(CondenseOptions(iterations=7))
    monkeypatch.setitem(TABLES, NEWEST + 1, later)
    for module in (option_defaults, manifests):
        monkeypatch.setattr(module, "NEWEST", NEWEST + 1)
    newer = condense(memory_clips(), tmp_path / "newer", dataclasses.replace(OPTIONS, iterations=7))
    texts = [json.loads((made.folder / MANIFEST).read_text()) for made in (older, newer)]
    assert [text["option_defaults"] for text in texts] == [NEWEST, NEWEST + 1]
    assert not any("iterations" in text["options"] for text in texts)
    found = [load_condensed(made.folder).manifest["options"]["iterations"] for made in (older, newer)]
    assert found == [5000, 7]


def test_a_set_of_the_first_table_is_read_with_the_real_clips_it_had(memory_clips, tmp_path, monkeypatch):
    for module in (option_defaults, manifests):
        monkeypatch.setattr(module, "NEWEST", 1)
    made = condense(memory_clips(), tmp_path / "set", OPTIONS)
    path = made.folder / MANIFEST
    manifest = json.loads(path.read_text()) | {"options": {"vpc": 2}, "option_defaults": 1}
    manifest["sha256"] = manifests._own_hash(manifest)
    path.write_text(canonical_json(manifest))
    options = load_condensed(made.folder).manifest["options"]
    assert options["match"]["real_batch"] == 64
    assert "interpolation" not in options


@pytest.mark.parametrize("table", [4, 0, True, "1", None, [1]])
def test_a_table_that_is_not_known_is_refused(memory_clips, tmp_path, table):
    made = condense(memory_clips(), tmp_path / "set", OPTIONS)
    path = made.folder / MANIFEST
    manifest = json.loads(path.read_text()) | {"option_defaults": table}
    manifest["sha256"] = manifests._own_hash(manifest)
    path.write_text(canonical_json(manifest))
    with pytest.raises(FormatError, match="is not known here; upgrade"):
        load_condensed(made.folder)
