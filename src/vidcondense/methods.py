"""The table of methods: what each is made of, with its paper.

A method that learns is a row of stages, each a representation (`synthetic/`) that must match something
(`matching/`), with or without insertion of key frames (`insertion/`). The others select real clips
(`selection/`). The names here are those of the parts in `assembly.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from vidcondense.matching.options import MatcherName

Init = Literal["noise", "real"]

RepresentationName = Literal["sparse", "dense", "still", "static", "static-dynamic"]
SelectionName = Literal["random", "herding", "k-center", "best-of-random"]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """One stage of learning.

    Args:
        videos: how the videos are represented.
        match: what they may be made to match; the first is the default.
        insertion: whether key frames are inserted.
        init: what the videos start from, unless the user says otherwise.
    """

    videos: RepresentationName
    match: tuple[MatcherName, ...]
    insertion: bool = False
    init: Init = "noise"


@dataclass(frozen=True, kw_only=True)
class Method:
    """A way to make a condensed set: either `stages` or `select`.

    Args:
        summary: one line for a person.
        source: where it was published.
        stages: of learning, in order; what the last one learned is the set.
        select: how real clips are chosen that are kept as they are.
    """

    summary: str
    source: str
    stages: tuple[Stage, ...] = ()
    select: SelectionName | None = None


METHODS: Mapping[str, Method] = {
    "prism": Method(
        summary="sparse key frames, inserted where gradients conflict; distribution matching",
        source="PRISM, CVPR 2026 (arXiv 2505.22564)",
        stages=(Stage(videos="sparse", match=("dm", "dc", "dsa", "mtt", "frepo"), insertion=True),),
    ),
    "dm": Method(
        summary="every frame learned; distribution matching",
        source="Zhao and Bilen, WACV 2023 (arXiv 2110.04181)",
        stages=(Stage(videos="dense", match=("dm",), init="real"),),
    ),
    "still": Method(
        summary="one frame a video, shown all the time; distribution matching",
        source="the other end of PRISM's axis; kin: one frame per video (arXiv 2512.14621)",
        stages=(Stage(videos="still", match=("dm", "dc", "dsa", "mtt", "frepo")),),
    ),
    "dc": Method(
        summary="every frame learned; gradient matching",
        source="Zhao, Mopuri and Bilen, ICLR 2021 (arXiv 2006.05929)",
        stages=(Stage(videos="dense", match=("dc",)),),
    ),
    "dsa": Method(
        summary="every frame learned; gradient matching under the same augmentation",
        source="Zhao and Bilen, ICML 2021 (arXiv 2102.08259)",
        stages=(Stage(videos="dense", match=("dsa",), init="real"),),
    ),
    "mtt": Method(
        summary="every frame learned; matching the training trajectories of experts",
        source="Cazenavette et al., CVPR 2022 (arXiv 2203.11932)",
        stages=(Stage(videos="dense", match=("mtt",), init="real"),),
    ),
    "frepo": Method(
        summary="every frame and the labels learned; kernel ridge regression on a network's features",
        source="Zhou, Nezhadarya and Ba, NeurIPS 2022 (arXiv 2206.00719)",
        stages=(Stage(videos="dense", match=("frepo",), init="real"),),
    ),
    "static-dynamic": Method(
        summary="still images by gradient matching, then dynamics and a convolution by distribution matching",
        source="Wang, Xu, Lu and Li, CVPR 2024 (arXiv 2312.00362)",
        stages=(
            Stage(videos="static", match=("dc",)),
            Stage(videos="static-dynamic", match=("dm", "dc", "dsa", "mtt", "frepo")),
        ),
    ),
    "random": Method(
        summary="random real clips of the same number, the control",
        source="-",
        select="random",
    ),
    "herding": Method(
        summary="real clips whose mean feature stays nearest to that of their class",
        source="Welling, ICML 2009; as in iCaRL (arXiv 1611.07725)",
        select="herding",
    ),
    "k-center": Method(
        summary="real clips that leave no clip of their class far away",
        source="Gonzalez 1985; Sener and Savarese, ICLR 2018 (arXiv 1708.00489)",
        select="k-center",
    ),
    "best-of-random": Method(
        summary="the best of several random draws, chosen on training clips of other sources",
        source="-",
        select="best-of-random",
    ),
}
