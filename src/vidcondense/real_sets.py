"""Sets of real clips: from the name of a selection to the clips that it keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vidcondense.assembly import key_frame_size
from vidcondense.compute import Compute
from vidcondense.events import Listener
from vidcondense.interfaces import Indices, RealClips
from vidcondense.methods import METHODS, SelectionName
from vidcondense.selection.best import Rendered, select_best
from vidcondense.selection.coreset import Rule, herding, k_center, select_by
from vidcondense.selection.features import clips_seen, feature_networks
from vidcondense.selection.random import select_random
from vidcondense.settings import CondenseOptions
from vidcondense.synthetic.keyframes import KeyFrameVideos, downsample, spread_mask

Select = Callable[[RealClips, CondenseOptions, Compute, Listener], Indices]


def selected_videos(
    real: RealClips, options: CondenseOptions, compute: Compute, listener: Listener
) -> KeyFrameVideos:
    """The real clips that the method keeps: all frames, or key frames with the others interpolated."""
    name = METHODS[options.method].select
    assert name is not None, "a method that learns"
    return _kept(SELECTIONS[name](real, options, compute, listener), real, options, compute)


def _kept(indices: Indices, real: RealClips, options: CondenseOptions, compute: Compute) -> KeyFrameVideos:
    frames = downsample(real.batch(indices), key_frame_size(real.shape, options))
    mask = spread_mask(len(frames), frames.shape[1], options.initial_key_frames or frames.shape[1])
    return KeyFrameVideos(
        compute.move(frames),
        compute.move(mask),
        real.labels[indices],
        real.shape[2:],
        options.upsampling,
    )


def training_steps(options: CondenseOptions) -> int:
    """How many training steps the selection takes."""
    select = options.select
    if options.method == "best-of-random":
        return select.draws * select.draw_networks * select.draw_steps
    by_features = METHODS[options.method].select in ("herding", "k-center")
    trained = by_features and select.features == "trained"
    return select.num_feature_networks * select.feature_steps if trained else 0


def _by_features(rule: Rule) -> Select:
    def select(real: RealClips, options: CondenseOptions, compute: Compute, listener: Listener) -> Indices:
        networks = feature_networks(
            real, options.match.model, options.select, seed=options.seed, compute=compute
        )
        chunk = options.match.chunk_of(real.shape)
        chosen = select_by(rule, real, options.vpc, networks, compute, min(64, chunk))
        listener({"kind": "features", "clips": clips_seen(real, options.select)})
        return chosen

    return select


def _best(real: RealClips, options: CondenseOptions, compute: Compute, listener: Listener) -> Indices:
    def keep(indices: Indices) -> Rendered:
        videos = _kept(indices, real, options, compute)
        return Rendered(videos.render(0), videos.labels, real)

    return select_best(
        real,
        options.vpc,
        options.match.model,
        options.select,
        seed=options.seed,
        compute=compute,
        listener=listener,
        keep=keep,
        chunk=min(64, options.match.chunk_of(real.shape)),
    )


SELECTIONS: Mapping[SelectionName, Select] = {
    "random": lambda real, options, compute, listener: select_random(real, options.vpc, options.seed),
    "herding": _by_features(herding),
    "k-center": _by_features(k_center),
    "best-of-random": _best,
}
"""How real clips are chosen."""
