from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from vidcondense.training.augment import (
    AUGMENTATIONS,
    Augmentation,
    SiameseAugmentation,
    augmenting,
    draw_augmentation,
    siamese_draw,
)

SHAPE = (3, 4, 3, 16, 12)


def videos_of(seed=0):
    return torch.randn(SHAPE, generator=torch.Generator().manual_seed(seed))


def numbers_of(seed=0):
    return torch.rand(SHAPE[0], 3, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_every_frame_of_a_clip_is_treated_alike(kind):
    """A clip of one frame, repeated, stays one: what is drawn belongs to the clip."""
    still = videos_of()[:, :1].expand(SHAPE).contiguous()
    augmented = Augmentation(kind, numbers_of())(still)
    torch.testing.assert_close(augmented, augmented[:, :1].expand(SHAPE))
    assert not augmented.equal(still)


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_each_clip_by_its_own_numbers_or_all_by_one_row(kind):
    videos, numbers = videos_of(), numbers_of()
    together = Augmentation(kind, numbers)(videos)
    for clip in range(len(videos)):
        alone = Augmentation(kind, numbers[clip : clip + 1])(videos[clip : clip + 1])
        torch.testing.assert_close(together[clip : clip + 1], alone)
    one_row = Augmentation(kind, numbers[:1])(videos)
    torch.testing.assert_close(one_row, Augmentation(kind, numbers[:1].expand(3, 3))(videos))


@pytest.mark.parametrize("kind", AUGMENTATIONS)
def test_gradients_against_finite_differences(kind):
    videos = videos_of().double().requires_grad_()
    augmentation = Augmentation(kind, numbers_of().double())
    weight = videos_of(1).double()
    (gradient,) = torch.autograd.grad((augmentation(videos) * weight).sum(), [videos])
    direction = videos_of(2).double()
    with torch.no_grad():
        up, down = ((augmentation(videos + s * 1e-4 * direction) * weight).sum() for s in (1, -1))
    assert float((up - down) / 2e-4) == pytest.approx(float((gradient * direction).sum()), rel=1e-5)


def test_colour_by_hand():
    videos, numbers = videos_of(), numbers_of()
    for clip, (b, s, c) in enumerate(numbers.tolist()):
        pixels = videos[clip].numpy().astype(np.float64) + (b - 0.5)
        grey = pixels.mean(1, keepdims=True)
        pixels = (pixels - grey) * 2 * s + grey
        pixels = (pixels - pixels.mean()) * (c + 0.5) + pixels.mean()
        found = Augmentation("colour", numbers)(videos)[clip]
        np.testing.assert_allclose(found.numpy(), pixels, atol=1e-4)


@pytest.mark.parametrize(
    ("row", "shift"), [((0.0, 0.0), (2, 2)), ((0.99, 0.5), (-2, 0)), ((0.5, 0.99), (0, -2))]
)
def test_crop_shifts_and_fills_with_zero(row, shift):
    videos = videos_of()
    found = Augmentation("crop", torch.tensor([[*row, 0.0]]))(videos)
    height, width = SHAPE[3:]
    for y in range(height):
        for x in range(width):
            there = (y - shift[0], x - shift[1])
            inside = 0 <= there[0] < height and 0 <= there[1] < width
            expected = videos[..., there[0], there[1]] if inside else torch.zeros(SHAPE[:3])
            assert found[..., y, x].equal(expected)


def test_crop_reaches_every_shift_equally_often():
    picture = torch.zeros(1, 1, 3, 16, 16)
    picture[..., 8, 8] = 1
    tops = []
    for step in range(100):
        found = Augmentation("crop", torch.tensor([[step / 100, 0.5, 0.0]]))(picture)
        tops.append(int(found[0, 0, 0].nonzero()[0, 0]))
    assert sorted(set(tops)) == [6, 7, 8, 9, 10]
    assert all(tops.count(top) == 20 for top in set(tops))


def test_cutout_zeroes_one_square_and_nothing_else():
    videos = torch.ones(SHAPE)
    for seed in range(20):
        found = Augmentation("cutout", numbers_of(seed))(videos)
        assert set(found.unique().tolist()) <= {0.0, 1.0}
        for clip in found:
            holes = (clip[0, 0] == 0).nonzero()
            assert len(holes) > 0
            rows, columns = holes[:, 0].unique(), holes[:, 1].unique()
            assert len(holes) == len(rows) * len(columns)
            assert 4 <= len(rows) <= 8
            assert 3 <= len(columns) <= 6


def test_flip_mirrors_half_of_the_clips():
    videos = videos_of()
    numbers = torch.tensor([[0.49, 0.0, 0.0], [0.5, 0.0, 0.0], [0.9, 0.0, 0.0]])
    found = Augmentation("flip", numbers)(videos)
    assert found[0].equal(videos[0].flip(-1))
    assert found[1:].equal(videos[1:])


def test_scale_and_rotate_at_rest_change_nothing():
    videos = videos_of()
    rest = (1 - 1 / 1.2) / (1.2 - 1 / 1.2)
    torch.testing.assert_close(Augmentation("scale", torch.full((1, 3), rest))(videos), videos)
    torch.testing.assert_close(Augmentation("rotate", torch.full((1, 3), 0.5))(videos), videos)


def test_rotate_moves_a_point_by_the_drawn_angle():
    size = 65
    picture = torch.zeros(1, 1, 3, size, size)
    picture[..., 32, 57] = 1  # 25 pixels to the right of the centre
    found = Augmentation("rotate", torch.tensor([[1.0, 0.0, 0.0]]))(picture)[0, 0, 0]
    rows, columns = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    y = float((found * rows).sum() / found.sum()) - 32
    x = float((found * columns).sum() / found.sum()) - 32
    assert math.hypot(x, y) == pytest.approx(25, abs=0.5)
    assert abs(math.degrees(math.atan2(y, x))) == pytest.approx(15, abs=0.5)


def test_draws_are_seeded_cover_all_kinds_and_mirror_only_where_allowed():
    def drawn(seed, mirror):
        return draw_augmentation(torch.Generator().manual_seed(seed), mirror=mirror, clips=2)

    assert {drawn(seed, True).kind for seed in range(60)} == set(AUGMENTATIONS)
    assert {drawn(seed, False).kind for seed in range(60)} == set(AUGMENTATIONS) - {"flip"}
    assert drawn(3, True).numbers.equal(drawn(3, True).numbers)
    assert drawn(3, True).numbers.shape == (2, 3)


def test_siamese_augmentation_is_that_of_each_videos_target():
    draws = tuple(siamese_draw(0, 3, target, mirror=True) for target in range(12))
    assert len({draw.kind for draw in draws}) > 3
    targets = torch.randint(12, (40,), generator=torch.Generator().manual_seed(0))
    videos = torch.randn(40, *SHAPE[1:], generator=torch.Generator().manual_seed(1)).requires_grad_()
    found = SiameseAugmentation(draws)(videos, targets)
    expected = torch.cat(
        [draws[int(target)](video[None]) for video, target in zip(videos, targets, strict=True)]
    )
    torch.testing.assert_close(found, expected)
    pulls = [torch.autograd.grad(each.square().sum(), [videos])[0] for each in (found, expected)]
    torch.testing.assert_close(*pulls)


def test_a_training_augments_each_batch_anew_and_each_clip_apart():
    still = videos_of()[:1].expand(SHAPE).contiguous()
    ours, again, other = (augmenting(seed, mirror=True) for seed in (1, 1, 2))
    batches = [ours(still) for _ in range(40)]
    assert all(first.equal(second(still)) for first, second in zip(batches, [again] * 40, strict=True))
    assert not batches[0].equal(other(still))
    assert not batches[0].equal(batches[1])
    apart = [not batch[0].equal(batch[1]) or not batch[1].equal(batch[2]) for batch in batches]
    assert sum(apart) > 30


def test_a_training_mirrors_only_where_that_keeps_the_label():
    videos = videos_of()

    def mirrored(mirror):
        augment = augmenting(0, mirror=mirror)
        batches = [augment(videos) for _ in range(60)]
        return any(batch[clip].equal(videos[clip].flip(-1)) for batch in batches for clip in range(3))

    assert mirrored(True)
    assert not mirrored(False)
