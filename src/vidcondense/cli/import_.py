"""`vidcondense import`."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tyro

from vidcondense.cli.output import Output, size_text
from vidcondense.cli.parse import SharedArguments
from vidcondense.errors import UsageError
from vidcondense.options import choose
from vidcondense.storage.codecs import CODECS
from vidcondense.storage.import_tensors import ImportOptions, import_tensors
from vidcondense.storage.workspace import check_output
from vidcondense.video.scan import read_class_names


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """Store videos that another program condensed, such as images_best.pt, as a condensed set.

    Examples:
      vidcondense import images_best.pt --labels labels_best.pt --classes-file names.txt
        --mean 0.4 0.4 0.4 --std 0.3 0.3 0.3 --out theirs
      vidcondense import videos.npy --units pixels --classes jump run wave --out theirs

    The file holds videos [N, T, 3, H, W] or still images [N, 3, H, W]. No code in it is run: a file that
    holds more than tensors and numbers is refused.
    """

    file: tyro.conf.Positional[Path]
    """File of tensors: .pt, .pth, .safetensors or .npy."""

    out: Path
    """Folder to make."""

    classes: tuple[str, ...] = ()
    """Names of the classes, in the order of the labels; these or --classes-file are needed."""

    classes_file: Path | None = None
    """File with these names instead, one a line."""

    content: ImportOptions
    """What the file does not say."""

    codec: str = "float32"
    """How to store the frames: float32 changes nothing; the others as in vidcondense recode."""

    overwrite: bool = False
    """Replace a condensed set at --out, once the new one is complete."""

    shared: SharedArguments = field(default_factory=SharedArguments)
    """For scripts."""

    def __post_init__(self) -> None:
        choose(CODECS, self.codec, "codec")
        if bool(self.classes) == (self.classes_file is not None):
            raise UsageError("import needs the names of the classes: --classes, or --classes-file")


def run(arguments: Arguments, output: Output) -> dict[str, Any]:
    """Read and store."""
    check_output(arguments.out, resume=False, overwrite=arguments.overwrite)
    classes = arguments.classes
    if arguments.classes_file is not None:
        classes = read_class_names(arguments.classes_file)
    made = import_tensors(
        arguments.file,
        arguments.out,
        classes,
        arguments.content,
        codec=arguments.codec,
        overwrite=arguments.overwrite,
    )
    low, high = made.stored.extremes
    frames, _, height, width = made.shape
    output.say(
        f"{made.folder}: {len(made)} videos of {len(made.classes)} classes, {frames} frames of "
        f"{width}×{height}, values {low:.2f} to {high:.2f} (real videos have 0 to 1), {size_text(made.bytes)}"
    )
    return {
        "out": str(made.folder),
        "classes": list(made.classes),
        "videos": len(made),
        "shape": list(made.shape),
        "soft_labels": made.soft_labels is not None,
        "values": [low, high],
        "paper_mb": made.paper_mb,
        "bytes": made.bytes,
    }
