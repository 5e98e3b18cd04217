"""`vidcondense export-model`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import tyro

from vidcondense import rng
from vidcondense.cli.arguments import ComputeArguments
from vidcondense.cli.output import Output, size_text, table
from vidcondense.cli.parse import SharedArguments
from vidcondense.cli.progress import Bars, progress
from vidcondense.cli.reading import read_data
from vidcondense.cli.sets import ReadingArguments, check_belong, common
from vidcondense.compute import Compute
from vidcondense.edge.export import (
    EdgeOptions,
    ExportedModel,
    ExportedModels,
    check_formats,
    check_free,
    export_model,
)
from vidcondense.edge.formats import FORMATS
from vidcondense.edge.quantise import even_choice
from vidcondense.errors import DataError, UsageError
from vidcondense.media.viewable import Pictures, viewable
from vidcondense.models import VideoNetwork
from vidcondense.models.saved import DESCRIPTION, NetworkDescription, load_network
from vidcondense.options import as_json
from vidcondense.storage.condensed import CondensedDataset, load_condensed
from vidcondense.training import TrainOptions
from vidcondense.training.new import train_new
from vidcondense.video.dataset import ClipDataset


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Write a network trained on a condensed set as files that run without vidcondense, and check them.

    Examples:
      vidcondense export-model small --to onnx --out edge
      vidcondense export-model network --set small --to onnx onnx-int8 torch-export --data videos --out edge

    A file takes one clip of pixels, uint8 [T, H, W, 3], RGB 0 to 255, and gives the logits [K]; normalisation
    is inside. model.json beside it names shape, classes and what was measured. The latency is the median of
    repeated runs of one clip on one thread of this machine.
    """

    source: tyro.conf.Positional[Path]
    """A network, as `vidcondense train` saves it, or a condensed set, on which one is trained first."""

    to: tuple[str, ...]
    """torch-export (.pt2), onnx, onnx-int8: one or several."""

    out: Path
    """Folder to make."""

    set: Path | None = None
    """Of a network: the condensed set it was trained on; it tells how --data is read, and calibrates int8."""

    data: Path | None = None
    """Folder of real videos, on whose test clips the files are compared with the original."""

    reading: ReadingArguments = field(default_factory=ReadingArguments)
    """How they are read."""

    model: str = "convnet3d"
    """What to train on a set: convnet3d, cnn-gru, cnn-lstm, …, or package.module:factory of your own."""

    seed: int = 0
    """Seed of that training: weights, order of the clips, dropout, augmentation."""

    training: TrainOptions = field(default_factory=TrainOptions)
    """How it is trained; the defaults are those of the strict evaluation protocol."""

    compute: ComputeArguments = field(default_factory=ComputeArguments)
    """Where it is trained; files are made and checked on the CPU, in float32."""

    edge: EdgeOptions = field(default_factory=EdgeOptions)
    """How files are made and checked."""

    trust_code: bool = False
    """Import and run the code of a network of your own that the folder names."""

    overwrite: bool = False
    """Replace an older export at --out, once the new one is complete."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        rng.check_seed(self.seed)
        if self.data is None and self.reading != ReadingArguments():
            raise UsageError("export-model: how real clips are read says nothing without --data")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Train where that is asked for, write, check."""
    is_network = (arguments.source / DESCRIPTION).is_file()
    check_formats(arguments.to, calibrated=not is_network or arguments.set is not None)
    check_free(arguments.out, overwrite=arguments.overwrite)
    with progress() as bars:
        if is_network:
            network, description, made = _saved(arguments)
        else:
            network, description, made = _trained(arguments, bars)
        exported = export_model(
            network,
            description,
            arguments.out,
            arguments.to,
            arguments.edge,
            test=None
            if arguments.data is None
            else _test_clips(arguments.data, made, arguments, bars, output),
            calibration=_calibration(made, arguments.to),
            overwrite=arguments.overwrite,
        )
    _tell(exported, description, output)
    return {
        **as_json(exported),
        "out": str(exported.folder),
        "model": description.model,
        "classes": list(description.classes),
    }


def _saved(arguments: Arguments) -> tuple[VideoNetwork, NetworkDescription, CondensedDataset | None]:
    """The network at SOURCE, and the set it was trained on where that is given."""
    compute = Compute(torch.device("cpu"), "float32")
    network, description = load_network(arguments.source, compute, trust_code=arguments.trust_code)
    if arguments.set is None:
        if arguments.data is not None:
            raise UsageError(
                "--data: how its videos are read is recorded in the set that the network was trained on; "
                "name it: --set"
            )
        return network, description, None
    made = load_condensed(arguments.set)
    if description.origin.get("condensed_sha256") != made.manifest["sha256"]:
        raise DataError(
            f"{arguments.source} was not trained on {arguments.set}: it names a set of another sha256; "
            "give the one it was trained on"
        )
    return network, description, made


def _trained(
    arguments: Arguments, bars: Bars
) -> tuple[VideoNetwork, NetworkDescription, CondensedDataset | None]:
    """A network trained on the set at SOURCE."""
    if arguments.set is not None:
        raise UsageError(
            f"--set {arguments.set}: {arguments.source} is a set itself, on which a network is trained; "
            "leave --set out"
        )
    made = load_condensed(arguments.source)
    network, description, _ = train_new(
        arguments.model,
        made,
        arguments.training,
        shape=made.shape,
        seed=arguments.seed,
        compute=arguments.compute.choose(),
        origin={"condensed_sha256": made.manifest["sha256"], "trained_on": "set"},
        mirror=made.flip,
        listener=bars.follow("train", "training", arguments.training.num_steps(len(made))),
    )
    return network, description, made


def _test_clips(
    root: Path, made: CondensedDataset | None, arguments: Arguments, bars: Bars, output: Output
) -> ClipDataset:
    assert made is not None, "refused before"
    sets = {str(made.folder): made}
    recorded = common(sets, arguments.reading)
    real = read_data(root, recorded.data, recorded.clip, bars=bars, output=output)
    check_belong(sets, real, arguments.reading)
    return real.test


def _calibration(made: CondensedDataset | None, to: Sequence[str]) -> Pictures | None:
    """Videos of the set to calibrate with; None where no format does."""
    if made is None or not any(FORMATS[name].calibrates for name in to):
        return None
    return viewable(made.clips(even_choice(len(made))))


def _tell(exported: ExportedModels, description: NetworkDescription, output: Output) -> None:
    first = exported.models[0].agreement
    accuracy = "–" if first is None else f"{100 * first.original:.1f}"
    rows = [("original", "", accuracy, "", "", f"{1000 * exported.latency:.2f}")]
    output.say(
        table(
            ("", "bytes", "accuracy", "equal", "largest difference", "ms a clip"),
            [*rows, *(_row(model) for model in exported.models)],
        )
    )
    clips = "no test clips (--data)" if first is None else f"{first.clips} test clips"
    output.say(
        f"\n{exported.folder}: {description.model}, {exported.num_parameters} parameters, {clips}; "
        "median latency of one clip on one thread of this machine"
    )
    for model in exported.models:
        output.say(f"  {model.file}: {FORMATS[model.to].summary}, {size_text(model.bytes)}")
        if model.floats:
            kept = ", ".join(f"{count} {name}" for name, count in model.floats.items())
            output.note(f"{model.file}: still in float32, as ONNX Runtime cannot quantise them here: {kept}")


def _row(model: ExportedModel) -> tuple[object, ...]:
    found = model.agreement
    compared = (
        ("–", "–", "–")
        if found is None
        else (f"{100 * found.exported:.1f}", f"{100 * found.equal:.1f} %", f"{found.largest_difference:.2g}")
    )
    return (model.to, model.bytes, *compared, f"{1000 * model.latency:.2f}")
