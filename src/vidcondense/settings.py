"""The options of a condensation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vidcondense import rng
from vidcondense.errors import UsageError
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import (
    LEARNING_RATES,
    OPTIMISERS,
    KernelOptions,
    MatcherName,
    MatchOptions,
    OptimiserName,
)
from vidcondense.methods import METHODS, Init, Stage
from vidcondense.options import check_choices, choose, parse_bytes, require
from vidcondense.selection.options import SelectOptions
from vidcondense.storage.codecs import CODECS, Coding, ValueRange, check_coding
from vidcondense.synthetic.keyframes import Upsampling
from vidcondense.synthetic.options import StaticDynamicOptions

_WITHOUT_TARGETS: Mapping[MatcherName | None, str] = {
    "frepo": "the labels of real clips",
    "mtt": "where training leads",
}
"""What is matched that is no mean or gradient of some real clips."""


@dataclass(frozen=True, kw_only=True)
class CondenseOptions:
    """How a set is condensed."""

    method: str = "prism"
    """Learned: prism; still (one frame a video); dm, dc, dsa, mtt, frepo (every frame); static-dynamic. Real
    clips: random, herding, k-center, best-of-random."""

    vpc: int = 1
    """Synthetic videos per class."""

    init: Init | None = None
    """What key frames start from: noise, or frames of random real clips, with --match-targets cluster of the
    video's own cluster (default: noise; dm, dsa, mtt and frepo: real)."""

    iterations: int = 5000
    """Optimisation steps."""

    lr: float | None = None
    """Learning rate of the frames (default: by SGD 10 for dm, times --vpc where the videos of a class share a
    target; 0.1 for dc and dsa, 100 for mtt; by Adam 0.01 for frepo)."""

    momentum: float = 0.95
    """Momentum of SGD; of Adam β₁."""

    init_scale: float = 1.0
    """Standard deviation of the noise frames start from, in network units (1: as real clips have)."""

    initial_key_frames: int | None = None
    """Key frames a video starts with, evenly spread (default: 2, the first and the last; of a still 1); of
    real clips the frames that are kept (default: all)."""

    key_frame_size: int | None = None
    """Side of the key frames in pixels; smaller ones are learned upsampled (default: that of the clips)."""

    upsampling: Upsampling = "bilinear"
    """How smaller key frames become as large as the clips: bilinear or bicubic."""

    codec: str = "uint8"
    """How frames are stored: float32 (as the papers count), float16, uint8 (a quarter); uint8 compressed
    without loss by lzma, png or webp-lossless, or with loss by jpeg, webp, avif or jxl, or as one video by
    h264 or av1."""

    quality: int = 75
    """Of the codecs jpeg, webp, avif, jxl, h264 and av1: 0 (smallest) to 100 (best); the others have none."""

    value_range: ValueRange = "video"
    """What shares one range of levels, in all codecs but float32 and float16: video or set."""

    bits: int = 8
    """Bits of a level, 1 to 8; fewer than 8 with the codecs uint8, lzma, png and webp-lossless only."""

    codec_aware: bool = False
    """Learn key frames as the codec will store them: rounded to its levels, or through a model of JPEG."""

    rate_weight: float = 0.0
    """With --codec-aware --codec jpeg: what a bit of the key frames, by a rough count, adds to the loss."""

    budget: str | None = None
    """Most bytes of the whole set, such as 40kB, payload and manifest (default: no limit); insertion stops
    at it, and quality or bits are lowered to keep it."""

    seed: int = 0
    """Seed of everything random; the same seed gives the same bytes on the same machine."""

    match: MatchOptions = field(default_factory=MatchOptions)
    """What is matched."""

    kernel: KernelOptions = field(default_factory=KernelOptions)
    """How labels of real clips are predicted from the videos."""

    insert: InsertionOptions = field(default_factory=InsertionOptions)
    """When and where key frames appear."""

    static_dynamic: StaticDynamicOptions = field(default_factory=StaticDynamicOptions)
    """How static-dynamic sets are learned."""

    select: SelectOptions = field(default_factory=SelectOptions)
    """How real clips are chosen."""

    def __post_init__(self) -> None:
        check_choices(self)
        method = choose(METHODS, self.method, "method")
        choose(CODECS, self.codec, "codec")
        check_coding(self.codec, self.coding())
        require(self.vpc >= 1, "vpc", self.vpc, "must be at least 1 video per class")
        require(self.iterations >= 1, "iterations", self.iterations, "must be at least 1")
        require(self.lr is None or self.lr > 0, "lr", self.lr, "must be a positive number")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "must be at least 0 and below 1")
        require(self.init_scale > 0, "init_scale", self.init_scale, "must be a positive number")
        keys = self.initial_key_frames
        kinds = {stage.videos for stage in method.stages}
        single = method.select is not None or "still" in kinds
        fewest, which = (1, "1") if single else (2, "2 (first and last)")
        require(keys is None or keys >= fewest, "initial_key_frames", keys, f"must be at least {which}")
        side = self.key_frame_size
        require(side is None or side >= 1, "key_frame_size", side, "must be at least 1 pixel")
        sparse = "sparse" in kinds or method.select is not None
        if keys is not None and not sparse and not (keys == 1 and "still" in kinds):
            has = "one key frame a video" if "still" in kinds else "no key frames"
            raise UsageError(f"--initial-key-frames {keys}: --method {self.method} has {has}")
        if self.upsampling != "bilinear" and side is None:
            raise UsageError(
                f"--upsampling {self.upsampling}: say how small key frames are, --key-frame-size"
            )
        if side is not None and "static-dynamic" in kinds:
            raise UsageError(f"--key-frame-size {side}: --method {self.method} has no key frames")
        self._check_codec_aware(learned=bool(kinds) and "static-dynamic" not in kinds)
        given = self.match.match
        allowed = method.stages[-1].match if method.stages else ()
        if given is not None and given not in allowed:
            what = f"matches {' or '.join(allowed)}" if allowed else "matches nothing"
            raise UsageError(f"--match {given}: --method {self.method} {what}; leave --match out")
        matched = self.matcher_of(method.stages[-1]) if method.stages else None
        if self.match.match_targets != "class" and matched in _WITHOUT_TARGETS:
            raise UsageError(
                f"--match-targets {self.match.match_targets}: {matched} matches {_WITHOUT_TARGETS[matched]}; "
                "leave --match-targets out"
            )
        if self.match.siamese and matched not in (None, "dm", "dsa"):
            raise UsageError(f"--siamese: {matched} matches without augmentation; leave it out")
        if self.budget is not None:
            parse_bytes(self.budget, "budget")
        rng.check_seed(self.seed)

    def _check_codec_aware(self, *, learned: bool) -> None:
        able = [name for name, codec in CODECS.items() if codec.exact_levels or name == "jpeg"]
        if self.codec_aware and not learned:
            raise UsageError(f"--codec-aware: --method {self.method} learns no key frames; leave it out")
        if self.codec_aware and self.codec not in able:
            raise UsageError(
                f"--codec-aware: there is no model of --codec {self.codec} (of {', '.join(able)})"
            )
        if self.codec_aware and self.budget is not None and CODECS[self.codec].packed:
            raise UsageError(
                f"--codec-aware with --budget {self.budget}: what --codec {self.codec} takes shows at the "
                "end, too late to learn for less; use --codec uint8, or leave one of the two out"
            )
        require(self.rate_weight >= 0, "rate_weight", self.rate_weight, "must be at least 0")
        if self.rate_weight and not (self.codec_aware and self.codec == "jpeg"):
            raise UsageError(f"--rate-weight {self.rate_weight}: needs --codec-aware and --codec jpeg")

    @property
    def max_bytes(self) -> int | None:
        """The budget as a number; None where there is none."""
        return None if self.budget is None else parse_bytes(self.budget, "budget")

    def coding(self) -> Coding:
        """How the codec is used."""
        return Coding(quality=self.quality, value_range=self.value_range, bits=self.bits)

    def matcher_of(self, stage: Stage) -> MatcherName:
        """What the videos of a stage are made to match."""
        return self.match.match or stage.match[0]

    @property
    def learns_labels(self) -> bool:
        """Whether labels are learned with the videos."""
        stages = METHODS[self.method].stages
        return bool(stages) and self.matcher_of(stages[-1]) == "frepo" and self.kernel.label_lr > 0

    def lr_of(self, stage: Stage) -> float:
        """The learning rate of a stage's videos.

        Of the gradient of a mean over V videos each has a share of 1/V, and the step at which descent becomes
        unstable is V times as long: V times the learning rate moves each video as one would move alone.
        """
        if self.lr is not None:
            return self.lr
        matcher = self.matcher_of(stage)
        shared = matcher == "dm" and self.match.match_targets == "class"
        return LEARNING_RATES[matcher] * (self.vpc if shared else 1)

    def optimiser_of(self, stage: Stage) -> OptimiserName:
        """What steps a stage's videos."""
        return OPTIMISERS[self.matcher_of(stage)]
