"""How many clips may go through a network at once so that a condensation stays within a given memory.

The estimate is made of shapes alone, so that the same options choose the same number on every machine and at
every time: a resumed run goes on as it began. It is

    process + networks + synthetic videos + features + clips at once · bytes of a clip · overhead,

where the bytes of a clip are those of all tensors alive at the height of its forward and backward pass. How
many copies of a network's weights there are, and which passes a clip takes, is a matter of what is matched.
Where many networks are kept, a checkpoint of them may take more than any pass does.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from vidcondense.assembly import stage_options
from vidcondense.compute import Compute
from vidcondense.errors import LimitError, UsageError
from vidcondense.files import size_text
from vidcondense.interfaces import RealClips
from vidcondense.matching.options import MatcherName
from vidcondense.methods import METHODS, Stage
from vidcondense.models import VideoNetwork, initialise, network_for
from vidcondense.models.live import peak_bytes
from vidcondense.settings import CondenseOptions
from vidcondense.video.fetch import held_bytes

_FLOAT = 4  # bytes
_PROCESS = 450 * 10**6  # Python, torch and its libraries
_WORKSPACE = 64 * 10**6  # what libraries compute in, whatever the number of clips
_OVERHEAD = 1.35  # of resident memory over that of living tensors: fragments, reordered copies
_COPIES = 8  # of all synthetic videos: slots, gradient, momentum, rendered, its gradient, parts on the way
_SAVED = 3  # copies of what a checkpoint holds, while it is written: in order, as bytes, as a file
_BESIDE = 2 * 2**26  # of a checkpoint: the longest header, and as much of small tensors
_REAL_CHUNK = 64  # real clips at once, at most, whatever the chunk

Shape = tuple[int, int, int, int]


@dataclass(frozen=True, kw_only=True)
class MemoryPlan:
    """What was chosen.

    Attributes:
        chunk: clips that go through a network at once; None where no stage's default takes too much.
        bytes: about what the process will have at most.
    """

    chunk: int | None
    bytes: int


@dataclass(frozen=True, kw_only=True)
class _Need:
    """What one stage takes: `fixed` + `clip` a clip at once, of which there are up to `most`.

    At another time, when a checkpoint is written, `fixed` + `saved`. Unless told, `usual` clips go at once.
    """

    fixed: int
    clip: float
    most: int
    saved: int
    usual: int

    def bytes(self, chunk: int) -> int:
        return self.fixed + max(self.saved, math.ceil(self.clip * min(chunk, self.most)))


@dataclass(frozen=True)
class _Matching:
    """What a matcher takes beside its videos.

    Args:
        networks: copies of the weights that there are at a time.
        kept: how many of them a checkpoint holds.
        real: real clips an iteration, of so many classes, that are held as features or go through at once.
        pass_: what synthetic videos go through; returns how many features of a clip are kept.
        copies: of the features, counted as float32: gradients too, and float64 where it is that.
    """

    networks: Callable[[CondenseOptions], int]
    kept: Callable[[CondenseOptions], int]
    real: Callable[[CondenseOptions, int], int]
    pass_: Callable[[VideoNetwork, Tensor, Compute], int]
    copies: int = 0


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
    least = max(need.bytes(1) for need in needs)
    if least > limit:
        num_frames, _, size, _ = real.shape
        raise LimitError(
            f"--memory {size_text(limit)}: one clip of {num_frames} frames of {size}×{size} at a time takes "
            f"about {size_text(least)} in all; use a larger --memory, or a smaller --size, --num-frames "
            "or --vpc"
        )
    usual = max(need.bytes(need.usual) for need in needs)
    if usual <= limit:
        return MemoryPlan(chunk=None, bytes=usual)
    chunk = min(min(_largest(need, limit), need.usual) for need in needs)
    return MemoryPlan(chunk=chunk, bytes=max(need.bytes(chunk) for need in needs))


def _largest(need: _Need, limit: int) -> int:
    """The most clips at once of a stage that fits with one."""
    chunk = int((limit - need.fixed) / need.clip)
    return chunk if chunk < need.most else 10**9


def most_saved(real: RealClips, options: CondenseOptions, compute: Compute) -> int:
    """Bytes that a checkpoint of a condensation never exceeds, in whichever stage and iteration.

    Args:
        real: the training clips.
        options: of the condensation; those of one that learns.
        compute: device and precision.
    """
    stages = METHODS[options.method].stages
    return _BESIDE + max(_saved(stage, real.shape, len(real.classes), options, compute) for stage in stages)


def _saved(stage: Stage, shape: Shape, num_classes: int, options: CondenseOptions, compute: Compute) -> int:
    """Of the videos with all that an optimiser remembers of them, and of the networks, in one stage."""
    shape, options = _shape_of(stage, shape), stage_options(stage, options)
    videos = _COPIES * _FLOAT * options.vpc * num_classes * math.prod(shape)
    kept = _MATCHING[options.matcher_of(stage)].kept(options)
    if not kept:
        return videos
    network = network_for(options.match.model, shape, num_classes, seed=0, compute=compute)
    weights: int = sum(tensor.nbytes for tensor in network.state_dict().values())
    return videos + kept * weights


def _shape_of(stage: Stage, shape: Shape) -> Shape:
    """Of the videos that a stage learns from clips of `shape`."""
    return (1, *shape[1:]) if stage.videos == "static" else shape


def _need(
    stage: Stage, shape: Shape, num_classes: int, options: CondenseOptions, compute: Compute, held: int
) -> _Need:
    shape, options = _shape_of(stage, shape), stage_options(stage, options)
    videos, matching = options.vpc * num_classes, _MATCHING[options.matcher_of(stage)]
    weights, features, clip = _network(options.match.model, shape, num_classes, compute, matching.pass_)
    real = matching.real(options, num_classes)
    on_cpu = compute.device.type == "cpu"
    return _Need(
        fixed=(_PROCESS if on_cpu else 0)
        + _WORKSPACE
        + held
        + matching.networks(options) * weights
        + _COPIES * _FLOAT * videos * math.prod(shape)
        + matching.copies * _FLOAT * (real + videos) * features,
        clip=_OVERHEAD * clip,
        most=max(videos, min(real, _REAL_CHUNK) if matching.copies else real),
        saved=_SAVED * matching.kept(options) * weights if on_cpu else 0,
        usual=options.match.chunk_of(shape),
    )


def _network(
    model: str,
    shape: Shape,
    num_classes: int,
    compute: Compute,
    pass_: Callable[[VideoNetwork, Tensor, Compute], int],
) -> tuple[int, int, int]:
    """Bytes of the weights, number of features, and bytes that one more clip at once takes."""
    found: dict[str, int] = {}

    def work(clips: int) -> Callable[[], None]:
        def run() -> None:
            network = initialise(model, num_classes, shape[0], shape[2]).eval()
            found["weights"] = sum(weight.nbytes for weight in network.parameters())
            videos = torch.zeros(clips, *shape).requires_grad_()
            found["features"] = pass_(network, videos, compute)

        return run

    try:
        one, two = (peak_bytes(work(clips)) for clips in (1, 2))
    except Exception as error:
        raise UsageError(
            f"--memory: what --model {model} takes cannot be told from its layers ({type(error).__name__}: "
            f"{error}); use --chunk"
        ) from error
    return found["weights"], found["features"], two - one


def _match_features(network: VideoNetwork, videos: Tensor, compute: Compute) -> int:
    network.requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16, enabled=compute.precision == "bfloat16"):
        features = network.embed(videos)
    torch.autograd.grad(features.float().square().sum(), [videos])
    return features.shape[1]


def _match_labels(network: VideoNetwork, videos: Tensor, compute: Compute) -> int:
    features = _match_features(network, videos, compute)
    network.requires_grad_(True).train()  # it learns, on so many videos
    torch.autograd.grad(_loss(network, videos.detach(), compute), list(network.parameters()))
    return features


def _match_gradients(network: VideoNetwork, videos: Tensor, compute: Compute) -> int:
    weights = [weight for weight in network.parameters() if weight.ndim > 1]
    ours = torch.autograd.grad(_loss(network, videos, compute), weights, create_graph=True)
    distance = torch.stack([gradient.square().sum() for gradient in ours]).sum()
    torch.autograd.grad(distance, [videos])
    return 0


def _match_trajectories(network: VideoNetwork, videos: Tensor, compute: Compute) -> int:
    weights = list(network.train().parameters())
    ours = torch.autograd.grad(_loss(network, videos, compute), weights, create_graph=True)
    inner = torch.stack([gradient.square().sum() for gradient in ours]).sum()
    torch.autograd.grad(inner, [videos, *weights])
    return 0


def _loss(network: VideoNetwork, videos: Tensor, compute: Compute) -> Tensor:
    with torch.autocast("cpu", torch.bfloat16, enabled=compute.precision == "bfloat16"):
        logits = network(videos)
    return F.cross_entropy(logits.float(), torch.zeros(len(videos), dtype=torch.int64))


_GRADIENTS = _Matching(
    networks=lambda options: 6,  # gradients of both sides, of each other, the optimiser's
    kept=lambda options: 1,
    real=lambda options, num_classes: options.match.real_batch_of("dc"),
    pass_=_match_gradients,
)
_MATCHING: Mapping[MatcherName, _Matching] = {
    "dm": _Matching(
        networks=lambda options: options.match.pool + 1,
        kept=lambda options: 0,
        real=lambda options, num_classes: options.match.real_batch_of("dm") * num_classes,
        pass_=_match_features,
        copies=2,
    ),
    "dc": _GRADIENTS,
    "dsa": _GRADIENTS,
    "frepo": _Matching(
        networks=lambda options: 3 * options.kernel.online_pool + 3,  # Adam's moments; gradients of one
        kept=lambda options: 3 * options.kernel.online_pool,
        real=lambda options, num_classes: options.match.real_batch_of("frepo") * num_classes,
        pass_=_match_labels,
        copies=6,
    ),
    "mtt": _Matching(
        # The student's way; the network, both ends, what is carried back, and the gradients of a step twice;
        # a tenth for what memory fragments between them.
        networks=lambda options: math.ceil(1.1 * (options.match.trajectory.synthetic_steps + 10)),
        kept=lambda options: 0,
        real=lambda options, num_classes: 0,
        pass_=_match_trajectories,
    ),
}
