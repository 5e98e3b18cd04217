from __future__ import annotations

import base64
import io

import numpy as np
import torch
from PIL import Image

from vidcondense.media.viewable import viewable
from vidcondense.report.gallery import shelves, shown_videos
from vidcondense.report.runs import read_runs


def picture(strip):
    head, _, text = strip.partition(",")
    assert head == "data:image/webp;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(text))).convert("RGB"))


def test_strips_hold_every_frame_in_order(hostile):
    (run,) = read_runs([hostile.folder])
    found = shelves([run], [[0, 3]], {(0, 3): [("real", torch.full((1, 8, 3, 44, 44), 0.5))]})
    assert [shelf.name for shelf in found] == list(hostile.classes)
    (pair,) = found[0].pairs
    strip = picture(pair.condensed.strip)
    expected = np.concatenate(list(viewable(run.clips.clips([0]))[0]), axis=1)
    assert strip.shape == expected.shape == (44, 8 * 44, 3)
    # Noise at quality 80, by colour and frame: the means are what WebP keeps.
    means = strip.reshape(44, 8, 44, 3).mean(axis=(0, 2)) - expected.reshape(44, 8, 44, 3).mean(axis=(0, 2))
    assert np.abs(means).max() < 4
    (real,) = found[1].pairs[0].real
    assert np.abs(picture(real.strip).astype(int) - 128).max() <= 2
    assert (pair.condensed.title, real.title) == ("video 0", "real")


def test_each_class_is_shown_before_any_class_twice(memory_clips, condensed):
    (run,) = read_runs([condensed.folder])
    assert condensed.labels.tolist() == [0, 0, 1, 1]
    assert shown_videos(run, 2) == [0, 2]
    assert shown_videos(run, 3) == [0, 1, 2]
    assert shown_videos(run, 99) == [0, 1, 2, 3]


def test_many_frames_are_shown_smaller(condensed, monkeypatch):
    (run,) = read_runs([condensed.folder])
    monkeypatch.setattr("vidcondense.report.gallery.PIXELS", 4 * 8 * 20**2)
    found = shelves([run], [[0, 1, 2, 3]], {})
    assert {picture(pair.condensed.strip).shape for shelf in found for pair in shelf.pairs} == {(20, 160, 3)}


def test_why_each_key_frame_is_there(condensed):
    (run,) = read_runs([condensed.folder])
    (shelf, _) = shelves([run], [[0, 2]], {})
    clip = shelf.pairs[0].condensed
    assert clip.reasons[0] == clip.reasons[-1] == "there from the start"
    assert len(clip.reasons) == len(condensed.positions[0]) > 2
    for key, reason in list(zip(clip.key_frames, clip.reasons, strict=True))[1:-1]:
        assert f"key frames {key.before} and {key.after} (both cosines below ε = 1.0)" in reason
