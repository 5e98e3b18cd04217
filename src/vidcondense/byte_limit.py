"""The budget of a condensation that is under way: what its set would weigh if it were stored now."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from vidcondense.interfaces import Representation
from vidcondense.settings import CondenseOptions
from vidcondense.storage.budget import Encode, encode_within
from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.storage.condensed import Origin, encoder
from vidcondense.storage.labels import SoftLabels
from vidcondense.storage.stored import coding_of

_LONGEST = -2.2250738585072014e-308  # no float takes more characters in a manifest


@dataclass(frozen=True, kw_only=True)
class ByteLimit:
    """How many bytes the set may take.

    Args:
        budget: bytes of payload and manifest.
        options: of the condensation.
        origin: the rest of the manifest.
    """

    budget: int
    options: CondenseOptions
    origin: Origin

    def fits(self, videos: Representation, labels: SoftLabels | None, learned: Mapping[str, float]) -> bool:
        """Whether the set keeps to the budget as it is, at the quality and the bits that are asked for.

        Args:
            videos: of all classes.
            labels: learned with them.
            learned: beside them, by name; counted with the longest numbers that there are.
        """
        return self._encoder(videos, labels, learned)(self.options.coding()).bytes <= self.budget

    def check_start(
        self, videos: Representation, labels: SoftLabels | None, learned: Mapping[str, float]
    ) -> Coding:
        """How the set is to be coded, as far as the budget decides it before anything is learned.

        Of compressed frames nobody knows yet how many bytes they will take: what is asked for is to be tried.

        Args:
            videos: at their start.
            labels: learned with them.
            learned: beside them, by name.

        Raises:
            LimitError: not even the fewest bits would do.
        """
        codec, asked = self.options.codec, self.options.coding()
        if CODECS[codec].packed:
            return asked
        return coding_of(
            encode_within(self.budget, self._encoder(videos, labels, learned), codec, asked).manifest
        )

    def _encoder(
        self, videos: Representation, labels: SoftLabels | None, learned: Mapping[str, float]
    ) -> Encode:
        origin = replace(self.origin, learned=dict.fromkeys(learned, _LONGEST))
        return encoder(videos, self.options.codec, origin, labels)
