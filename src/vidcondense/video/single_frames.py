"""Every frame of every clip as a clip of its own: what still images are learned from."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from vidcondense.interfaces import Labels, RealClips, Videos


class SingleFrames:
    """Real clips of one frame each; a clip of T frames gives T of them, in order.

    Args:
        real: the clips.
    """

    def __init__(self, real: RealClips) -> None:
        self.real = real
        self.classes = real.classes
        self.mean, self.std, self.flip = real.mean, real.std, real.flip
        self.num_frames = real.shape[0]
        self.shape = (1, *real.shape[1:])
        self.labels: Labels = real.labels.repeat_interleave(self.num_frames)

    def __len__(self) -> int:
        return len(self.labels)

    def indices_of(self, label: int) -> Labels:
        """Which frames have this label."""
        return (self.labels == label).nonzero().flatten()

    def batch(self, indices: Sequence[int] | Tensor) -> Videos:
        """The frames at `indices`, `[N, 1, C, H, W]` in network units."""
        chosen = torch.as_tensor(indices)
        clips = self.real.batch(chosen // self.num_frames)
        return clips[torch.arange(len(chosen)), chosen % self.num_frames][:, None]
