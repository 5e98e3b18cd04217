"""The same set with a teacher's soft labels."""

from __future__ import annotations

from pathlib import Path

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.errors import DataError
from vidcondense.files import sha256_of_file
from vidcondense.models.saved import WEIGHTS, NetworkDescription, load_network
from vidcondense.options import require
from vidcondense.storage.condensed import CondensedDataset, load_condensed, put_in_place, save_labelled
from vidcondense.storage.labels import MAX_VIEWS, TEACHER, labelled_views
from vidcondense.storage.workspace import owned_output
from vidcondense.training.predict import predict
from vidcondense.training.units import change_units


def relabel_condensed(
    made: CondensedDataset,
    out: Path,
    teacher: Path,
    *,
    temperature: float = 1.0,
    views: int = 0,
    seed: int = 0,
    compute: Compute,
    trust_code: bool = False,
    overwrite: bool = False,
) -> CondensedDataset:
    """Store a set, as it was read, with soft labels beside its hard ones: softmax(logits / temperature).

    The teacher sees every video as a student will, rendered from what is stored and augmented alike, but in
    the units that it was itself trained in.

    Args:
        made: what to label; older soft labels are replaced.
        out: the folder to make.
        teacher: a folder that `save_network` or `vidcondense train` wrote.
        temperature: a higher one gives flatter labels.
        views: label so many augmented views of every video, each by itself; 0: the video as it is.
        seed: of these augmentations.
        compute: where the teacher runs.
        trust_code: import and run the `package.module:factory` that the teacher names, if it names one.
        overwrite: replace an older set at `out`.

    Returns:
        The new set, as read back from the disk.

    Raises:
        UsageError: a number is out of range, or the teacher is code that is not trusted.
        DataError: the teacher is of other classes or clips, or damaged; or its logits are not finite.
        OutputError: `out` exists, or cannot be written.
    """
    require(temperature > 0, "temperature", temperature, "must be a positive number")
    require(0 <= views <= MAX_VIEWS, "views", views, f"must be from 0 to {MAX_VIEWS}")
    rng.check_seed(seed)
    network, description = load_network(teacher, compute, trust_code=trust_code)
    _check_fits(made, teacher, description)
    units = change_units(
        made.mean, made.std, made.mean.new_tensor(description.mean), made.std.new_tensor(description.std)
    )
    labelling = {
        "kind": TEACHER,
        "teacher": description.model,
        "teacher_sha256": sha256_of_file(teacher / WEIGHTS),
        "temperature": temperature,
        "views": views,
        "seed": seed,
    }
    clips = labelled_views(made, labelling, mirror=made.flip)
    logits = predict(network, clips, compute=compute, prepare=units)
    if not bool(logits.isfinite().all()):
        raise DataError(f"the teacher {teacher} gives logits that are not finite; train another")
    with owned_output(out, resume=False, overwrite=overwrite) as work:
        save_labelled(work, made, (logits / temperature).softmax(dim=1), labelling)
        put_in_place(work, out)
    return load_condensed(out)


def _check_fits(made: CondensedDataset, teacher: Path, description: NetworkDescription) -> None:
    if description.classes != made.classes:
        raise DataError(
            f"the teacher {teacher} knows {len(description.classes)} classes that are not the "
            f"{len(made.classes)} of {made.folder}; train one on the same classes"
        )
    num_frames, _, height, width = made.shape
    wanted = (description.num_frames, description.size, description.size)
    if (num_frames, height, width) != wanted:
        raise DataError(
            f"the teacher {teacher} takes {wanted[0]} frames of {wanted[1]}×{wanted[2]}, "
            f"{made.folder} has {num_frames} of {height}×{width}; train one on such clips"
        )
