from __future__ import annotations

import dataclasses
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marks import fault
from vidcondense.errors import FormatError, UsageError
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import KernelOptions, MatchOptions, TrajectoryOptions
from vidcondense.recipe import Recipe, from_keys, keys_of, read_recipe, recipe_text, to_keys, write_recipe
from vidcondense.selection.options import SelectOptions
from vidcondense.settings import CondenseOptions
from vidcondense.synthetic.options import StaticDynamicOptions
from vidcondense.video.index import DataOptions
from vidcondense.video.sampling import ClipOptions


def test_keys_are_the_flags_of_condense(tmp_path):
    path = tmp_path / "prism.toml"
    path.write_text(
        'method = "prism"\nvpc = 5\nlr = 3\nreal-batch = 16\nepsilon = -0.1\nnum-frames = 8\n'
        'layout = "ucf101"\nclasses = ["Archery", "Bowling"]\n'
    )
    recipe = read_recipe(path)
    assert recipe.condense.vpc == 5
    assert recipe.condense.lr == 3.0
    assert recipe.condense.match.real_batch == 16
    assert recipe.condense.insert.epsilon == -0.1
    assert recipe.clip.num_frames == 8
    assert recipe.reading.classes == ("Archery", "Bowling")
    assert recipe.condense.iterations == CondenseOptions().iterations


def test_no_two_options_share_a_key_and_all_have_one():
    own = sum(
        len([each for each in dataclasses.fields(kind) if not each.name.startswith("_")])
        for kind in (
            CondenseOptions,
            KernelOptions,
            MatchOptions,
            InsertionOptions,
            SelectOptions,
            StaticDynamicOptions,
            TrajectoryOptions,
            ClipOptions,
            DataOptions,
        )
    )
    nested, of_the_machine, of_the_view = 6, 4, 3
    assert len(keys_of(Recipe)) == own - nested - of_the_machine - of_the_view


@fault("48b", "recipes that make no sense", "exit code 3 with the file and the nearest key")
@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("iterationz = 3", "did you mean iterations?"),
        ("workers = 3", "unknown key 'workers'"),
        ('vpc = "5"', "vpc = '5': expected `int`"),
        ("lr = true", "lr = True: expected `float"),
        ("vpc = 0", "--vpc 0"),
        ('insertion = "sometimes"', "insertion = 'sometimes'"),
        ('method = "prisma"', "did you mean prism?"),
        ("real-batch = 1.5", "real-batch = 1.5"),
        ("[insert]\nepsilon = 0.1", "unknown key 'insert'"),
        ('interpolation = "cubic"', "unknown key 'interpolation'"),
        ("vpc = ", "no TOML"),
        ("vpc = " + "[" * 3000, "nested too deeply"),
        ("vpc = " + "9" * 5000, "no TOML"),
        ("classes = [1]", "classes"),
    ],
)
def test_what_makes_no_sense_is_one_line_with_the_file(tmp_path, text, said):
    path = tmp_path / "bad.toml"
    path.write_text(text)
    with pytest.raises(FormatError) as caught:
        read_recipe(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_missing_and_binary_files_are_format_errors(tmp_path):
    with pytest.raises(FormatError, match="cannot read"):
        read_recipe(tmp_path / "none.toml")
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(FormatError, match="no TOML"):
        read_recipe(tmp_path / "binary.toml")


@given(
    vpc=st.integers(1, 99),
    lr=st.floats(1e-6, 1e6),
    init=st.sampled_from([None, "noise", "real"]),
    epsilon=st.floats(-1, 1),
    classes=st.lists(st.text(st.characters(exclude_categories=["Cs"]), min_size=1), max_size=3),
    size=st.integers(1, 1024),
)
def test_a_written_recipe_reads_the_same(tmp_path_factory, vpc, lr, init, epsilon, classes, size):
    recipe = Recipe(
        condense=CondenseOptions(vpc=vpc, lr=lr, init=init, insert=InsertionOptions(epsilon=epsilon)),
        clip=ClipOptions(size=size),
        reading=DataOptions(classes=tuple(classes)),
    )
    path = tmp_path_factory.mktemp("recipe") / "recipe.toml"
    write_recipe(path, recipe, "two\nlines")
    assert read_recipe(path) == recipe
    assert path.read_text().startswith("# two\n# lines\n")


def test_text_holds_defaults_too():
    keys = tomllib.loads(recipe_text(Recipe()))
    assert keys["iterations"] == CondenseOptions().iterations
    assert keys == to_keys(Recipe())
    assert "max-key-frames" not in keys, "None cannot be said in TOML"
    assert from_keys(Recipe, keys) == Recipe()


def test_an_older_recipe_may_say_what_is_always_done_now(tmp_path):
    (tmp_path / "older.toml").write_text('vpc = 2\ninterpolation = "linear"\n')
    assert read_recipe(tmp_path / "older.toml") == Recipe(condense=CondenseOptions(vpc=2))


def test_unknown_key_of_any_options():
    with pytest.raises(UsageError, match="did you mean stride"):
        from_keys(ClipOptions, {"strides": 2})
