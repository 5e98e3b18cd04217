"""What a condensed set recorded about its data, as options to read the same clips again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from vidcondense.cli.output import Output
from vidcondense.errors import FormatError, UsageError
from vidcondense.options import as_json, changed_fields
from vidcondense.storage.condensed import CondensedDataset
from vidcondense.storage.stored import coding_of
from vidcondense.video.index import DataOptions
from vidcondense.video.sampling import ClipOptions

_DATA: dict[str, type | tuple[type, ...]] = {
    "layout": str,
    "fold": int,
    "split_seed": int,
    "test_fraction": float,
    "classes": list,
    "max_per_class": int,
    "flip": bool,
}
_CLIP: dict[str, type | tuple[type, ...]] = {"stride": int, "short": str}


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """How to read a set's data."""

    data: DataOptions
    clip: ClipOptions

    def differences(self, other: Recorded) -> list[str]:
        """How two differ: `stride: 4 → 2`."""
        ours = {**as_json(self.data), **as_json(self.clip)}
        return changed_fields(ours, {**as_json(other.data), **as_json(other.clip)})


def recorded_of(clips: CondensedDataset, given: Mapping[str, Any], shared: DataOptions) -> Recorded:
    """The options recorded in a set's manifest, with `given` in their place where there is something.

    Frames and size are those of the set's videos. Centre clips, one a video.

    Args:
        clips: the set.
        given: options by name that overrule the manifest.
        shared: what no manifest records: workers, cache, tolerance.

    Raises:
        FormatError: the manifest's record makes no sense.
    """
    num_frames, _, height, width = clips.shape
    if height != width:
        raise FormatError(f"{clips.folder}: videos of {width}×{height} pixels; real clips are square")
    recorded = clips.manifest["data"]
    found = {
        name: recorded[name]
        for name, kind in {**_DATA, **_CLIP}.items()
        if recorded.get(name) is not None and _is(recorded[name], kind, name, clips)
    }
    if not all(isinstance(name, str) for name in found.get("classes", ())):
        raise FormatError(f"{clips.folder}: its record of the data has classes that are no text")
    found["classes"] = tuple(found.get("classes", ()))
    found |= given
    try:
        return Recorded(
            data=replace(shared, **{name: found[name] for name in _DATA if name in found}),
            clip=ClipOptions(
                num_frames=num_frames,
                size=height,
                **{name: found[name] for name in _CLIP if name in found},
            ),
        )
    except UsageError as error:
        raise error if given else FormatError(f"{clips.folder}: its record of the data: {error}") from error


def note_lowered(made: CondensedDataset, output: Output) -> None:
    """Say at what quality or bits a set is stored, where its budget allowed no more."""
    options, used = made.manifest["options"], vars(coding_of(made.manifest))
    lowered = {
        name: used[name] for name in ("quality", "bits") if options.get(name, used[name]) != used[name]
    }
    for name, value in lowered.items():
        output.note(f"to keep --budget {options['budget']}: --{name} {value}, not {options[name]}")


def _is(value: object, kind: type | tuple[type, ...], name: str, clips: CondensedDataset) -> bool:
    if not isinstance(value, kind):
        raise FormatError(f"{clips.folder}: its record of the data has {name!r} {value!r}")
    return True
