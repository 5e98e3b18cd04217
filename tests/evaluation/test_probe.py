from __future__ import annotations

import numpy as np
import pytest
import scipy.optimize
import scipy.special
import torch

from vidcondense.evaluation.probe import linear_probe

NUM, DIM, CLASSES = 60, 5, 3


def clips(seed: int, num: int = NUM) -> tuple[torch.Tensor, torch.Tensor]:
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(num) % CLASSES
    features = torch.randn(num, DIM, generator=stream)
    features[torch.arange(num), labels] += 1
    return 10 * features + 3, labels


@pytest.mark.parametrize("decay", [1e-3, 0.1])
def test_against_scipy(decay):
    """The same convex objective, written in NumPy and minimised by another program."""
    (features, labels), (asked, _) = clips(0), clips(1, 20)
    x = features.double().numpy()
    mean, std = x.mean(axis=0), x.std(axis=0)
    x = (x - mean) / std

    def objective(flat: np.ndarray) -> float:
        weights, biases = flat[:-CLASSES].reshape(DIM, CLASSES), flat[-CLASSES:]
        logits = x @ weights + biases
        right = logits[np.arange(NUM), labels.numpy()]
        return np.mean(scipy.special.logsumexp(logits, axis=1) - right) + decay / 2 * np.sum(weights**2)

    best = scipy.optimize.minimize(
        objective, np.zeros(DIM * CLASSES + CLASSES), options={"gtol": 1e-7, "maxiter": 2000}
    ).x
    weights, biases = best[:-CLASSES].reshape(DIM, CLASSES), best[-CLASSES:]
    expected = (asked.double().numpy() - mean) / std @ weights + biases
    found = linear_probe(features, labels, asked, num_classes=CLASSES, decay=decay).double().numpy()
    # Logits are defined up to a constant a clip.
    expected, found = (each - each.mean(axis=1, keepdims=True) for each in (expected, found))
    np.testing.assert_allclose(found, expected, atol=2e-4)


def test_scale_of_the_features_does_not_matter():
    (features, labels), (asked, _) = clips(0), clips(1, 20)
    found = linear_probe(features, labels, asked, num_classes=CLASSES, decay=0.01)
    scaled = linear_probe(features * 1e-4, labels, asked * 1e-4, num_classes=CLASSES, decay=0.01)
    torch.testing.assert_close(scaled, found, atol=1e-3, rtol=1e-3)


def test_dead_feature_and_absent_class():
    (features, labels), (asked, _) = clips(0), clips(1, 20)
    features[:, 1], asked[:, 1] = 7.0, 7.0
    found = linear_probe(features, labels, asked, num_classes=CLASSES + 1, decay=0.01)
    assert found.isfinite().all()
    assert (found.argmax(dim=1) < CLASSES).all()  # nothing is ever classified as what was never seen


def test_works_where_gradients_are_off():
    (features, labels), (asked, _) = clips(0), clips(1, 20)
    with torch.no_grad():
        found = linear_probe(features, labels, asked, num_classes=CLASSES, decay=0.01)
    assert not found.requires_grad
    assert found.std() > 0.1
