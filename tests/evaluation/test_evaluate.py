from __future__ import annotations

import dataclasses
import json

import pytest
import torch
import torchmetrics

from vidcondense import rng
from vidcondense.errors import DataError, UsageError
from vidcondense.evaluation import EvaluateOptions, evaluate
from vidcondense.evaluation.judge import IMAGENET_MEAN, IMAGENET_STD, Judge
from vidcondense.models import build_network
from vidcondense.training import predict, train
from vidcondense.training.augment import draw_augmentation


def by_hand(clips, test, options, index, compute):
    """The network of one repeat, trained with the parts the evaluation is made of."""
    seed = rng.derive_seed(options.seed, "repeat", index)
    num_frames, _, size, _ = test.batch([0]).shape[1:]
    network = build_network(
        options.model, 3, num_frames, size, seed=rng.derive_seed(seed, "network"), compute=compute
    )
    train(network, clips, options.training, seed=seed, compute=compute)
    return network


def dense(confusion, num_classes=3):
    matrix = [[0] * num_classes for _ in range(num_classes)]
    for row, column, count in confusion:
        assert count > 0
        matrix[row][column] += count
    return matrix


def test_strict_against_torchmetrics(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=40, seed=1, noise=0.4)
    options = EvaluateOptions(model=tiny, steps=8, lr=0.03, repeats=2)
    found = evaluate(clips, test, options, compute=cpu)
    for index, repeat in enumerate(found.repeats):
        logits = predict(by_hand(clips, test, options, index, cpu), test, compute=cpu)
        top1 = torchmetrics.functional.accuracy(logits, test.labels, task="multiclass", num_classes=3)
        each = torchmetrics.functional.accuracy(
            logits, test.labels, task="multiclass", num_classes=3, average="none"
        )
        assert 0 < repeat.accuracy < 1
        assert repeat.accuracy == pytest.approx(float(top1))
        assert repeat.per_class == pytest.approx(each.tolist())
        assert list(repeat.correct) == (logits.argmax(dim=1) == test.labels).float().tolist()
        matrix = torchmetrics.functional.confusion_matrix(logits, test.labels, "multiclass", num_classes=3)
        assert dense(repeat.confusion) == matrix.tolist()
        assert repeat.curve == ()
    assert found.repeats[0].seed != found.repeats[1].seed
    assert found.groups == test.groups
    assert (found.num_train, found.classes) == (9, test.classes)


@pytest.mark.parametrize("flip", [True, False])
def test_augmentation_is_drawn_each_step_from_the_seed_and_leaves_tests_alone(make_clips, cpu, tiny, flip):
    clips, test = make_clips(num=9), make_clips(num=20, seed=1, noise=0.4, flip=flip, num_views=3)
    options = EvaluateOptions(model=tiny, steps=12, repeats=1)
    events = []
    (found,) = evaluate(clips, test, options, compute=cpu, listener=events.append).repeats

    judge = Judge(train_set=clips, test=test, options=options, compute=cpu)
    seed = rng.derive_seed(0, "repeat", 0)
    network = build_network(tiny, 3, 2, 4, seed=rng.derive_seed(seed, "network"), compute=cpu)
    steps = iter(range(12))

    def prepare(videos):
        stream = rng.generator(seed, "augment", next(steps))
        return judge.prepare(clips)(draw_augmentation(stream, mirror=flip, clips=len(videos))(videos))

    plain = dataclasses.replace(options.training, augment=False)
    trained = train(network, clips, plain, seed=seed, compute=cpu, prepare=prepare)
    assert [each["loss"] for each in events if each["kind"] == "train"] == list(trained.losses)
    assert found.correct == tuple(judge.test_network(network, seed).correct.tolist())


@pytest.mark.parametrize("options", [EvaluateOptions(augment=False), EvaluateOptions(protocol="paper")])
def test_plain_clips_without_augmentation_and_by_the_paper(make_clips, cpu, tiny, options):
    clips, test = make_clips(num=9), make_clips(num=20, seed=1, noise=0.4, flip=True, num_views=3)
    options, events = dataclasses.replace(options, model=tiny, steps=3, repeats=1), []
    evaluate(clips, test, options, compute=cpu, listener=events.append)
    judge = Judge(train_set=clips, test=test, options=options, compute=cpu)
    seed = rng.derive_seed(0, "repeat", 0)
    network = build_network(tiny, 3, 2, 4, seed=rng.derive_seed(seed, "network"), compute=cpu)
    assert not options.training.augment
    trained = train(
        network, clips, options.training, seed=seed, compute=cpu, prepare=judge.prepare(clips), mirror=True
    )
    assert [each["loss"] for each in events if each["kind"] == "train"] == list(trained.losses)


def test_convnet3d_learns_from_few_clips(make_clips, cpu):
    clips = make_clips(num=6, shape=(8, 3, 44, 44))
    test = make_clips(num=12, seed=1, shape=(8, 3, 44, 44))
    options = EvaluateOptions(steps=15, lr=0.02, repeats=1, augment=False)
    found = evaluate(clips, test, options, compute=cpu)
    assert found.repeats[0].accuracy == 1.0
    assert found.repeats[0].train_accuracy == 1.0


def test_same_seed_same_result_and_others_differ(make_clips, cpu, tiny):
    clips, test = make_clips(num=9, noise=0.3), make_clips(num=30, seed=1, noise=0.4)
    options = EvaluateOptions(model=tiny, steps=5, repeats=2)
    found = evaluate(clips, test, options, compute=cpu)
    assert found == evaluate(clips, test, options, compute=cpu)
    other = evaluate(clips, test, dataclasses.replace(options, seed=1), compute=cpu)
    assert [repeat.correct for repeat in other.repeats] != [repeat.correct for repeat in found.repeats]


def test_more_repeats_keep_the_first(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=12, seed=1)
    two, three = (
        evaluate(clips, test, EvaluateOptions(model=tiny, steps=3, repeats=repeats), compute=cpu)
        for repeats in (2, 3)
    )
    assert three.repeats[:2] == two.repeats


def test_test_clips_are_normalised_like_the_training_set(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=30, seed=1, noise=0.3)
    options = EvaluateOptions(model=tiny, steps=5, repeats=1)
    expected = evaluate(clips, test, options, compute=cpu).repeats[0]
    test.mean, test.std = torch.tensor([0.1, 0.9, 0.3]), torch.tensor([0.5, 0.1, 1.0])
    assert evaluate(clips, test, options, compute=cpu).repeats[0].correct == expected.correct


def test_strict_averages_logits_over_clips(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=40, num_views=5, seed=1, noise=0.5)
    options = EvaluateOptions(model=tiny, steps=5, repeats=1, clips=3)
    network = by_hand(clips, test, options, 0, cpu).eval()
    with torch.no_grad():
        logits = sum(network(test.batch(range(40), view=view)) for view in (1, 2, 3))
    correct = evaluate(clips, test, options, compute=cpu).repeats[0].correct
    assert list(correct) == (logits.argmax(dim=1) == test.labels).float().tolist()


def paper_pass(network, test, view, mirrored):
    """One published test pass, from pixels: ImageNet units, batches of 64 with mean 0 and deviation 1."""
    right = []
    for start in range(0, len(test), 64):
        batch = []
        for index in range(start, min(start + 64, len(test))):
            clip = test.pixels[view, index]
            clip = clip.flip(-1) if mirrored[index] else clip
            channels = [(clip[:, c] - IMAGENET_MEAN[c]) / IMAGENET_STD[c] for c in range(3)]
            batch.append(torch.stack(channels, dim=1))
        videos = torch.stack(batch)
        with torch.no_grad():
            logits = network((videos - videos.mean()) / videos.std())
        right += (logits.argmax(dim=1) == test.labels[start : start + 64]).float().tolist()
    return right


@pytest.mark.parametrize("flip", [False, True])
def test_paper_pass_by_pass(make_clips, cpu, tiny, flip):
    clips = make_clips(num=9)
    test = make_clips(num=70, num_views=3, seed=1, noise=0.5, flip=flip)
    options = EvaluateOptions(model=tiny, protocol="paper", epochs=4, repeats=1, points=2)
    judge = Judge(train_set=clips, test=test, options=options, compute=cpu)
    network = build_network(tiny, 3, 2, 4, seed=0, compute=cpu)
    mirrored = [
        torch.rand(70, generator=rng.generator(11, "flip", view)) < (0.5 if flip else 0.0)
        for view in range(3)
    ]
    passes = [paper_pass(network, test, view, mirrored[view]) for view in range(3)]
    expected = torch.tensor(passes).mean(dim=0)
    tested = judge.test_network(network, 11)
    assert torch.allclose(tested.correct, expected)
    assert tested.confusion.sum(dim=1).tolist() == (3 * torch.bincount(test.labels)).tolist()
    assert int(tested.confusion.diagonal().sum()) == sum(map(sum, passes))
    assert len(set(expected.tolist())) > 2  # passes disagree, so that averaging shows


def test_top_k_counts_a_class_among_the_highest_scores(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=40, seed=1, noise=0.8)
    network = build_network(tiny, 3, 2, 4, seed=0, compute=cpu)
    pairs = zip(predict(network, test, compute=cpu).tolist(), test.labels.tolist(), strict=True)
    ranks = [sorted(row, reverse=True).index(row[label]) for row, label in pairs]
    found = {}
    for top in (1, 2):
        options = EvaluateOptions(model=tiny, repeats=1, top=top)
        judge = Judge(train_set=clips, test=test, options=options, compute=cpu)
        found[top] = judge.test_network(network, 0).correct.tolist()
        assert found[top] == [float(rank < top) for rank in ranks]
    assert sum(found[2]) > sum(found[1])
    with pytest.raises(UsageError, match="every clip would be right"):
        evaluate(clips, test, EvaluateOptions(model=tiny, top=3), compute=cpu)


def test_paper_reports_end_and_best_apart(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=30, num_views=3, seed=1, noise=0.5)
    options = EvaluateOptions(model=tiny, protocol="paper", epochs=10, repeats=2, points=5, lr=0.5)
    found = evaluate(clips, test, options, compute=cpu)
    for repeat in found.repeats:
        assert [step for step, _ in repeat.curve] == [2, 4, 6, 8, 10]
        assert repeat.curve[-1][1] == repeat.accuracy
    means = [
        (first + second) / 2
        for (_, first), (_, second) in zip(found.repeats[0].curve, found.repeats[1].curve, strict=True)
    ]
    assert found.best_of_points_on_test == pytest.approx(max(means))
    assert len(set(means)) > 1


def test_asking_the_test_set_does_not_change_the_training(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=30, num_views=3, seed=1, noise=0.5)
    once, often = (
        evaluate(
            clips,
            test,
            EvaluateOptions(model=tiny, protocol="paper", epochs=6, repeats=1, points=points),
            compute=cpu,
        ).repeats[0]
        for points in (1, 6)
    )
    assert once.correct == often.correct
    assert (len(once.curve), len(often.curve)) == (1, 6)


def test_paper_trains_on_standardised_batches(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=12, num_views=3, seed=1)
    options = EvaluateOptions(model=tiny, protocol="paper", epochs=1, repeats=1)
    judge = Judge(train_set=clips, test=test, options=options, compute=cpu)
    ready = judge.prepare(clips)(clips.batch(range(9)))
    pixels = torch.stack(
        [(clips.pixels[0][:, :, c] - IMAGENET_MEAN[c]) / IMAGENET_STD[c] for c in range(3)], dim=2
    )
    assert torch.allclose(ready, (pixels - pixels.mean()) / pixels.std(), atol=1e-5)


def test_divergence_is_reported(make_clips, cpu):
    clips = make_clips(num=6, shape=(8, 3, 44, 44))
    events = []
    found = evaluate(
        clips,
        make_clips(num=6, seed=1, shape=(8, 3, 44, 44)),
        EvaluateOptions(steps=20, lr=1e6, repeats=1),
        compute=cpu,
        listener=events.append,
    )
    (repeat,) = found.repeats
    assert repeat.diverged
    assert repeat.steps_done < 20
    assert (repeat.accuracy, repeat.train_accuracy, repeat.correct) == (None, None, ())
    assert [event["kind"] for event in events[-2:]] == ["diverged", "repeat"]
    json.dumps(events, allow_nan=False)


def test_logits_that_overflow_are_divergence(make_clips, cpu, tiny):
    clips, test = make_clips(num=6), make_clips(num=6, seed=1)
    test.pixels = test.pixels * 3e38
    found = evaluate(clips, test, EvaluateOptions(model=tiny, steps=3, repeats=1), compute=cpu)
    assert found.repeats[0].diverged
    assert found.repeats[0].steps_done == 3


def test_events_tell_the_repeat(make_clips, cpu, tiny):
    events = []
    found = evaluate(
        make_clips(num=6),
        make_clips(num=6, seed=1),
        EvaluateOptions(model=tiny, steps=3, repeats=2),
        compute=cpu,
        listener=events.append,
    )
    assert [(event["kind"], event["repeat"]) for event in events] == [
        *[("train", 0)] * 3,
        ("repeat", 0),
        *[("train", 1)] * 3,
        ("repeat", 1),
    ]
    assert events[3]["accuracy"] == found.repeats[0].accuracy
    assert events[3]["seconds"] == found.repeats[0].seconds > 0


def test_soft_labels(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=12, seed=1)
    options = EvaluateOptions(model=tiny, steps=40, lr=0.1, repeats=1)
    hard = evaluate(clips, test, options, compute=cpu).repeats[0]
    clips.labels = torch.nn.functional.one_hot(clips.labels, 3).float()
    soft = evaluate(clips, test, options, compute=cpu).repeats[0]
    assert (soft.accuracy, soft.train_accuracy) == (hard.accuracy, hard.train_accuracy)
    assert soft.train_accuracy == 1.0


def test_class_without_test_clips(make_clips, cpu, tiny):
    clips, test = make_clips(num=9), make_clips(num=12, seed=1)
    test.labels = test.labels.clamp_max(1)
    found = evaluate(clips, test, EvaluateOptions(model=tiny, steps=3, repeats=1), compute=cpu)
    assert found.repeats[0].per_class[2] is None
    assert found.per_class[2] is None
    assert found.per_class[0] is not None


def test_other_classes_fail(make_clips, cpu, tiny):
    clips, test = make_clips(), make_clips(seed=1)
    test.classes = ("class 0", "class 2", "class 1")
    with pytest.raises(DataError, match=r"has the classes class 0, class 1, class 2 \(3\)"):
        evaluate(clips, test, EvaluateOptions(model=tiny), compute=cpu)


def test_other_shape_fails(make_clips, cpu, tiny):
    test = make_clips(shape=(2, 3, 6, 6))
    with pytest.raises(DataError, match=r"training clips are 2×3×4×4 .* test clips 2×3×6×6"):
        evaluate(make_clips(), test, EvaluateOptions(model=tiny), compute=cpu)


@pytest.mark.parametrize(("num_train", "num_test", "what"), [(0, 3, "training"), (3, 0, "test")])
def test_empty_set_fails(make_clips, cpu, tiny, num_train, num_test, what):
    with pytest.raises(DataError, match=f"the {what} set is empty"):
        evaluate(make_clips(num_train), make_clips(num_test), EvaluateOptions(model=tiny), compute=cpu)


def test_misfits_fail_before_training(make_clips, cpu, tiny):
    clips, events = make_clips(), []
    for options in (EvaluateOptions(), EvaluateOptions(model=tiny, clips=2), EvaluateOptions(model="no")):
        with pytest.raises(UsageError):
            evaluate(clips, clips, options, compute=cpu, listener=events.append)
    assert not events
