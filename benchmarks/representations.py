"""What should the bytes of a synthetic video be: a grid, frequencies, a pyramid, a decoder, or refined where
needed?

Five videos a class with cluster targets, every one in at most 1 536 bytes of eight-bit values (two key frames
of 16×16 have as many), masks and indices counted, no entropy coding. Everything else is the same for all:
matching, networks, real clips, 300 iterations, the judging networks. Steps of SGD are scaled so that a step
moves rendered pixels as far in each (by the largest singular value of the rendering; the decoder is learned
by Adam); of three learning rates each representation has the one with the least loss at the end of a run
with a seed of its own (no test clip is looked at).

- grid: key frames of a fixed size, enlarged bilinearly or bicubically; fewer large ones, or more small
  ones.
- frequencies: the lowest DCT coefficients of whole key frames, or of each 8×8 block.
- pyramid: key frames of 8×8, and the largest residuals of a 24×24 grid with their places (three bytes
  each).
- decoder: latent key frames of 8×8, made to pictures by one small network of two convolutions, stored in 16
  bits.
- refined in space: four key frames of 8×8; a coarse pixel is split into 2×2 where the gradients of the four
  conflict (their mean has less than half the energy that it would have if they agreed), most energy lost
  first, for that is what a byte gains to first order; or split at random. With pruning, a split whose four
  values hardly differ is taken back, and its bytes go elsewhere.
- refined in time: from two key frames of 11×11 by PRISM's rule to at most four; pruned in time: from eight
  key frames down to four, the one first that its neighbours' interpolation replaces best.

The toy set, scenes: five classes, 80 training and 400 test clips a class, 8 frames of 48×48; ConvNet3D at a
quarter of its width. Differences in pairs by seed.

    python benchmarks/representations.py                   # three quarters of an hour on one core; goes on
    python benchmarks/representations.py --only "grid 2×16×16" "frequencies of frames"
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from cells import RUNS, accuracy_text, cell, compute_cells, over_repeats, publish, restore
from plan import scenes
from torch import Tensor

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.evaluation import EvaluateOptions, as_dict, evaluate
from vidcondense.evaluation.statistics import mean
from vidcondense.insertion.conflict import Inserter
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.distribution import DistributionMatcher
from vidcondense.matching.kept_means import KeptMeans
from vidcondense.matching.options import MatchOptions
from vidcondense.options import as_json
from vidcondense.selection.best import Rendered
from vidcondense.synthetic.interpolation import interpolate
from vidcondense.synthetic.keyframes import KeyFrameVideos, Upsampling, spread_mask
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.index import DataOptions, RealData, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "representations"
MODEL = "convnet3d-16"
CLIP = ClipOptions(num_frames=8, size=48)
VPC, ITERATIONS, MOMENTUM = 5, 300, 0.95
MATCH = MatchOptions(real_batch=8, match_targets="cluster", model=MODEL)
JUDGE = EvaluateOptions(repeats=1, steps=200, lr=0.01, model=MODEL, augment=False)
BYTES = 1536
"""Of a video."""

WINDOW = range(ITERATIONS // 5, ITERATIONS - ITERATIONS // 5)
"""The iterations in which a representation changes its shape."""

EVERY = 10
"""Iterations between two such changes in space."""

BASELINE = "grid 2×16×16"
SEEDS, TRIAL_SEED = range(5), 1000
STEPS = (100.0, 350.0, 1200.0)
"""Learning rates to choose from, in rendered pixels; 350 is lr 10 of two key frames of 16×16."""


class Shape:
    """Synthetic videos of some shape: parameters, how they render, and what they weigh.

    Args:
        values: what is learned, each `[N, …]`; what all videos share is in `shared`.
    """

    adam = False

    def __init__(self, *values: Tensor) -> None:
        self.values = [each.requires_grad_() for each in values]
        self.shared: list[Tensor] = []

    def render(self) -> Tensor:
        """All videos, `[N, T, C, H, W]`."""
        raise NotImplementedError

    def look(self, gradient: Tensor, iteration: int) -> None:
        """Change the shape, where the gradient in the rendered videos asks for it."""

    def after_step(self) -> None:
        """Keep to what can be stored."""

    def bytes(self) -> float:
        """Of a video, values, masks and indices, with its share of what all videos share."""
        return sum(each.numel() for each in self.values) / len(self.values[0])

    @torch.no_grad()
    def quantise(self) -> None:
        """Eight bits a value over the range of its video; sixteen bits for what is shared."""
        for each in self.values:
            flat = each.flatten(1)
            low, high = flat.amin(1, keepdim=True), flat.amax(1, keepdim=True)
            step = (high - low).clamp(min=1e-6) / 255
            flat.copy_(((flat - low) / step).round() * step + low)
        for each in self.shared:
            each.copy_(each.half())


class Grid(Shape):
    """Key frames of a fixed size."""

    def __init__(
        self, number: int, stream: torch.Generator, *, keys: int, side: int, how: Upsampling
    ) -> None:
        super().__init__(noise(stream, number, keys, 3, side, side))
        self.how = how

    def render(self) -> Tensor:
        return over_time(enlarge(self.values[0], self.how))


class Frequencies(Shape):
    """Key frames by the lowest coefficients of an orthonormal DCT of blocks of `block` pixels."""

    def __init__(self, number: int, stream: torch.Generator, *, block: int, kept: int) -> None:
        blocks = (CLIP.size // block) ** 2
        # As much of the noise as white noise of variance one has in all frequencies of a coarse grid's scale.
        scale = block / kept**0.5
        super().__init__(scale * noise(stream, number, 2, 3, blocks, kept))
        self.block = block
        cosines = dct_matrix(block)
        order = sorted(
            ((u, v) for u in range(block) for v in range(block)), key=lambda at: (at[0] + at[1], at)
        )
        if kept == 256:  # of a whole frame: a square, like a grid's
            order = [(u, v) for u in range(16) for v in range(16)]
        self.basis = torch.stack([torch.outer(cosines[u], cosines[v]) for u, v in order[:kept]])

    def render(self) -> Tensor:
        found = torch.einsum("nkcbf,fhw->nkcbhw", self.values[0], self.basis)
        number, keys, channels, blocks = found.shape[:4]
        side = round(blocks**0.5)
        found = found.view(number, keys, channels, side, side, self.block, self.block)
        found = found.transpose(4, 5).reshape(number, keys, channels, CLIP.size, CLIP.size)
        return over_time(found)


class Pyramid(Shape):
    """Coarse key frames and the largest residuals of a finer grid."""

    kept = (BYTES - 2 * 3 * 8 * 8) // 3

    def __init__(self, number: int, stream: torch.Generator) -> None:
        super().__init__(noise(stream, number, 2, 3, 8, 8), torch.zeros(number, 2, 3, 24, 24))

    def render(self) -> Tensor:
        base, fine = self.values
        return over_time(enlarge(base) + enlarge(fine))

    @torch.no_grad()
    def after_step(self) -> None:
        flat = self.values[1].flatten(1)
        chosen = flat.abs().topk(self.kept, dim=1).indices
        flat.mul_(torch.zeros_like(flat).scatter(1, chosen, 1.0))

    @torch.no_grad()
    def quantise(self) -> None:
        zero = self.values[1] == 0
        super().quantise()
        self.values[1][zero] = 0

    def bytes(self) -> float:
        return 2 * 3 * 8 * 8 + 3 * self.kept


class Decoder(Shape):
    """Latent key frames, and one small network that all videos share."""

    adam = True
    latents = 10

    def __init__(self, number: int, stream: torch.Generator) -> None:
        super().__init__(noise(stream, number, 2, self.latents, 8, 8))
        sizes = [(24, self.latents, 3, 3), (24,), (3, 24, 3, 3), (3,)]
        self.shared = [
            (
                noise(stream, *size) * (2 / (size[1] * 9)) ** 0.5 if len(size) > 1 else torch.zeros(size)
            ).requires_grad_()
            for size in sizes
        ]

    def render(self) -> Tensor:
        first, first_bias, last, last_bias = self.shared
        latents = self.values[0]
        inner = F.conv2d(latents.flatten(0, 1), first, first_bias, padding=1)
        inner = F.interpolate(F.relu(inner), scale_factor=2, mode="bilinear", align_corners=False)
        pictures = F.conv2d(inner, last, last_bias, padding=1)
        return over_time(enlarge(pictures.view(*latents.shape[:2], 3, 16, 16)))

    def bytes(self) -> float:
        return super().bytes() + 2 * sum(each.numel() for each in self.shared) / len(self.values[0])


class RefinedInSpace(Shape):
    """Four key frames of 8×8, of which some pixels are split into 2×2.

    The values lie on a grid of 16×16; the four of a pixel that is not split are one.
    """

    keys, side = 4, 8
    of_split = 9.0
    """Bytes that a split adds."""

    def __init__(self, number: int, stream: torch.Generator, *, rule: str, prune: bool = False) -> None:
        coarse = noise(stream, number, self.keys, 3, self.side, self.side)
        super().__init__(twice(coarse))
        self.split = torch.zeros(number, self.keys, self.side, self.side, dtype=torch.bool)
        self.energy = torch.zeros(number, self.keys, self.side, self.side)
        self.agreement = torch.zeros_like(self.energy)
        self.rule, self.prune, self.stream = rule, prune, stream
        mask = self.keys * self.side**2 / 8
        self.most = int((BYTES - 3 * self.keys * self.side**2 - mask) / self.of_split)

    def render(self) -> Tensor:
        return over_time(enlarge(self._tied(self.values[0])))

    def _tied(self, fine: Tensor) -> Tensor:
        return torch.where(twice(self.split)[:, :, None], fine, twice(F.avg_pool3d(fine, (1, 2, 2))))

    def look(self, gradient: Tensor, iteration: int) -> None:
        """Split where the gradients of the four fine pixels conflict, most lost energy first."""
        fine = torch.zeros_like(self.values[0]).requires_grad_()
        (found,) = torch.autograd.grad(over_time(enlarge(fine)), [fine], gradient)
        of_four = F.avg_pool3d(found.square(), (1, 2, 2)).sum(2)
        together = F.avg_pool3d(found, (1, 2, 2)).square().sum(2)
        self.energy = 0.9 * self.energy + (of_four - together)
        self.agreement = 0.9 * self.agreement + together
        if iteration not in WINDOW or iteration % EVERY:
            return
        if self.prune:
            self._merge()
        so_far = self.most * (iteration - WINDOW.start + EVERY) // (len(WINDOW) - len(WINDOW) % EVERY)
        quota = (min(so_far, self.most) - self.split.flatten(1).sum(1)).clamp(min=0)
        gain = self.energy.clone()
        if self.rule == "random":
            gain = torch.rand(gain.shape, generator=self.stream)
        else:
            gain[self.agreement > self.energy] = 0  # they agree more than they conflict
        gain[self.split] = 0
        for video, count in enumerate(quota.tolist()):
            flat = gain[video].flatten()
            best = flat.topk(min(count, int((flat > 0).sum()))).indices
            self.split[video].view(-1)[best] = True

    @torch.no_grad()
    def _merge(self) -> None:
        """Take back the eighth of the splits whose four values differ least."""
        fine = self.values[0]
        spread = (F.avg_pool3d(fine.square(), (1, 2, 2)) - F.avg_pool3d(fine, (1, 2, 2)).square()).sum(2)
        spread[~self.split] = torch.inf
        for video, count in enumerate((self.split.flatten(1).sum(1) // 8).tolist()):
            least = spread[video].flatten().topk(count, largest=False).indices
            self.split[video].view(-1)[least] = False

    @torch.no_grad()
    def after_step(self) -> None:
        self.values[0].copy_(self._tied(self.values[0]))

    def bytes(self) -> float:
        values = 3 * self.keys * self.side**2 + self.of_split * float(
            self.split.flatten(1).sum(1).float().mean()
        )
        return values + self.keys * self.side**2 / 8


class InTime(Shape):
    """Key frames of 11×11, four at most: inserted by PRISM's rule, or what is left of eight."""

    most = 4

    def __init__(self, number: int, stream: torch.Generator, *, prune: bool) -> None:
        self.prune = prune
        mask = spread_mask(number, CLIP.num_frames, CLIP.num_frames if prune else 2)
        frames = noise(stream, number, CLIP.num_frames, 3, 11, 11)
        size = (CLIP.size, CLIP.size)
        self.videos = KeyFrameVideos(frames, mask, torch.arange(number) // VPC, size)
        super().__init__()
        self.values = [self.videos.frames]
        options = InsertionOptions(max_key_frames=self.most)
        self.inserter = Inserter(options, ITERATIONS, mask, seed=0)

    def render(self) -> Tensor:
        return self.videos.render()

    def look(self, gradient: Tensor, iteration: int) -> None:
        if not self.prune:
            self.inserter.after_step(self.videos, gradient, iteration)
            return
        rounds = CLIP.num_frames - self.most
        if iteration in WINDOW[:: len(WINDOW) // rounds][:rounds]:
            self._remove()

    @torch.no_grad()
    def _remove(self) -> None:
        """Of each video the key frame whose neighbours replace it best."""
        mask, frames = self.videos.mask, self.videos.frames
        lost = torch.full(mask.shape, torch.inf)
        for at in range(1, CLIP.num_frames - 1):
            without = mask.clone()
            without[:, at] = False
            change = (interpolate(frames, without) - interpolate(frames, mask)).square().sum((1, 2, 3, 4))
            lost[:, at] = change.where(mask[:, at], torch.inf)
        mask[torch.arange(len(mask)), lost.argmin(1)] = False

    def bytes(self) -> float:
        return 3 * 11 * 11 * float(self.videos.num_key_frames().float().mean()) + 1


def noise(stream: torch.Generator, *size: int) -> Tensor:
    return torch.randn(*size, generator=stream)


def twice(coarse: Tensor) -> Tensor:
    """Every pixel as 2×2 equal ones."""
    return coarse.repeat_interleave(2, -1).repeat_interleave(2, -2)


def enlarge(frames: Tensor, how: Upsampling = "bilinear") -> Tensor:
    """Key frames, `[N, K, C, h, w]`, as large as the videos."""
    found = F.interpolate(frames.flatten(0, 1), size=(CLIP.size, CLIP.size), mode=how, align_corners=False)
    return found.view(*frames.shape[:2], *found.shape[1:])


def over_time(keys: Tensor) -> Tensor:
    """All frames, from key frames that are spread evenly."""
    mask = spread_mask(len(keys), CLIP.num_frames, keys.shape[1])
    slots = torch.zeros(len(keys), CLIP.num_frames, *keys.shape[2:])
    slots = slots.index_put((mask,), keys.flatten(0, 1))
    return interpolate(slots, mask)


def dct_matrix(size: int) -> Tensor:
    """The orthonormal DCT-II: row u is the cosine of frequency u."""
    at, frequency = torch.arange(size) + 0.5, torch.arange(size)
    rows = torch.cos(torch.pi / size * frequency[:, None] * at) * (2 / size) ** 0.5
    rows[0] /= 2**0.5
    return rows


Make = Callable[[int, torch.Generator], Shape]


def grid(keys: int, side: int, how: Upsampling = "bilinear") -> Make:
    return lambda number, stream: Grid(number, stream, keys=keys, side=side, how=how)


SHAPES: dict[str, Make] = {
    BASELINE: grid(2, 16),
    "grid 2×16×16, bicubic": grid(2, 16, "bicubic"),
    "grid 4×11×11": grid(4, 11),
    "grid 8×8×8": grid(8, 8),
    "frequencies of frames": lambda number, stream: Frequencies(number, stream, block=48, kept=256),
    "frequencies of blocks": lambda number, stream: Frequencies(number, stream, block=8, kept=7),
    "pyramid": Pyramid,
    "decoder": Decoder,
    "refined in space": lambda number, stream: RefinedInSpace(number, stream, rule="conflict"),
    "refined in space, pruned": lambda number, stream: RefinedInSpace(
        number, stream, rule="conflict", prune=True
    ),
    "refined in space at random": lambda number, stream: RefinedInSpace(number, stream, rule="random"),
    "refined in time": lambda number, stream: InTime(number, stream, prune=False),
    "pruned in time": lambda number, stream: InTime(number, stream, prune=True),
}


def reach(shape: Shape) -> float:
    """The square of the largest singular value of a linear rendering, by power iteration."""
    before = [each.detach().clone() for each in shape.values]
    stream = rng.generator(0, "power")
    direction = [noise(stream, *each.shape) for each in shape.values]
    size = 1.0
    for _ in range(12):
        put(shape, direction)
        pushed = shape.render()
        size = float(pushed.detach().square().sum() / sum(each.square().sum() for each in direction))
        back = torch.autograd.grad(pushed, shape.values, pushed.detach())
        norm = sum(each.square().sum() for each in back).sqrt()
        direction = [each / norm for each in back]
    put(shape, before)
    return size


@torch.no_grad()
def put(shape: Shape, values: Sequence[Tensor]) -> None:
    """Give a shape other values."""
    for mine, new in zip(shape.values, values, strict=True):
        mine.copy_(new)


def learn(real: ClipDataset, name: str, seed: int, step: float, iterations: int) -> tuple[Shape, list[float]]:
    """Learn videos of a shape, and the losses on the way."""
    labels = torch.arange(len(real.classes)).repeat_interleave(VPC)
    matcher = DistributionMatcher(real, labels, MATCH, seed=seed, compute=choose_compute())
    matcher.keep(KeptMeans(RUNS / NAME / "means", {"clips": "toy scenes"}))
    shape = SHAPES[name](len(labels), rng.generator(seed, "noise"))
    learned = [*shape.values, *shape.shared]
    if shape.adam:
        optimiser: torch.optim.Optimizer = torch.optim.Adam(learned, lr=step / 12000)
    else:
        optimiser = torch.optim.SGD(learned, lr=step / reach(shape), momentum=MOMENTUM)
    losses = []
    for iteration in range(iterations):
        videos = shape.render()
        match = matcher.match(videos, iteration)
        optimiser.zero_grad()
        videos.backward(match.gradient)
        optimiser.step()
        shape.after_step()
        shape.look(match.gradient, iteration)
        losses.append(float(match.losses.sum()))
    return shape, losses


def chosen_step(real: ClipDataset, name: str) -> float:
    """The learning rate of a shape: that of the least loss at the end, with a seed of its own."""

    def end(step: float) -> dict[str, Any]:
        _, losses = learn(real, name, TRIAL_SEED, step, ITERATIONS)
        return {"step": step, "loss": mean(losses[-20:])}

    found = [cell(NAME, f"step {name} {step}", lambda s=step: end(s)) for step in STEPS]
    usable = [each for each in found if each is not None and each["loss"] == each["loss"]]
    if not usable:
        raise SystemExit(f"{name}: the losses of all learning rates are not numbers")
    return float(min(usable, key=lambda each: each["loss"])["step"])


def measure(data: RealData, name: str, seed: int) -> dict[str, Any]:
    """Learn, store in eight bits, judge on test clips."""
    step = chosen_step(data.train, name)
    shape, losses = learn(data.train, name, seed, step, ITERATIONS)
    shape.quantise()
    with torch.no_grad():
        videos = shape.render()
    labels = torch.arange(len(data.train.classes)).repeat_interleave(VPC)
    judge = EvaluateOptions(**{**as_json(JUDGE), "seed": rng.derive_seed(0, "set", seed)})
    found = evaluate(Rendered(videos, labels, data.train), data.test, judge, compute=choose_compute())
    return {
        "shape": name,
        "seed": seed,
        "step": step,
        "bytes": shape.bytes(),
        "loss": mean(losses[-20:]),
        "evaluation": as_dict(found),
    }


def summary() -> dict[str, Any]:
    """Accuracy of each shape over seeds, and its difference to the baseline with the same seeds."""
    known = {
        name: {seed: found for seed in SEEDS if (found := cell(NAME, f"{name} {seed}", None)) is not None}
        for name in SHAPES
    }
    accuracies = {
        name: {seed: found["evaluation"]["summary"]["accuracy"] for seed, found in by_seed.items()}
        for name, by_seed in known.items()
    }
    rows = {}
    for name, by_seed in known.items():
        if not by_seed:
            continue
        rows[name] = {
            "accuracies": accuracies[name],
            **over_repeats(accuracies[name], None if name == BASELINE else accuracies[BASELINE]),
            "bytes": mean([found["bytes"] for found in by_seed.values()]),
            "loss": mean([found["loss"] for found in by_seed.values()]),
            "step": mean([found["step"] for found in by_seed.values()]),
        }
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=SHAPES, default=list(SHAPES), metavar="SHAPE")
    parser.add_argument("--seeds", type=int, nargs="+", default=SEEDS)
    chosen = parser.parse_args()
    restore(NAME)
    data = load_data(scenes(), DataOptions(), CLIP)
    work = {
        f"{name} {seed}": partial(measure, data, name, seed) for seed in chosen.seeds for name in chosen.only
    }
    compute_cells(NAME, work)
    rows = summary()
    for name, row in rows.items():
        print(f"{name:28} {accuracy_text(row)}, {row['bytes']:.0f} bytes a video")
    publish(NAME, {"settings": __doc__, "baseline": BASELINE, "rows": rows})


if __name__ == "__main__":
    main()
