from __future__ import annotations

import os

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from vidcondense.compute import choose_compute
from vidcondense.condensation import condense
from vidcondense.errors import DataError, FormatError, UsageError
from vidcondense.files import sha256_of_file
from vidcondense.matching.options import MatchOptions
from vidcondense.models import build_network
from vidcondense.models.saved import NetworkDescription, save_network
from vidcondense.settings import CondenseOptions
from vidcondense.storage.codecs import Coding
from vidcondense.storage.condensed import PAYLOAD, load_condensed, save_labelled
from vidcondense.storage.labels import SoftLabelled, are_probabilities
from vidcondense.storage.manifest import read_manifest, write_manifest
from vidcondense.storage.recode import recode
from vidcondense.storage.relabel import relabel_condensed
from vidcondense.synthetic.options import StaticDynamicOptions

FLOAT32 = choose_compute("cpu", "float32")
MEAN, STD = (0.1, 0.2, 0.3), (0.5, 0.4, 0.3)


def make(clips, folder, method="prism"):
    options = CondenseOptions(
        method=method,
        iterations=1,
        match=MatchOptions(real_batch=2, model="convnet3d-16"),
        static_dynamic=StaticDynamicOptions(static_iterations=1),
    )
    return condense(clips, folder, options, compute=FLOAT32)


def save_teacher(folder, clips, **changes):
    """A new network, in units that are not those of the set."""
    network = build_network("convnet3d", len(clips.classes), 8, 44, seed=5, compute=FLOAT32)
    with torch.no_grad():
        network.classifier.weight *= 50  # new networks are for no class in particular
    facts = {"model": "convnet3d", "classes": clips.classes, "num_frames": 8, "size": 44, "origin": {}}
    save_network(folder, network, NetworkDescription(**{**facts, "mean": MEAN, "std": STD, **changes}))
    return network.eval()


@pytest.fixture
def real(memory_clips):
    return memory_clips(num_classes=3)


@pytest.mark.parametrize("method", ["prism", "static-dynamic"])
def test_labels_are_the_softmax_of_the_teacher_on_what_is_stored(real, tmp_path, method):
    made, network = make(real, tmp_path / "set", method), save_teacher(tmp_path / "teacher", real)
    found = relabel_condensed(made, tmp_path / "out", tmp_path / "teacher", temperature=2.5, compute=FLOAT32)
    pixels = made.clips(range(len(made)))
    units = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    logits = network(units).detach().double().numpy() / 2.5
    expected = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(found.soft_labels, expected, atol=1e-4)
    assert np.ptp(expected, axis=1).min() > 0.01
    assert found.labels.equal(made.labels)
    assert found.clips([0]).equal(made.clips([0]))
    assert found.manifest["labelling"] == {
        "kind": "teacher",
        "teacher": "convnet3d",
        "teacher_sha256": sha256_of_file(tmp_path / "teacher" / "weights.safetensors"),
        "temperature": 2.5,
        "views": 0,
        "seed": 0,
    }
    assert made.soft_labels is None


def test_their_bytes_are_counted(real, tmp_path):
    made = make(real, tmp_path / "set")
    save_teacher(tmp_path / "teacher", real)
    found = relabel_condensed(made, tmp_path / "out", tmp_path / "teacher", compute=FLOAT32)
    files = ("key_frames.safetensors", "condensed.json")
    assert found.bytes == sum((tmp_path / "out" / name).stat().st_size for name in files)
    before, after = (load_file(tmp_path / folder / files[0]) for folder in ("set", "out"))
    assert after.keys() - before.keys() == {"soft_labels"}
    assert after["soft_labels"].nbytes == 3 * 3 * 4
    assert (found.paper_mb - made.paper_mb) * 2**20 == pytest.approx(3 * 3 * 4)
    assert found.bytes >= made.bytes + 3 * 3 * 4


def test_views_are_labelled_one_by_one_and_trained_on_as_they_were_seen(real, tmp_path):
    made, network = make(real, tmp_path / "set"), save_teacher(tmp_path / "teacher", real)
    found = relabel_condensed(made, tmp_path / "out", tmp_path / "teacher", views=4, seed=7, compute=FLOAT32)
    clips = load_condensed(tmp_path / "out").own_labelled()
    assert len(clips) == 3 * 4
    seen = clips.batch(range(12))  # what a student gets, in the units of the set
    pixels = seen * made.std.view(3, 1, 1) + made.mean.view(3, 1, 1)
    units = (pixels - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]
    torch.testing.assert_close(clips.labels, network(units).detach().softmax(dim=1), rtol=1e-4, atol=1e-5)
    assert not clips.labels[0].equal(clips.labels[1])
    assert (found.manifest["labelling"]["views"], found.manifest["labelling"]["seed"]) == (4, 7)
    stored = load_file(tmp_path / "out" / "key_frames.safetensors")["soft_labels"]
    assert stored.nbytes == 3 * 4 * 3 * 4
    assert (found.paper_mb - made.paper_mb) * 2**20 == pytest.approx(stored.nbytes)
    assert found.bytes >= made.bytes + stored.nbytes


def test_sets_of_format_version_3_have_the_labels_of_a_teacher(real, tmp_path):
    made = make(real, tmp_path / "set")
    save_teacher(tmp_path / "teacher", real)
    new = relabel_condensed(made, tmp_path / "out", tmp_path / "teacher", compute=FLOAT32)
    manifest = read_manifest(tmp_path / "out")
    for name in ("kind", "views", "seed"):
        del manifest["labelling"][name]
    del manifest["sha256"]
    write_manifest(tmp_path / "out", {**manifest, "format_version": 3})
    old = load_condensed(tmp_path / "out")
    assert old.label_kind == "teacher"
    assert old.own_labelled().labels.equal(new.soft_labels)
    assert load_condensed(tmp_path / "set").label_kind == "hard"


def test_labels_of_format_version_3_that_are_no_object_are_refused(real, tmp_path):
    made = make(real, tmp_path / "set")
    manifest = {**made.manifest, "format_version": 3, "labelling": [0]}
    del manifest["sha256"]
    write_manifest(tmp_path / "set", manifest)
    with pytest.raises(FormatError, match="'labelling' is missing or of the wrong type"):
        load_condensed(tmp_path / "set")


@pytest.mark.parametrize(
    "bad",
    [{"kind": "rumour"}, {"views": -1}, {"views": True}, {"views": 2**20}, {"seed": "x"}, {"views": 2}],
)
def test_labellings_that_cannot_be_are_refused(real, tmp_path, bad):
    save_teacher(tmp_path / "teacher", real)
    relabel_condensed(make(real, tmp_path / "set"), tmp_path / "out", tmp_path / "teacher", compute=FLOAT32)
    manifest = read_manifest(tmp_path / "out")
    del manifest["sha256"]
    manifest["labelling"] |= bad
    write_manifest(tmp_path / "out", manifest)
    with pytest.raises(FormatError, match=r"labelling|soft_labels"):
        load_condensed(tmp_path / "out")


@pytest.mark.parametrize(("bad", "flag"), [({"views": -1}, "--views -1"), ({"seed": -1}, "--seed -1")])
def test_views_out_of_range_fail(real, tmp_path, bad, flag):
    with pytest.raises(UsageError, match=flag):
        relabel_condensed(make(real, tmp_path / "set"), tmp_path / "out", tmp_path, compute=FLOAT32, **bad)


def test_recoding_keeps_them_and_relabelling_replaces_them(real, tmp_path):
    made = make(real, tmp_path / "set")
    save_teacher(tmp_path / "teacher", real)
    first = relabel_condensed(made, tmp_path / "a", tmp_path / "teacher", compute=FLOAT32)
    assert recode(first, tmp_path / "b", "float16").soft_labels.equal(first.soft_labels)
    flat = relabel_condensed(first, tmp_path / "c", tmp_path / "teacher", temperature=1e6, compute=FLOAT32)
    torch.testing.assert_close(flat.soft_labels, torch.full((3, 3), 1 / 3))


def test_a_set_that_cannot_be_read_back_replaces_none(real, tmp_path, monkeypatch):
    made = make(real, tmp_path / "set")
    save_teacher(tmp_path / "teacher", real)
    good = relabel_condensed(made, tmp_path / "out", tmp_path / "teacher", compute=FLOAT32)

    def spoilt(folder, *rest):
        save_labelled(folder, *rest)
        os.truncate(folder / PAYLOAD, 100)

    monkeypatch.setattr("vidcondense.storage.relabel.save_labelled", spoilt)
    with pytest.raises(FormatError, match="has not the size"):
        relabel_condensed(made, tmp_path / "out", tmp_path / "teacher", compute=FLOAT32, overwrite=True)
    assert load_condensed(tmp_path / "out").manifest == good.manifest


@pytest.mark.parametrize(
    ("change", "message"),
    [({"size": 48}, "takes 8 frames of 48×48"), ({"classes": ("x", "y", "z")}, "classes that are not")],
)
def test_a_teacher_of_other_clips_fails(real, tmp_path, change, message):
    made = make(real, tmp_path / "set")
    save_teacher(tmp_path / "teacher", real, **change)
    with pytest.raises(DataError, match=message):
        relabel_condensed(made, tmp_path / "out", tmp_path / "teacher", compute=FLOAT32)
    assert not (tmp_path / "out").exists()


def test_lossy_frames_are_not_encoded_again(real, tmp_path):
    made = recode(make(real, tmp_path / "set"), tmp_path / "jpeg", "jpeg", Coding(quality=30))
    save_teacher(tmp_path / "teacher", real)
    found = relabel_condensed(made, tmp_path / "out", tmp_path / "teacher", compute=FLOAT32)
    assert found.key_frames.equal(made.key_frames)
    assert (found.manifest["codec"], found.manifest["quality"]) == ("jpeg", 30)


def test_a_temperature_of_zero_fails(real, tmp_path):
    with pytest.raises(UsageError, match="--temperature 0"):
        relabel_condensed(
            make(real, tmp_path / "set"), tmp_path / "out", tmp_path, temperature=0.0, compute=FLOAT32
        )


@pytest.mark.parametrize("bad", [-0.5, float("nan"), 2.0])
def test_rows_that_are_no_probabilities_are_refused(real, tmp_path, bad):
    save_teacher(tmp_path / "teacher", real)
    relabel_condensed(make(real, tmp_path / "set"), tmp_path / "out", tmp_path / "teacher", compute=FLOAT32)
    path = tmp_path / "out" / "key_frames.safetensors"
    payload = load_file(path)
    payload["soft_labels"][1, 2] = bad
    save_file(payload, path)
    manifest = read_manifest(tmp_path / "out")
    del manifest["sha256"]
    manifest["payload"][0] |= {"sha256": sha256_of_file(path), "bytes": path.stat().st_size}
    write_manifest(tmp_path / "out", manifest)
    with pytest.raises(FormatError, match="no probabilities"):
        load_condensed(tmp_path / "out")


def test_probabilities():
    assert are_probabilities(torch.tensor([[0.25, 0.75], [1.0, 0.0]]))
    assert not are_probabilities(torch.tensor([[0.25, 0.7]]))
    assert not are_probabilities(torch.tensor([[-0.25, 1.25]]))


def test_only_a_set_with_soft_labels_is_trained_on_them(real, tmp_path):
    made = make(real, tmp_path / "set")
    with pytest.raises(UsageError, match="vidcondense relabel"):
        made.own_labelled()
    rows = torch.full((3, 3), 1 / 3)
    clips = SoftLabelled(made, rows, regression=False)
    assert clips.labels.equal(rows)
    assert clips.batch([1]).equal(made.batch([1]))
    assert (len(clips), clips.classes) == (3, real.classes)
