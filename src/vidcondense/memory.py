"""How many clips may go through a network at once so that a condensation stays within a given memory.

The estimate is made of shapes alone, so that the same options choose the same number on every machine and at
every time: a resumed run goes on as it began. It is

    process + networks + synthetic videos + features + clips at once · bytes of a clip · overhead,

where the bytes of a clip are those of all tensors alive at the height of its forward and backward pass.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.assembly import stage_options
from vidcondense.compute import Compute
from vidcondense.errors import LimitError, UsageError
from vidcondense.files import size_text
from vidcondense.interfaces import RealClips
from vidcondense.methods import METHODS, Stage
from vidcondense.models import VideoNetwork, initialise
from vidcondense.models.live import peak_bytes
from vidcondense.settings import CondenseOptions
from vidcondense.video.fetch import held_bytes

_FLOAT = 4  # bytes
_PROCESS = 450 * 10**6  # Python, torch and its libraries
_WORKSPACE = 64 * 10**6  # what libraries compute in, whatever the number of clips
_OVERHEAD = 1.35  # of resident memory over that of living tensors: fragments, reordered copies
_COPIES = 8  # of all synthetic videos: slots, gradient, momentum, rendered, its gradient, parts on the way
_REAL_CHUNK = 64  # real clips at once, at most, whatever the chunk

Shape = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """What was chosen.

    Attributes:
        chunk: clips that go through a network at once; None where the default does not take too much.
        bytes: about what the process will have at most.
    """

    chunk: int | None
    bytes: int


@dataclass(frozen=True, kw_only=True)
class _Need:
    """What one stage takes: `fixed` + `clip` a clip at once, of which there are up to `most`."""

    fixed: int
    clip: float
    most: int

    def bytes(self, chunk: int) -> int:
        return self.fixed + math.ceil(self.clip * min(chunk, self.most))


def plan_memory(real: RealClips, options: CondenseOptions, compute: Compute, limit: int) -> MemoryPlan:
    """Choose the clips at once so that a condensation takes `limit` bytes at most.

    On a GPU, of its memory, real clips that lie there included; else of the process's. Fewer clips at once
    change no result but in the last bits of its floats. Of what the process shows to have, the pages of the
    clip cache are left out: the system takes them back when they are wanted.

    Args:
        real: the training clips.
        options: of the condensation; those of one that learns, without a chunk of its own.
        compute: device and precision.
        limit: bytes.

    Raises:
        UsageError: the method learns nothing, or the options have a chunk.
        LimitError: not even one clip at a time would do.
    """
    stages = METHODS[options.method].stages
    if not stages:
        raise UsageError(f"--memory: --method {options.method} learns nothing; leave --memory out")
    if options.match.chunk is not None:
        raise UsageError(f"--memory with --chunk {options.match.chunk}: give one of the two")
    held, classes = held_bytes(real, compute), len(real.classes)
    needs = [_need(stage, real.shape, classes, options, compute, held) for stage in stages]
    usual = options.match.chunk_of(real.shape)
    least = max(need.bytes(1) for need in needs)
    if least > limit:
        num_frames, _, size, _ = real.shape
        raise LimitError(
            f"--memory {size_text(limit)}: one clip of {num_frames} frames of {size}×{size} at a time takes "
            f"about {size_text(least)} in all; use a larger --memory, or a smaller --size, --num-frames "
            "or --vpc"
        )
    chunk = min(_largest(need, limit) for need in needs)
    chosen = min(chunk, usual)
    return MemoryPlan(
        chunk=None if chosen == usual else chosen, bytes=max(need.bytes(chosen) for need in needs)
    )


def _largest(need: _Need, limit: int) -> int:
    """The most clips at once of a stage that fits with one."""
    chunk = int((limit - need.fixed) / need.clip)
    return chunk if chunk < need.most else 10**9


def _need(
    stage: Stage, shape: Shape, num_classes: int, options: CondenseOptions, compute: Compute, held: int
) -> _Need:
    if stage.videos == "static":
        shape = (1, *shape[1:])
    options = stage_options(stage, options)
    match, videos = options.match, options.vpc * num_classes
    gradients = options.matcher_of(stage) != "dm"
    weights, features, clip = _network(match.model, shape, num_classes, compute, gradients=gradients)
    networks = 6 if gradients else match.pool + 1  # gradients of both sides, of each other, the optimiser's
    real = match.real_batch if gradients else match.real_batch * num_classes
    own = _PROCESS if compute.device.type == "cpu" else 0
    return _Need(
        fixed=own
        + _WORKSPACE
        + held
        + networks * weights
        + _COPIES * _FLOAT * videos * math.prod(shape)
        + 2 * _FLOAT * (real + videos) * features,
        clip=_OVERHEAD * clip,
        most=max(videos, min(real, _REAL_CHUNK)),
    )


def _network(
    model: str, shape: Shape, num_classes: int, compute: Compute, *, gradients: bool
) -> tuple[int, int, int]:
    """Bytes of the weights, number of features, and bytes that one more clip at once takes."""
    found: dict[str, int] = {}

    def work(clips: int) -> Callable[[], None]:
        def run() -> None:
            network = initialise(model, num_classes, shape[0], shape[2]).eval()
            found["weights"] = sum(weight.nbytes for weight in network.parameters())
            videos = torch.zeros(clips, *shape).requires_grad_()
            if gradients:
                _match_gradients(network, videos, compute)
            else:
                found["features"] = _match_features(network, videos, compute)

        return run

    try:
        one, two = (peak_bytes(work(clips)) for clips in (1, 2))
    except Exception as error:
        raise UsageError(
            f"--memory: what --model {model} takes cannot be told from its layers ({type(error).__name__}: "
            f"{error}); use --chunk"
        ) from error
    return found["weights"], found.get("features", 0), two - one


def _match_features(network: VideoNetwork, videos: Tensor, compute: Compute) -> int:
    network.requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16, enabled=compute.precision == "bfloat16"):
        features = network.embed(videos)
    torch.autograd.grad(features.float().square().sum(), [videos])
    return features.shape[1]


def _match_gradients(network: VideoNetwork, videos: Tensor, compute: Compute) -> None:
    weights = [weight for weight in network.parameters() if weight.ndim > 1]
    with torch.autocast("cpu", torch.bfloat16, enabled=compute.precision == "bfloat16"):
        logits = network(videos)
    loss = F.cross_entropy(logits.float(), torch.zeros(len(videos), dtype=torch.int64))
    ours = torch.autograd.grad(loss, weights, create_graph=True)
    distance = torch.stack([gradient.square().sum() for gradient in ours]).sum()
    torch.autograd.grad(distance, [videos])
