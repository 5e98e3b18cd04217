from __future__ import annotations

import dataclasses

import pytest
import targets

from vidcondense.compute import choose_compute
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions
from vidcondense.video.toy import ToyOptions, make_toy


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    folder = tmp_path_factory.mktemp("toy")
    make_toy(folder, ToyOptions(pairs=1, train_per_class=8, test_per_class=1, num_frames=8, size=48))
    return load_data(folder, DataOptions(), ClipOptions(num_frames=8, stride=1, size=48)).train


OWN = [name for name, trial in targets.TRIALS.items() if trial.changes or trial.weighted]


@pytest.mark.parametrize("name", ["cluster", "class", "class-prism", *OWN])
def test_every_variant_is_measured(name, clips, monkeypatch):
    short = dataclasses.replace(targets.BASE, key_frame_size=8)
    monkeypatch.setattr(targets, "BASE", short)
    monkeypatch.setattr(targets, "JUDGE", dataclasses.replace(targets.JUDGE, steps=1))
    trial = targets.TRIALS[name]
    once = dataclasses.replace(trial, options={**trial.options, "iterations": 2})
    monkeypatch.setitem(targets.TRIALS, name, once)
    found = targets.measure(clips, name, 2, 1, choose_compute())
    assert found["vpc"] == 2
    assert found["repeat"] == 1
    assert len(found["target_sizes"]) == len(clips.classes) * (1 if name.startswith("class") else 2)
    assert found["losses"][-1] > 0
    rows = targets.summary({(2, targets.BASELINE): {1: found}, (2, "other"): {1: found}})
    assert rows[0]["difference"] is None
    assert rows[1]["difference"]["mean"] == 0


def test_videos_that_share_a_target_see_the_clips_and_take_the_step_of_all():
    alone, shared = targets.TRIALS["cluster"].of(5, 0), targets.TRIALS["class"].of(5, 0)
    assert (alone.match.real_batch, alone.lr) == (8, 10)
    assert (shared.match.real_batch, shared.lr) == (40, 50)
