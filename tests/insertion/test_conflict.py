from __future__ import annotations

import math

import pytest
import torch

from vidcondense.insertion.conflict import Inserter, cosines, gradient_distances, summarise
from vidcondense.insertion.options import InsertionOptions
from vidcondense.synthetic.keyframes import KeyFrameVideos, spread_mask

T = 9


def random_case(seed, num_videos=4, num_frames=T):
    stream = torch.Generator().manual_seed(seed)
    mask = torch.rand(num_videos, num_frames, generator=stream) < 0.3
    mask[:, [0, -1]] = True
    return torch.randn(num_videos, num_frames, 3, 2, 2, generator=stream), mask


def cosine_by_hand(a, b):
    a, b = a.flatten().tolist(), b.flatten().tolist()
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(y * y for y in b))


def conflicts_by_hand(gradient, mask, epsilon):
    """The rule as printed: a double loop over videos and frames."""
    found = torch.zeros_like(mask)
    for n in range(len(mask)):
        for t in range(mask.shape[1]):
            if mask[n, t]:
                continue
            i = max(k for k in range(t) if mask[n, k])
            j = min(k for k in range(t + 1, mask.shape[1]) if mask[n, k])
            found[n, t] = all(cosine_by_hand(gradient[n, t], gradient[n, k]) < epsilon for k in (i, j))
    return found


def inserted(gradient, mask, iteration=50, iterations=100, seed=0, **options):
    """The frames an inserter adds in one iteration."""
    videos = KeyFrameVideos(torch.randn(gradient.shape), mask, torch.zeros(len(mask), dtype=torch.int64))
    inserter = Inserter(InsertionOptions(**options), iterations, mask, seed)
    events, deciding = inserter.after_step(videos, gradient, iteration)
    return videos.mask & ~mask, events, summarise(deciding, inserter.options.epsilon)


@pytest.mark.parametrize("epsilon", [-0.3, 0.0, 0.2])
@pytest.mark.parametrize("seed", range(5))
def test_rule_against_a_double_loop(seed, epsilon):
    gradient, mask = random_case(seed)
    new, events, summary = inserted(gradient, mask, epsilon=epsilon)
    expected = conflicts_by_hand(gradient, mask, epsilon)
    assert new.equal(expected)
    assert summary["conflicts"] == expected.sum() == len(events)


def test_events_tell_video_frame_and_both_cosines():
    gradient, mask = random_case(1)
    new, events, _ = inserted(gradient, mask, epsilon=0.3)
    assert [(event["video"], event["frame"]) for event in events] == [
        tuple(x) for x in new.nonzero().tolist()
    ]
    for event in events:
        n, t = event["video"], event["frame"]
        i = max(k for k in range(t) if mask[n, k])
        j = min(k for k in range(t + 1, T) if mask[n, k])
        assert event["iteration"] == 50
        assert event["cosine_before"] == pytest.approx(
            cosine_by_hand(gradient[n, t], gradient[n, i]), abs=1e-5
        )
        assert event["cosine_after"] == pytest.approx(
            cosine_by_hand(gradient[n, t], gradient[n, j]), abs=1e-5
        )


@pytest.mark.parametrize("scale", [1e-30, 1e-12, 1.0, 1e12])
def test_cosines_do_not_depend_on_the_size_of_gradients(scale):
    gradient, mask = random_case(2)
    torch.testing.assert_close(cosines(gradient * scale, mask).deciding(), cosines(gradient, mask).deciding())


def test_zero_gradient_is_no_conflict_at_epsilon_zero():
    gradient, mask = random_case(3)
    gradient[:, 1:-1] = 0
    assert not inserted(gradient, mask)[0].any()


def test_accumulated_gradient_can_fire_as_derived():
    """T = 3, g = -1, +1, -1: the key frames' accumulated gradients are -0.5, so the middle conflicts."""
    gradient = torch.tensor([-1.0, 1.0, -1.0])[None, :, None, None, None].expand(1, 3, 3, 2, 2)
    assert inserted(gradient, spread_mask(1, 3, 2), match_gradient="accumulated")[0].tolist() == [
        [False, True, False]
    ]
    stronger = gradient * torch.tensor([1.0, 3.0, 1.0])[None, :, None, None, None]
    assert not inserted(stronger, spread_mask(1, 3, 2), match_gradient="accumulated")[0].any()
    assert inserted(stronger, spread_mask(1, 3, 2), match_gradient="rendered")[0].any()


def test_accumulated_gradient_inserts_fewer_frames():
    counts = {}
    for choice in ("rendered", "accumulated"):
        counts[choice] = 0
        for seed in range(20):
            stream = torch.Generator().manual_seed(seed)
            gradient = torch.randn(4, T, 3, 4, 4, generator=stream)
            counts[choice] += int(inserted(gradient, spread_mask(4, T, 2), match_gradient=choice)[0].sum())
    assert counts["accumulated"] < 0.5 * counts["rendered"]


@pytest.mark.parametrize(
    ("iteration", "open_"), [(0, False), (19, False), (20, True), (79, True), (80, False), (99, False)]
)
def test_schedule_bounds(iteration, open_):
    gradient, mask = random_case(4)
    assert conflicts_by_hand(gradient, mask, 0.0).any()
    new, events, summary = inserted(gradient, mask, iteration=iteration)
    assert bool(new.any()) == open_ == bool(events)
    assert summary["conflicts"] > 0


def test_none_inserts_nothing_but_still_reports_cosines():
    gradient, mask = random_case(5)
    new, _, summary = inserted(gradient, mask, insertion="none")
    assert not new.any()
    values = cosines(gradient, mask).deciding()[~mask]
    assert summary["cosine_median"] == pytest.approx(float(values.quantile(0.5)), abs=1e-5)
    assert summary["cosine_low"] <= summary["cosine_median"] <= summary["cosine_high"]


def test_summary_without_free_frames_is_empty():
    gradient = torch.randn(2, T, 3, 2, 2)
    _, events, summary = inserted(gradient, torch.ones(2, T, dtype=torch.bool))
    assert events == []
    assert summary == {"cosine_low": None, "cosine_median": None, "cosine_high": None, "conflicts": 0}


def test_limits_keep_the_strongest_conflicts():
    gradient, mask = random_case(6, num_videos=8)
    wanted = conflicts_by_hand(gradient, mask, 0.3)
    deciding = cosines(gradient, mask).deciding()
    new, _, _ = inserted(gradient, mask, epsilon=0.3, max_per_iteration=1)
    for n in range(8):
        assert new[n].sum() == min(1, wanted[n].sum())
        if wanted[n].any():
            assert deciding[n][new[n]] == deciding[n][wanted[n]].min()
    capped, _, _ = inserted(gradient, mask, epsilon=0.3, max_key_frames=4)
    assert ((mask | capped).sum(1) <= torch.maximum(mask.sum(1), torch.tensor(4))).all()
    assert capped.any()


@pytest.mark.parametrize("insertion", ["random", "l2"])
def test_controls_insert_as_many_frames_elsewhere(insertion):
    gradient, mask = random_case(7, num_videos=16)
    reference = inserted(gradient, mask)[0]
    new, events, _ = inserted(gradient, mask, insertion=insertion)
    assert new.sum(1).equal(reference.sum(1))
    assert not (new & mask).any()
    assert not new.equal(reference)
    assert len(events) == new.sum()
    assert new.equal(inserted(gradient, mask, insertion=insertion)[0])


def test_random_control_depends_on_seed_and_iteration():
    gradient, mask = random_case(7, num_videos=16)
    choices = [
        inserted(gradient, mask, insertion="random", seed=seed, iteration=iteration)[0]
        for seed, iteration in ((0, 50), (1, 50), (0, 51))
    ]
    assert not choices[0].equal(choices[1])
    assert not choices[0].equal(choices[2])


def test_l2_control_takes_the_frames_farthest_from_their_neighbours():
    gradient, mask = random_case(8)
    distance = gradient_distances(gradient, mask)
    for n in range(len(mask)):
        for t in range(T):
            i = max(k for k in range(t + 1) if mask[n, k])
            j = min(k for k in range(t, T) if mask[n, k])
            expected = min((gradient[n, t] - gradient[n, k]).square().sum().sqrt() for k in (i, j))
            assert float(distance[n, t]) == pytest.approx(float(expected), abs=1e-4)
    new, _, _ = inserted(gradient, mask, insertion="l2", max_per_iteration=1)
    for n in new.any(1).nonzero().flatten().tolist():
        assert distance[n][new[n]] == distance[n].max()


def test_patience_waits_for_conflicts_in_a_row():
    gradient, mask = random_case(9)
    videos = KeyFrameVideos(torch.randn(gradient.shape), mask, torch.zeros(len(mask), dtype=torch.int64))
    inserter = Inserter(InsertionOptions(patience=3), 100, mask, 0)
    calm = torch.ones_like(gradient)
    expected = conflicts_by_hand(gradient, mask, 0.0)
    for iteration, given in [(30, gradient), (31, gradient), (32, calm), (33, gradient), (34, gradient)]:
        assert inserter.after_step(videos, given, iteration)[0] == []
    inserter.after_step(videos, gradient, 35)
    assert (videos.mask & ~mask).equal(expected)


def test_patience_counts_only_inside_the_window():
    gradient, mask = random_case(9)
    videos = KeyFrameVideos(torch.randn(gradient.shape), mask, torch.zeros(len(mask), dtype=torch.int64))
    inserter = Inserter(InsertionOptions(patience=2), 100, mask, 0)
    for iteration in (18, 19, 20):
        assert inserter.after_step(videos, gradient, iteration)[0] == []
    assert inserter.after_step(videos, gradient, 21)[0] != []


def test_moving_average_of_cosines_is_what_decides():
    (first, mask), (second, _) = random_case(10), random_case(11)
    videos = KeyFrameVideos(torch.randn(first.shape), mask, torch.zeros(len(mask), dtype=torch.int64))
    inserter = Inserter(InsertionOptions(cosine_ema=0.75), 100, mask, 0)
    inserter.after_step(videos, first, 10)
    inserter.after_step(videos, second, 30)
    before = 0.75 * cosines(first, mask).before + 0.25 * cosines(second, mask).before
    after = 0.75 * cosines(first, mask).after + 0.25 * cosines(second, mask).after
    assert (videos.mask & ~mask).equal(~mask & (before < 0) & (after < 0))


def test_frames_with_a_new_neighbour_lose_their_history():
    mask = spread_mask(1, 7, 3)  # key frames 0, 3, 6
    videos = KeyFrameVideos(torch.randn(1, 7, 3, 2, 2), mask, torch.tensor([0]))
    inserter = Inserter(InsertionOptions(cosine_ema=0.9, max_per_iteration=1), 100, mask, 0)
    gradient = torch.ones(1, 7, 3, 2, 2)
    gradient[0, 1] = -1
    inserter.after_step(videos, gradient, 50)
    assert videos.mask[0].nonzero().flatten().tolist() == [0, 1, 3, 6]
    opposite = torch.ones(1, 7, 3, 2, 2)
    opposite[0, 2] = opposite[0, 5] = -1
    inserter.after_step(videos, opposite, 51)
    # Frame 2 lies between other key frames than before, so its cosines start anew; frame 5 still averages.
    assert videos.mask[0].nonzero().flatten().tolist() == [0, 1, 2, 3, 6]


def test_state_round_trip_goes_on_alike():
    mask = random_case(12)[1]
    options = InsertionOptions(patience=2, cosine_ema=0.5, epsilon=0.2)
    videos = [
        KeyFrameVideos(torch.ones(4, T, 3, 2, 2), mask, torch.zeros(4, dtype=torch.int64)) for _ in range(2)
    ]
    one = Inserter(options, 100, mask, 0)
    for iteration in range(30, 36):
        one.after_step(videos[0], random_case(iteration)[0], iteration)
        if iteration == 32:
            other = Inserter(options, 100, mask, 0)
            other.load_state({name: value.clone() for name, value in one.state().items()})
            videos[1].insert(videos[0].mask)
        if iteration > 32:
            other.after_step(videos[1], random_case(iteration)[0], iteration)
    assert videos[0].mask.equal(videos[1].mask)
    assert videos[0].mask.sum() > mask.sum()
    assert all(
        torch.equal(value.nan_to_num(9), other.state()[name].nan_to_num(9))
        for name, value in one.state().items()
    )


@pytest.mark.parametrize("room", range(8))
def test_a_limit_takes_the_strongest_conflicts_and_ends_insertion(room):
    gradient, mask = random_case(2)
    videos = KeyFrameVideos(torch.randn(gradient.shape), mask, torch.zeros(len(mask), dtype=torch.int64))
    inserter = Inserter(InsertionOptions(epsilon=0.3), 100, mask, 0)
    most = int(mask.sum()) + room
    inserter.fits = lambda trial: int(trial.num_key_frames().sum()) <= most
    _, deciding = inserter.after_step(videos, gradient, 50)
    wanted = conflicts_by_hand(gradient, mask, 0.3)
    assert wanted.sum() > 8, "more than there is room for"
    strongest = sorted(deciding[wanted].tolist())[:room]
    assert sorted(deciding[videos.mask & ~mask].tolist()) == strongest
    resumed = Inserter(InsertionOptions(epsilon=0.3), 100, mask, 0)
    resumed.fits = lambda trial: True
    resumed.load_state(inserter.state())
    for each in (inserter, resumed):
        each.fits = lambda trial: True
        assert each.after_step(videos, gradient, 51)[0] == [], "it ended"


def test_a_limit_that_is_not_reached_changes_nothing():
    gradient, mask = random_case(2)
    videos = KeyFrameVideos(torch.randn(gradient.shape), mask, torch.zeros(len(mask), dtype=torch.int64))
    inserter = Inserter(InsertionOptions(), 100, mask, 0)
    inserter.fits = lambda trial: True
    inserter.after_step(videos, gradient, 50)
    assert (videos.mask & ~mask).equal(inserted(gradient, mask)[0])
