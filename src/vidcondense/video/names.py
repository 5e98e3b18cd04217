"""What the names of video files say: their ending, and the recording they were cut from."""

from __future__ import annotations

import re
import unicodedata

from vidcondense.media import VIDEO_SUFFIXES

_UCF = re.compile(r"_(g\d{2,})_c\d{2,}$")
_HMDB = re.compile(r"(.+)_[fhlu]_(?:cm|nm)_np\d+_(?:ba|fr|le|ri)_(?:bad|goo|med)_\d+$", re.DOTALL)
_KINETICS = re.compile(r"([\w-]{11})_\d{6}_\d{6}$", re.ASCII)


def without_ending(path: str) -> str:
    """A path without the ending of a video file; other dots belong to the name."""
    before, dot, ending = path.rpartition(".")
    return before if f"{dot}{ending}".lower() in VIDEO_SUFFIXES else path


def folded(path: str) -> str:
    """A path as it compares when case and the composition of accents do not count."""
    return unicodedata.normalize("NFC", path).casefold()


def source_of(stem: str, class_name: str) -> str | None:
    """The recording that a name (without folder and ending) tells, or None where it tells none.

    Known are UCF's group (`v_Diving_g01_c02` → `g01`), HMDB's film (`April_09_brush_hair_u_nm_np1_ba_goo_0` →
    `April_09`), and Kinetics' YouTube id (`-0abcdefghi_000010_000020` → `-0abcdefghi`).
    """
    if match := _UCF.search(stem):
        return match[1]
    if film := _film_of(stem, class_name):
        return film
    match = _KINETICS.match(stem)
    return match[1] if match else None


def group_of(stem: str, class_name: str) -> str | None:
    """The source group that a name tells, among all classes; None where it tells none.

    UCF numbers the groups of each class by themselves; a film of HMDB is the same in all of them.
    """
    source = source_of(stem, class_name)
    return source if source is None or _film_of(stem, class_name) else f"{class_name}/{source}"


def _film_of(stem: str, class_name: str) -> str | None:
    match = None if _UCF.search(stem) else _HMDB.match(stem)
    return match[1].removesuffix(f"_{class_name}") if match else None
