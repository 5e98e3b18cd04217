"""Arguments that several commands have in common, beside the library's own options."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Literal

import torch

from vidcondense.compute import Compute, Precision, choose_compute
from vidcondense.distributed import ALONE, RANK_TIMEOUT, Ranks
from vidcondense.options import flag, require
from vidcondense.video.sampling import ClipOptions


@dataclass(frozen=True, kw_only=True)
class ComputeArguments:
    """Where networks run."""

    device: str = "auto"
    """auto (a GPU when there is one), cpu, cuda, or cuda:1."""

    precision: Precision = "auto"
    """Of the forward passes: float32, bfloat16, or auto (bfloat16 where the processor has it)."""

    def choose(self, ranks: Ranks = ALONE) -> Compute:
        """What these arguments stand for; a rank has its own GPU. Raises `UsageError`: no such device."""
        device = self.device
        if ranks.size > 1 and device in ("auto", "cuda") and torch.cuda.is_available():
            device = f"cuda:{ranks.local}"
        return choose_compute(device, self.precision)


@dataclass(frozen=True, kw_only=True)
class RankArguments:
    """How processes that torchrun started work together."""

    rank_timeout: float = RANK_TIMEOUT
    """Seconds to wait for another process of the same job, at most."""

    def __post_init__(self) -> None:
        require(self.rank_timeout > 0, "rank_timeout", self.rank_timeout, "must be more than 0 seconds")


@dataclass(frozen=True, kw_only=True)
class ClipArguments:
    """How the one clip of a video is cut that a set is made from: around the middle of the video."""

    num_frames: int = 16
    """Frames in a clip."""

    stride: int = 4
    """Frames of the video from one frame of the clip to the next; 1 takes every frame."""

    size: int = 112
    """Height and width of a clip in pixels: the short side is scaled to this, the centre is kept."""

    short: Literal["stride", "repeat", "loop", "reject"] = "stride"
    """What to do with a video that is too short: take the largest stride that fits (and reject it where even
    stride 1 does not), repeat its last frame, begin again at its first, or reject it."""

    @classmethod
    def of(cls, clip: ClipOptions) -> ClipArguments:
        """The arguments that stand for `clip`."""
        return cls(num_frames=clip.num_frames, stride=clip.stride, size=clip.size, short=clip.short)

    def options(self) -> ClipOptions:
        """What these arguments stand for. Raises `UsageError`: a value is out of range."""
        return ClipOptions(num_frames=self.num_frames, stride=self.stride, size=self.size, short=self.short)


def flags(arguments: Any, leave_out: Iterable[str] = ()) -> list[str]:  # noqa: ANN401 - any dataclass
    """The words that stand for arguments on a command line: of each that has not its default."""
    words: list[str] = []
    for each in fields(arguments):
        value = getattr(arguments, each.name)
        if is_dataclass(value):
            words += flags(value)
        elif value != each.default and each.name not in leave_out:
            name = flag(each.name)
            if isinstance(value, bool):
                words.append(name if value else flag(f"no_{each.name}"))
            else:
                words += [name, *map(str, value if isinstance(value, tuple) else (value,))]
    return words
