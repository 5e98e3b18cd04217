"""What is fuzzed with values that hypothesis makes: frame positions, options, sizes."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import hypothesis
from hypothesis import HealthCheck, Phase
from hypothesis import strategies as st

from vidcondense.errors import VidcondenseError
from vidcondense.options import parse_bytes
from vidcondense.recipe import Recipe, from_keys, keys_of, to_keys
from vidcondense.video.sampling import ClipOptions, clip_indices

ROUND = 100  # examples

_SETTINGS = hypothesis.settings(
    max_examples=ROUND,
    database=None,
    deadline=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=list(HealthCheck),
    print_blob=False,
)

_NUMBERS = st.one_of(st.integers(), st.integers(-2, 70), st.floats(), st.floats(0, 1), st.booleans())
_TEXTS = st.one_of(
    st.text(max_size=30), st.sampled_from(["prism", "dm", "random", "uint8", "auto", "convnet3d"])
)
_VALUES = st.recursive(
    st.one_of(_NUMBERS, _TEXTS, st.dates()),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=2)
    ),
    max_leaves=5,
)


@dataclass(frozen=True, kw_only=True)
class PropertyTarget:
    """Values of a kind, and what must hold for each.

    Attributes:
        values: makes them.
        check: raises an error of ours, or returns; a crash is any other error.
    """

    values: st.SearchStrategy[Any]
    check: Callable[[Any], None]

    def attempt(self, seed: int, number: int) -> tuple[int, int]:
        """Round `number`; how many values were tried, and how many of them were accepted."""
        tried, accepted = 0, 0

        @hypothesis.seed(hash((seed, number)))
        @_SETTINGS
        @hypothesis.given(self.values)
        def run(value: Any) -> None:
            nonlocal tried, accepted
            tried += 1
            try:
                self.check(value)
            except VidcondenseError:
                return
            accepted += 1

        run()
        return tried, accepted


def check_positions(value: tuple[int, dict[str, Any], int]) -> None:
    """Clips have the length they must have, and never a frame that is not there."""
    frames, options, seed = value
    clips = clip_indices(frames, (made := ClipOptions(**options)), seed)
    assert len(clips) == made.clips_per_video
    assert all(len(clip) == made.num_frames and min(clip) >= 0 and max(clip) < frames for clip in clips)
    if frames >= (made.num_frames - 1) * made.stride + 1:
        assert all(b - a == made.stride for clip in clips for a, b in itertools.pairwise(clip))


def check_options(value: dict[str, Any]) -> None:
    """Options that are accepted can be written down and read again."""
    recipe = from_keys(Recipe, value)
    assert from_keys(Recipe, to_keys(recipe)) == recipe


def check_size(text: str) -> None:
    assert 0 < parse_bytes(text, "memory") < 2**63


_POSITIONS = st.tuples(
    st.one_of(st.integers(0, 40), st.integers(-1, 40_000)),
    st.fixed_dictionaries(
        {},
        optional={
            "num_frames": st.one_of(st.integers(1, 40), st.integers(-1, 1025)),
            "stride": st.one_of(st.integers(1, 8), st.integers(-1, 1025)),
            "clips_per_video": st.integers(0, 10),
            "placement": st.sampled_from(["centre", "random"]),
            "short": st.sampled_from(["stride", "repeat", "loop", "reject"]),
        },
    ),
    st.integers(0, 2**63 - 1),
)
_KEYS = st.dictionaries(
    st.one_of(st.sampled_from(sorted(keys_of(Recipe))), st.text(max_size=8)), _VALUES, max_size=3
)
_SIZES = st.one_of(
    st.text(max_size=12),
    st.from_regex(r"\A\d{1,400}(\.\d{1,5})? ?[kMGTP]?B?\Z"),
    st.text("0123456789.,+-eE_ kKmMgGtTiBb\n٣", max_size=12),
)

PROPERTY_TARGETS = {
    "frame positions": PropertyTarget(values=_POSITIONS, check=check_positions),
    "options": PropertyTarget(values=_KEYS, check=check_options),
    "sizes": PropertyTarget(values=_SIZES, check=check_size),
}
