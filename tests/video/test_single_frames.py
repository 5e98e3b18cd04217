from __future__ import annotations

import torch

from vidcondense.interfaces import RealClips
from vidcondense.video.single_frames import SingleFrames


def test_every_frame_is_a_clip_of_its_clips_class(memory_clips):
    clips = memory_clips(num_classes=2, per_class=3)
    frames = SingleFrames(clips)
    assert isinstance(frames, RealClips)
    assert len(frames) == 6 * 8
    assert frames.shape == (1, 3, 44, 44)
    assert frames.labels.tolist() == [0] * 24 + [1] * 24
    assert frames.indices_of(1).tolist() == list(range(24, 48))
    chosen = torch.tensor([0, 13, 47])
    batch = frames.batch(chosen)
    assert batch.shape == (3, 1, 3, 44, 44)
    for row, index in zip(batch, chosen.tolist(), strict=True):
        assert row[0].equal(clips.batch([index // 8])[0, index % 8])
