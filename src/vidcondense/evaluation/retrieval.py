"""Action retrieval: which training clips are nearest to a test clip in the features of a network."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from jaxtyping import Bool, Float, Int
from torch import Tensor

RANKS = (1, 5, 10)
"""The k of the R@k that papers report."""

_CHUNK = 256  # queries at a time: bounds the memory of the similarities


def retrieve(
    query: Float[Tensor, "q d"],
    gallery: Float[Tensor, "g d"],
    query_labels: Int[Tensor, " q"],
    gallery_labels: Int[Tensor, " g"],
    ranks: Sequence[int] = RANKS,
) -> Bool[Tensor, "r q"]:
    """Whether one of the k gallery clips nearest to a query has its label; the mean over queries is R@k.

    Near is what has a large cosine. A feature vector of zeros has the cosine 0 to all.

    Args:
        query: features of the test clips.
        gallery: features of the training clips.
        query_labels: class ids.
        gallery_labels: class ids.
        ranks: the values of k, none larger than the gallery.
    """
    directions = F.normalize(gallery, dim=1)
    found = []
    for part, labels in zip(torch.split(query, _CHUNK), torch.split(query_labels, _CHUNK), strict=True):
        nearest = (F.normalize(part, dim=1) @ directions.T).topk(max(ranks), dim=1).indices
        right = gallery_labels[nearest] == labels[:, None]
        found.append(torch.stack([right[:, :rank].any(dim=1) for rank in ranks]))
    return torch.cat(found, dim=1)
