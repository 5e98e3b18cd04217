"""The table of methods: what each is made of, with its paper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Init = Literal["noise", "real"]


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to make a condensed set.

    Args:
        summary: one line for a person.
        source: where it was published.
        kind: `select` keeps real clips as they are; `dense` learns every frame; `sparse` learns key frames.
        init: what the frames start from, unless the user says otherwise.
    """

    summary: str
    source: str
    kind: Literal["select", "dense", "sparse"]
    init: Init = "noise"


METHODS: Mapping[str, Method] = {
    "prism": Method(
        summary="sparse key frames, inserted where gradients conflict; distribution matching",
        source="PRISM, CVPR 2026 (arXiv 2505.22564)",
        kind="sparse",
    ),
    "dm": Method(
        summary="every frame learned; distribution matching",
        source="Zhao and Bilen, WACV 2023 (arXiv 2110.04181)",
        kind="dense",
        init="real",
    ),
    "random": Method(
        summary="random real clips of the same number, the control",
        source="-",
        kind="select",
        init="real",
    ),
}
