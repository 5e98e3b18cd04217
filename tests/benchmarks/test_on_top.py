from __future__ import annotations

import on_top
import pytest
import torch

from vidcondense import condense
from vidcondense.storage.condensed import load_condensed
from vidcondense.video.index import load_data
from vidcondense.video.toy import ToyOptions, make_toy

SMALL = {"layout": "auto", "stride": 1, "size": 48, "vpc": 2, "key-frame-size": 8, "iterations": 2}


@pytest.fixture
def made(tmp_path, monkeypatch):
    monkeypatch.setattr(on_top, "BASE", {**on_top.BASE, **SMALL})
    folder = tmp_path / "toy"
    make_toy(folder, ToyOptions(pairs=1, train_per_class=6, test_per_class=1, num_frames=8, size=48))
    recipe = on_top.recipe_of("cluster targets again", 3)
    data = load_data(folder, recipe.reading, recipe.clip)
    condense(data.train, tmp_path / "set", recipe.condense)
    return load_condensed(tmp_path / "set"), data


def test_a_set_as_it_was_has_the_videos_that_are_stored(made):
    stored, data = made
    found = on_top.learned_on(stored, on_top.AS_IT_WAS, data, 3)["hard"]
    everything = range(len(stored))
    torch.testing.assert_close(found.batch(everything), stored.batch(everything), rtol=0, atol=1e-5)
    assert torch.equal(found.labels, stored.labels)


@pytest.mark.parametrize("way", ["cluster targets again", "FRePo, lr 0.01"])
def test_learning_on_changes_the_videos(made, way):
    stored, data = made
    found = on_top.learned_on(stored, way, data, 3)
    assert ("own" in found) == way.startswith("FRePo")
    everything = range(len(stored))
    assert (found["hard"].batch(everything) - stored.batch(everything)).abs().max() > 1e-4


def test_differences_are_to_the_set_as_it_was_with_hard_labels(monkeypatch):
    accuracies = {
        (on_top.AS_IT_WAS, "hard"): [0.5, 0.6, 0.4],
        ("FRePo, lr 0.01", "hard"): [0.6, 0.7, 0.6],
        ("FRePo, lr 0.01", "own"): [0.4, 0.5, 0.2],
    }

    def kept(_, name, compute):
        assert compute is None
        way, seed = name.rsplit(" ", 1)
        found = {
            labels: {"summary": {"accuracy": own[int(seed)]}}
            for (of, labels), own in accuracies.items()
            if of == way and int(seed) < 3
        }
        return {"evaluations": found} if found else None

    monkeypatch.setattr(on_top, "cell", kept)
    rows = {(row["way"], row["labels"]): row for row in on_top.rows()}
    assert rows.keys() == accuracies.keys()
    assert rows[on_top.AS_IT_WAS, "hard"]["difference"] is None
    assert rows["FRePo, lr 0.01", "hard"]["difference"]["mean"] == pytest.approx(0.4 / 3)
    assert rows["FRePo, lr 0.01", "own"]["difference"]["mean"] == pytest.approx(-0.4 / 3)
    assert rows["FRePo, lr 0.01", "own"]["seeds"] == [0, 1, 2]
