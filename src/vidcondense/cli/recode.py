"""`vidcondense recode`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense import rng
from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, facts, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.recorded import note_lowered
from vidcondense.models import check_features
from vidcondense.options import choose, parse_bytes
from vidcondense.storage.codecs import CODECS, Coding, check_coding
from vidcondense.storage.condensed import load_condensed
from vidcondense.storage.distortion import distortion
from vidcondense.storage.recode import recode
from vidcondense.storage.stored import coding_of
from vidcondense.storage.workspace import check_output


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Store a condensed set again by another codec, and tell what that saves and what it changes.

    Examples:
      vidcondense recode small --codec webp --quality 60 --out smaller
      vidcondense recode small --codec lzma --value-range set --out packed

    Start from a set in float32: what a codec lost does not come back, and a second loss adds to the first.
    """

    set: tyro.conf.Positional[Path]
    """A condensed set: what `vidcondense condense` made."""

    out: Path
    """Folder to make."""

    codec: str
    """float32, float16, uint8; uint8 compressed without loss by lzma, png or webp-lossless, or with loss by
    jpeg, webp, avif or jxl, or as one video by h264 or av1."""

    coding: Coding = field(default_factory=Coding)
    """How the codec is used."""

    budget: str | None = None
    """Most bytes to write, such as 40kB; quality or bits are lowered to keep it (default: no limit)."""

    model: str = "convnet3d"
    """The network, with random weights, whose features are compared."""

    seed: int = 0
    """Seed of its weights."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where the network runs."""

    overwrite: bool = False
    """Replace a condensed set at --out, once the new one is complete."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        choose(CODECS, self.codec, "codec")
        check_coding(self.codec, self.coding)
        if self.budget is not None:
            parse_bytes(self.budget, "budget")
        rng.check_seed(self.seed)


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Store, and compare what is read back with what was there."""
    check_output(arguments.out, resume=False, overwrite=arguments.overwrite)
    compute = arguments.compute.choose()
    before = load_condensed(arguments.set)
    num_frames, _, size, _ = before.shape
    check_features(arguments.model, num_frames, size)
    bytes_before = before.bytes  # --out may be the set itself
    after = recode(
        before,
        arguments.out,
        arguments.codec,
        arguments.coding,
        budget=arguments.budget,
        overwrite=arguments.overwrite,
    )
    note_lowered(after, output)
    found = distortion(before, after, arguments.model, seed=arguments.seed, compute=compute)
    output.say(
        facts(
            {
                "set": f"{after.folder}: {len(after)} videos as {arguments.codec}",
                "bytes": f"{size_text(bytes_before)} before, {size_text(after.bytes)} after",
                "PSNR": "no pixel differs" if found.psnr is None else f"{found.psnr:.2f} dB (peak 1)",
                "features": f"{100 * found.feature_distance:.2f} % apart in a random {arguments.model}",
            }
        )
    )
    return {
        "out": str(after.folder),
        "codec": arguments.codec,
        **asdict(coding_of(after.manifest)),
        "bytes_before": bytes_before,
        "bytes_after": after.bytes,
        **asdict(found),
    }
