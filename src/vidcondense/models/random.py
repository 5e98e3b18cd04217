"""Which random network an iteration uses: a new one, or one of a pool whose members are replaced in turn.

What real clips look like to a network need be computed once for each network, so reuse saves most of the
work of distribution matching. Reuse in a row lets the videos fit that one network; a pool that is never
refreshed lets them fit all of it. So the members are used in turn, and replaced at different times.
"""

from __future__ import annotations

from vidcondense import rng
from vidcondense.compute import Compute
from vidcondense.models import VideoNetwork, network_for


def network_number(iteration: int, pool: int, uses: int) -> int:
    """The number of the network of an iteration; equal numbers mean the same network.

    The pool has `pool` places, used in turn. The network in a place is replaced after `uses` uses; the places
    are `uses` / `pool` uses apart, so that they are not all replaced together. With one place and one use
    each iteration has a network of its own.

    Args:
        iteration: from 0.
        pool: how many networks there are at a time, at least 1.
        uses: in how many iterations each is used, at least 1 (in the beginning, fewer in some places).
    """
    place, turn = iteration % pool, iteration // pool
    generation = (turn + place * uses // pool) // uses
    return generation * pool + place


def random_network(
    model: str,
    shape: tuple[int, int, int, int],
    num_classes: int,
    *,
    seed: int,
    number: int,
    compute: Compute,
) -> VideoNetwork:
    """A newly initialised network in evaluation mode: every video is treated alone.

    Args:
        model: a key of `MODELS`, or one of the user's own.
        shape: `(T, C, H, W)` of the clips.
        num_classes: K.
        seed: of the condensation.
        number: which of its networks; each has a seed of its own.
        compute: where it runs.
    """
    own = rng.derive_seed(seed, "network", number)
    return network_for(model, shape, num_classes, seed=own, compute=compute).eval()
