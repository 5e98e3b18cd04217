from __future__ import annotations

import json

import numpy as np
import pytest
import scipy.stats

from vidcondense.errors import UsageError
from vidcondense.evaluation import EvaluateOptions, Evaluation, Repeat, as_dict, summarise
from vidcondense.options import as_json

GROUPS = ("a", "a", "b", "b")


def repeat(*correct: float, train: float = 1.0, curve: tuple[float, ...] = ()) -> Repeat:
    accuracy = float(np.mean(correct))
    return Repeat(
        seed=1,
        diverged=False,
        steps_done=9,
        accuracy=accuracy,
        per_class=(correct[0], float(np.mean(correct[1:]))),
        train_accuracy=train,
        correct=correct,
        curve=tuple(enumerate(curve)),
        seconds=4.5,
    )


FAILED = Repeat(seed=2, diverged=True, steps_done=3)


def evaluation(*repeats: Repeat, **options: object) -> Evaluation:
    chosen = EvaluateOptions(**options)
    return Evaluation(
        options=as_json(chosen),
        training=as_json(chosen.training),
        classes=("walk", "run"),
        num_train=2,
        groups=GROUPS,
        repeats=repeats,
    )


def test_one_set_is_summarised_over_networks():
    rows = [(1.0, 0.0, 0.0, 1.0), (1.0, 1.0, 0.0, 1.0), (0.0, 0.0, 0.0, 1.0)]
    found = summarise([evaluation(*(repeat(*row, train=0.5 + 0.1 * n) for n, row in enumerate(rows)))])
    accuracies = np.mean(rows, axis=1)
    assert (found.unit, found.finite, found.networks, found.diverged) == ("network", 3, 3, 0)
    assert found.accuracy == pytest.approx(accuracies.mean())
    assert found.std == pytest.approx(accuracies.std(ddof=1))
    expected = scipy.stats.t.interval(0.95, 2, loc=accuracies.mean(), scale=scipy.stats.sem(accuracies))
    assert found.interval == pytest.approx(np.clip(expected, 0, 1))  # an accuracy is no less and no more
    assert found.train_accuracy == pytest.approx(0.6)
    # Two groups: a resample holds a twice, b twice, or one of each.
    group_means = np.mean(rows, axis=0).reshape(2, 2).mean(axis=1)
    assert found.group_interval == pytest.approx((group_means.min(), group_means.max()))
    assert found.best_of_points_on_test is None


def test_one_network_has_no_interval():
    found = summarise([evaluation(repeat(1.0, 0.0, 1.0, 1.0))])
    assert found.accuracy == 0.75
    assert (found.std, found.interval) == (None, None)
    assert found.group_interval is not None


def test_a_diverged_network_is_counted_and_left_out():
    found = summarise([evaluation(repeat(1.0, 0.0, 1.0, 1.0), FAILED, repeat(0.0, 0.0, 1.0, 0.0))])
    assert (found.finite, found.networks, found.diverged) == (2, 3, 1)
    assert found.accuracy == 0.5
    assert found.std == pytest.approx(np.std([0.75, 0.25], ddof=1))


def test_all_diverged_is_no_accuracy():
    found = summarise([evaluation(FAILED, FAILED)])
    assert (found.finite, found.networks, found.diverged) == (0, 2, 2)
    assert (found.accuracy, found.std, found.interval) == (None, None, None)
    assert (found.group_interval, found.train_accuracy, found.best_of_points_on_test) == (None, None, None)


def test_several_sets_average_networks_first():
    first = evaluation(repeat(1.0, 1.0, 1.0, 1.0), repeat(0.0, 0.0, 0.0, 0.0), repeat(1.0, 0.0, 1.0, 0.0))
    second = evaluation(repeat(1.0, 0.0, 0.0, 0.0), FAILED, seed=7)
    third = evaluation(repeat(0.0, 1.0, 1.0, 1.0), repeat(1.0, 1.0, 1.0, 1.0))
    found = summarise([first, second, third])
    sets = np.array([0.5, 0.25, 0.875])
    assert (found.unit, found.finite, found.networks, found.diverged) == ("set", 3, 7, 1)
    assert found.accuracy == pytest.approx(sets.mean())
    assert found.std == pytest.approx(sets.std(ddof=1))
    expected = scipy.stats.t.interval(0.95, 2, loc=sets.mean(), scale=scipy.stats.sem(sets))
    assert found.interval == pytest.approx(np.clip(expected, 0, 1))


def test_a_set_that_diverged_is_left_out():
    found = summarise([evaluation(FAILED), evaluation(repeat(1.0, 1.0, 0.0, 0.0))])
    assert (found.unit, found.finite, found.networks, found.diverged) == ("set", 1, 2, 1)
    assert (found.accuracy, found.interval) == (0.5, None)
    assert found.group_interval == (0.0, 1.0)


def test_best_of_points_is_of_the_mean_over_networks():
    curves = [(0.2, 0.6, 0.3), (0.5, 0.1, 0.3)]
    found = evaluation(*(repeat(1.0, 0.0, 0.0, 0.0, curve=curve) for curve in curves), protocol="paper")
    assert found.best_of_points_on_test == pytest.approx(0.35)
    assert summarise([found, found]).best_of_points_on_test == pytest.approx(0.35)


def test_per_class_leaves_out_what_is_absent():
    one = Repeat(seed=0, diverged=False, steps_done=1, accuracy=0.5, per_class=(0.5, None))
    two = Repeat(seed=0, diverged=False, steps_done=1, accuracy=0.5, per_class=(1.0, None))
    assert evaluation(one, FAILED, two).per_class == [0.75, None]
    assert evaluation(FAILED).per_class == []


@pytest.mark.parametrize(
    ("options", "message"),
    [({"steps": 9}, "steps: None → 9"), ({"protocol": "paper"}, "protocol: strict → paper")],
)
def test_unlike_evaluations_fail(options, message):
    one = repeat(1.0, 0.0, 0.0, 0.0)
    with pytest.raises(UsageError, match=f"the evaluations differ in .*{message}"):
        summarise([evaluation(one), evaluation(one, **options)])


def test_other_test_clips_fail():
    one = evaluation(repeat(1.0, 0.0, 0.0, 0.0))
    other = Evaluation(**{**vars(one), "groups": ("a", "a", "b", "c")})
    with pytest.raises(UsageError, match="differ in groups"):
        summarise([one, other])


def test_nothing_fails():
    with pytest.raises(UsageError, match="no evaluation to summarise"):
        summarise([])


def test_json_has_all_but_times():
    found = evaluation(repeat(1.0, 0.0, 1.0, 1.0), FAILED)
    text = json.dumps(as_dict(found), allow_nan=False)
    read = json.loads(text)
    assert "seconds" not in text
    assert read["summary"]["accuracy"] == 0.75
    assert read["summary"]["diverged"] == 1
    assert read["options"]["protocol"] == "strict"
    assert read["training"]["steps"] == 500
    assert read["repeats"][0]["correct"] == [1.0, 0.0, 1.0, 1.0]
    assert read["repeats"][1] == {
        "seed": 2,
        "diverged": True,
        "steps_done": 3,
        "accuracy": None,
        "per_class": [],
        "train_accuracy": None,
        "correct": [],
        "confusion": [],
        "curve": [],
    }
    assert (read["num_train"], read["num_test"], read["groups"]) == (2, 4, list(GROUPS))
