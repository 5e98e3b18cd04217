from __future__ import annotations

from pathlib import Path

import pytest

from vidcondense.comparison.plan import FULL_DATA, make_plan, read_plan
from vidcondense.errors import FormatError, UsageError

PLAN = """
repeats = 2
networks = 3
baseline = "random"

[condense]
num-frames = 8
layout = "ucf101"
iterations = 7

[evaluate]
steps = 20

[full-data]
repeats = 1
steps = 50

[sets.random]
method = "random"
vpc = [1, 5]
repeats = 4

[sets."PRISM (a/b)"]
recipe = "own.toml"
codec = ["float32", "uint8"]
epsilon = [0.0, 0.1]
"""


@pytest.fixture
def plan_file(tmp_path):
    (tmp_path / "own.toml").write_text("lr = 3.0\niterations = 99\nvpc = 2\n")

    def write(text):
        path = tmp_path / "plan.toml"
        path.write_text(text)
        return path

    return write


def test_lists_make_rows_and_tables_inherit(plan_file):
    plan = read_plan(plan_file(PLAN))
    assert [each.label for each in plan.entrants] == [
        "random",
        "random",
        "PRISM (a/b), epsilon 0.0",
        "PRISM (a/b), epsilon 0.1",
        FULL_DATA,
    ]
    assert [each.vpc for each in plan.entrants] == [1, 5, 2, 2, None]
    prism = plan.entrants[3]
    assert prism.codecs == ("float32", "uint8")
    assert prism.recipe.condense.lr == 3.0
    assert prism.recipe.condense.iterations == 7, "what all have in common comes before a recipe"
    assert prism.recipe.condense.insert.epsilon == 0.1
    assert all(each.recipe.clip.num_frames == 8 for each in plan.entrants)
    assert all(each.recipe.reading.layout == "ucf101" for each in plan.entrants)
    assert [each.evaluation.steps for each in plan.entrants] == [20, 20, 20, 20, 50]
    assert {each.evaluation.repeats for each in plan.entrants} == {3}


def test_cells_first_seeds_first_with_names_for_files(plan_file):
    cells = read_plan(plan_file(PLAN)).cells()
    assert list(cells)[:6] == [
        "random-vpc-1-0",
        "random-vpc-5-0",
        "prism-a-b-epsilon-0.0-0",
        "prism-a-b-epsilon-0.1-0",
        "full-data-0",
        "random-vpc-1-1",
    ]
    assert len(cells) == 4 + 4 + 2 + 2 + 1


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nothing to compare"),
        ("repeat = 3\n[sets.a]", "did you mean repeats?"),
        ("repeats = 0\n[sets.a]", "repeats = 0"),
        ("repeats = true\n[sets.a]", "repeats = True"),
        ('baseline = "b"\n[sets.a]', "unknown baseline 'b'"),
        ("[sets]\na = 3", "sets.a is no table"),
        ("sets = 3", "must be a table"),
        ('[sets.a]\nmethod = "prisma"', "sets.a: unknown method 'prisma'; did you mean prism?"),
        ("[sets.a]\nlrr = 3", "sets.a: unknown key 'lrr'; did you mean lr?"),
        ("[sets.a]\nvpc = [1, 0]", "sets.a: --vpc 0"),
        ("[sets.a]\nseed = 3", "seeds are counted by the comparison"),
        ("[evaluate]\nseed = 3\n[sets.a]", "seeds are counted by the comparison"),
        ("[evaluate]\nstepps = 3\n[sets.a]", "did you mean steps?"),
        ("[full-data]\nlr = 3\n[sets.a]", "full-data: unknown key 'lr'"),
        ("[condense]\nseed = 3\n[sets.a]", "seeds are counted by the comparison"),
        ('[sets."A b"]\n[sets."a B"]', "both be called 'a-b-0'"),
        ('[sets.a]\nrecipe = "none.toml"', "cannot read"),
        ("[sets.a]\ncodec = ['uint8', 'jpg']", "unknown codec 'jpg'"),
        ("[sets.a]\nbudget = '9kB'\ncodec = ['uint8', 'webp']", "write a set for each"),
        ("[sets.a", "no TOML"),
        ('[evaluate]\nmodel = "convnt3d"\n[sets.a]', "did you mean convnet3d?"),
        ("folds = 1\n[sets.a]", "folds = 1"),
        ("[sets.a]\nvpc = []", "vpc = []"),
        ('baseline = ["a"]\n[sets.a]', "unknown baseline"),
        ("[sets.a]\nrecipe = 5", "sets.a: recipe = 5"),
        ("[evaluate]\nmodel = []\n[sets.a]", "name at least one network"),
        ("[evaluate]\nmodel = ['cnn-gru', 'cnn-gru']\n[sets.a]", "each once"),
        ("[evaluate]\nmodel = [3]\n[sets.a]", "model = 3: expected `str`"),
    ],
)
def test_what_makes_no_sense_is_one_line(plan_file, text, said):
    with pytest.raises(FormatError) as caught:
        read_plan(plan_file(text))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_name_of_a_recipe_that_no_file_can_have(tmp_path):
    (tmp_path / "plan.toml").write_text('[sets.a]\nrecipe = "a\\u0000b"\n')
    with pytest.raises(FormatError, match="null byte"):
        read_plan(tmp_path / "plan.toml")


def test_labels_are_hard_own_or_both():
    frepo = {"method": "frepo", "labels": ["hard", "own"]}
    assert make_plan({"sets": {"a": frepo}}, Path()).entrants[0].labels == ("hard", "own")
    assert make_plan({"sets": {"a": {}}}, Path()).entrants[0].labels == ("hard",)
    for bad in (["own", "own"], [], "soft", 3, [["own"]], {}):
        with pytest.raises(UsageError, match="name hard, own, or both"):
            make_plan({"sets": {"a": {**frepo, "labels": bad}}}, Path())
    for no_labels in ({"method": "dm", "labels": "own"}, {**frepo, "label-lr": 0.0}):
        with pytest.raises(UsageError, match="only frepo learns labels"):
            make_plan({"sets": {"a": no_labels}}, Path())
