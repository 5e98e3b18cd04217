"""`vidcondense bench`."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.arguments import ClipArguments, ComputeArguments
from vidcondense.cli.output import Output, facts
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import progress
from vidcondense.files import write_json
from vidcondense.models import check_features
from vidcondense.speed.bench import Bench, BenchOptions, Rate, bench
from vidcondense.video.index import DataOptions


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Measure how fast this machine decodes, matches, trains and condenses, and what share of it is used.

    Examples:
      vidcondense bench
      vidcondense bench videos --num-frames 8 --size 64 --real-batch 64 --out bench.json
      vidcondense bench --device cuda --precision bfloat16 --real-batch 64

    Takes a few minutes on two cores; longer where one iteration takes long, as with many classes. Nothing
    else should run beside it.
    """

    data: tyro.conf.Positional[Path | None] = None
    """Folder of videos, of which a few are decoded; default: a small toy set is generated."""

    out: Path | None = None
    """JSON file to write."""

    bench: BenchOptions = field(default_factory=BenchOptions)
    """What is measured."""

    clip: ClipArguments = field(default_factory=ClipArguments)
    """How clips are cut from the videos; synthetic videos have the same shape."""

    reading: DataOptions = field(default_factory=DataOptions)
    """How the folder of videos is read."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where networks run."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Measure and tell."""
    clip = arguments.clip.options()
    check_features(arguments.bench.match.model, clip.num_frames, clip.size)
    with progress() as bars:
        found = bench(
            arguments.data,
            arguments.bench,
            reading=arguments.reading,
            clip=clip,
            compute=arguments.compute.choose(),
            listener=bars.follow("bench", "measuring"),
        )
    if arguments.out is not None:
        write_json(arguments.out, asdict(found))
    output.say(facts(_lines(found)))
    return asdict(found)


def _lines(found: Bench) -> dict[str, str]:
    real, synthetic = found.iteration_real.per_second, found.iteration_synthetic.per_second
    lines = {f"matrix peak, {name}": _peak(peak) for name, peak in found.peak.items()} | {
        "decoding": f"{found.decode.per_second:.4g} clips/s",
        "real clips": _text(found.real, "clips/s"),
        "synthetic videos": _text(found.synthetic, "videos/s"),
        "training": _text(found.training, "steps/s"),
        "condensation": f"{_text(found.iterations, 'iterations/s')}: "
        f"{real:.4g} real clips/s, {synthetic:.4g} synthetic videos/s",
        "peak memory": _memory(found.memory_mb),
    }
    return lines if found.gpu_memory_mb is None else lines | {"on the GPU": _memory(found.gpu_memory_mb)}


def _text(rate: Rate, unit: str) -> str:
    assert rate.flops is not None, "it runs a network"
    share = "" if rate.share is None else f", {100 * rate.share:.0f} % of the peak"
    return f"{rate.per_second:.4g} {unit}, {rate.flops / 1e12:.3g} TFLOP/s{share}"


def _peak(peak: float | None) -> str:
    return "not in hardware" if peak is None else f"{peak / 1e12:.3g} TFLOP/s"


def _memory(mib: float | None) -> str:
    return "unknown here" if mib is None else f"{mib:.0f} MiB"
