from __future__ import annotations

import numpy as np
import pytest
import torch
from torchmetrics.functional.retrieval import retrieval_hit_rate

from vidcondense.evaluation.retrieval import retrieve


def random_features(num: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    labels = torch.randint(4, (num,), generator=stream)
    features = torch.randn(num, 6, generator=stream)
    features[torch.arange(num), labels] += 0.5
    return features * (1 + torch.arange(num)[:, None]), labels  # lengths must not matter


@pytest.mark.parametrize("num_queries", [7, 300])
def test_against_a_loop_over_cosines(num_queries):
    (query, asked), (gallery, labels) = random_features(num_queries, 0), random_features(40, 1)
    found = retrieve(query, gallery, asked, labels, ranks=[1, 3, 10])
    for i, vector in enumerate(query.double().numpy()):
        cosines = [
            vector @ other / np.linalg.norm(vector) / np.linalg.norm(other)
            for other in gallery.double().numpy()
        ]
        nearest = labels[np.argsort(cosines)[::-1].copy()]
        expected = [bool((nearest[:rank] == asked[i]).any()) for rank in (1, 3, 10)]
        assert found[:, i].tolist() == expected
    assert 0 < found[0].double().mean() < found[2].double().mean()


def test_against_torchmetrics():
    (query, asked), (gallery, labels) = random_features(20, 2), random_features(30, 3)
    cosines = torch.nn.functional.cosine_similarity(query[:, None], gallery[None], dim=2)
    for rank, hits in zip([1, 5], retrieve(query, gallery, asked, labels, ranks=[1, 5]), strict=True):
        for scores, label, hit in zip(cosines, asked, hits, strict=True):
            assert float(retrieval_hit_rate(scores, labels == label, top_k=rank)) == float(hit)


def test_zero_features_find_nothing_in_particular():
    """A dead network gives no NaN."""
    found = retrieve(
        torch.zeros(2, 3), torch.zeros(5, 3), torch.tensor([0, 9]), torch.zeros(5).long(), [1, 5]
    )
    assert found.tolist() == [[True, False], [True, False]]
