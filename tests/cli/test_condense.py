from __future__ import annotations

import json
import re
import shutil

import pytest
import torch

from quick import QUICK
from vidcondense.cli.arguments import ClipArguments
from vidcondense.cli.condense import _note_end
from vidcondense.cli.output import Output
from vidcondense.recipe import read_recipe
from vidcondense.storage.condensed import load_condensed
from vidcondense.video.sampling import ClipOptions

CLIP = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0"]


def test_set_is_what_was_asked_for(condensed):
    made = load_condensed(condensed)
    assert made.classes == ("left", "right")
    assert made.shape == (8, 3, 44, 44)
    assert made.manifest["options"]["match"]["real_batch"] == 2
    assert made.manifest["options"]["iterations"] == 3
    data = made.manifest["data"]
    assert (data["layout"], data["stride"], data["train_clips"]) == ("folder", 1, 6)
    assert not condensed.with_name("set.partial").exists()


def test_json_tells_the_result(run, toy, cache, tmp_path):
    outcome = run(
        "condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, *QUICK, "--json", "--vpc", "2"
    )
    told = json.loads(outcome.out)
    made = load_condensed(tmp_path / "set")
    assert told["bytes"] == made.bytes == sum(f.stat().st_size for f in (tmp_path / "set").glob("*[!l]"))
    assert told["key_frames"] == [len(positions) for positions in made.positions]
    assert told["videos"] == 4


def test_same_seed_same_set_other_seed_other_set(run, condensed, toy, cache, tmp_path):
    for name, seed in (("again", 0), ("other", 1)):
        arguments = ["--out", tmp_path / name, "--cache-dir", cache, *QUICK, "--seed", seed]
        assert run("condense", toy, *arguments).code == 0
    first, again, other = (load_condensed(p) for p in (condensed, tmp_path / "again", tmp_path / "other"))
    assert first.manifest["sha256"] == again.manifest["sha256"]
    assert not torch.equal(first.key_frames, other.key_frames)


def test_one_clip_from_the_middle_of_each_video(run, tmp_path):
    """That is what sets are judged against, so there is nothing to choose."""
    assert ClipArguments().options() == ClipOptions()
    help_text = run("condense", "--help").out
    assert "--num-frames" in help_text
    assert "--clips-per-video" not in help_text
    assert "--placement" not in help_text


def test_what_was_read_before_ctrl_c_is_kept(run, toy, tmp_path, monkeypatch):
    def interrupted(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("vidcondense.cli.reading.load_data", interrupted)
    outcome = run("condense", toy, "--out", tmp_path / "set", *QUICK)
    assert outcome.code == 130
    assert "the same command goes on from there" in outcome.err


def test_random_method_stores_real_clips(run, toy, cache, tmp_path):
    arguments = ["--out", tmp_path / "set", "--cache-dir", cache, *CLIP, "--method", "random"]
    assert run("condense", toy, *arguments).code == 0
    clips, _ = load_condensed(tmp_path / "set")[0]
    assert float(clips.min()) >= 0
    assert float(clips.max()) <= 1
    levels = clips * 255
    torch.testing.assert_close(levels, levels.round(), atol=1e-3, rtol=0)


def test_best_of_random_logs_what_each_draw_was_worth(run, toy, cache, tmp_path):
    arguments = ["--method", "best-of-random", "--draws", 2, "--draw-steps", 2, "--precision", "float32"]
    outcome = run("condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, *CLIP, *arguments)
    assert outcome.code == 0
    draws = [json.loads(line) for line in (tmp_path / "set" / "events.jsonl").read_text().splitlines()]
    assert [(draw["draw"], draw["tested_on"]) for draw in draws] == [(0, 4), (1, 4)]


def test_static_dynamic_set_can_be_condensed_inspected_and_pictured(run, toy, cache, tmp_path):
    quick = [*QUICK, "--method", "static-dynamic", "--static-iterations", 2, "--cache-dir", cache]
    told = run("condense", toy, "--out", tmp_path / "set", *quick, "--dry-run").out
    assert "8, no key frames" in told
    outcome = run("condense", toy, "--out", tmp_path / "set", *quick)
    assert outcome.code == 0
    assert "8 videos of 2 classes, static-dynamic" in outcome.out
    text = run("inspect", tmp_path / "set", "--pictures", tmp_path / "pictures").out
    assert "4 images" in text
    assert "4 memories of 8 frames in one channel" in text
    assert "image 0, memory 1" in text
    assert len(list((tmp_path / "pictures").iterdir())) == 4
    assert json.loads(run("inspect", tmp_path / "set", "--json").out)["representation"] == "static-dynamic"


def test_dry_run_tells_and_writes_nothing(run, toy, cache, tmp_path):
    arguments = ["--out", tmp_path / "set", "--cache-dir", cache, *QUICK, "--dry-run", "--codec", "float32"]
    outcome = run("condense", toy, *arguments, "--json")
    told = json.loads(outcome.out)
    frame = 3 * 44 * 44 * 4
    assert (told["train_clips"], told["test_clips"], told["videos"]) == (6, 4, 2)
    assert told["key_frames"] == [4, 16]
    assert told["payload_bytes"] == [4 * frame, 16 * frame]
    assert told["seconds"] > 0
    assert list(tmp_path.iterdir()) == []
    text = run("condense", toy, *arguments).out
    assert "6 to condense, 4 to test on" in text
    assert re.search(r"payload +92.9 kB to 371.7 kB; the manifest comes on top\n", text)


def test_dry_run_tells_what_a_budget_asks_for(run, toy, cache, tmp_path):
    arguments = ["--out", tmp_path / "set", "--cache-dir", cache, *QUICK, "--dry-run"]
    enough = run("condense", toy, *arguments, "--budget", "40kB")
    assert re.search(r"budget +40kB for payload and manifest; insertion stops at it\n", enough.out)
    sparse = [*arguments, "--insertion", "none"]
    tight = run("condense", toy, *sparse, "--budget", "20kB")
    assert re.search(r"budget +20kB for payload and manifest; --bits 6, not 8\n", tight.out)
    made = run("condense", toy, *(each for each in sparse if each != "--dry-run"), "--budget", "20kB")
    assert "--bits 6, not 8" in made.err, "the same, once it is made"
    packed = run("condense", toy, *sparse, "--budget", "20kB", "--codec", "webp")
    assert "before compression by webp" in packed.out
    assert "--quality is lowered in the end" in packed.out
    few = run("condense", toy, *sparse, "--budget", "20kB", "--codec", "lzma")
    assert "--bits is lowered in the end" in few.out
    none = run("condense", toy, *sparse, "--budget", "2kB")
    assert none.code == 5
    assert "--budget 2.0 kB: by --codec uint8 the set takes" in none.line
    real = [*arguments, "--method", "random"]
    assert "--bits 6, not 8" in run("condense", toy, *real, "--budget", "75kB").out
    assert run("condense", toy, *real, "--budget", "75kB", "--codec", "float32").code == 5


def test_memory_chooses_how_many_clips_go_through_the_network_at_once(run, toy, cache, tmp_path):
    arguments = ["--out", tmp_path / "set", "--cache-dir", cache, *QUICK, "--vpc", "3", "--dry-run"]
    arguments += ["--model", "convnet3d"]
    plenty = run("condense", toy, *arguments, "--memory", "8GB")
    assert plenty.code == 0
    assert "clips at once, as without a limit" in plenty.err
    few = run("condense", toy, *arguments, "--memory", "565MB")
    assert few.code == 0
    assert re.search(r"memory: about 5\d\d\.\d MB with up to [1-5] clips at once\n", few.err)
    none = run("condense", toy, *arguments, "--memory", "200MB")
    assert none.code == 5
    assert "--memory 200.0 MB: one clip of 8 frames of 44×44 at a time takes" in none.line
    assert run("condense", toy, *arguments, "--memory", "lots").code == 2


def test_existing_out_names_both_ways_on(run, condensed, toy):
    outcome = run("condense", toy, "--out", condensed, *QUICK)
    assert outcome.code == 4
    assert "use --overwrite to replace it, or another --out" in outcome.line


def test_overwrite_replaces_the_set(run, toy, cache, tmp_path):
    arguments = [
        "condense",
        toy,
        "--out",
        tmp_path / "set",
        "--cache-dir",
        cache,
        *CLIP,
        "--method",
        "random",
    ]
    assert run(*arguments).code == 0
    before = load_condensed(tmp_path / "set").manifest["sha256"]
    assert run(*arguments, "--seed", 5, "--overwrite").code == 0
    assert load_condensed(tmp_path / "set").manifest["sha256"] != before


@pytest.mark.parametrize("extra", [["--resume"], ["--resume", "--overwrite"]])
def test_resume_without_a_run_fails(run, toy, tmp_path, extra):
    outcome = run("condense", toy, "--out", tmp_path / "set", *QUICK, *extra)
    assert outcome.code == 2
    assert "--resume" in outcome.line
    assert list(tmp_path.iterdir()) == []


def test_more_videos_than_clips_fails(run, toy, cache, tmp_path):
    outcome = run("condense", toy, "--out", tmp_path / "set", "--cache-dir", cache, *QUICK, "--vpc", "4")
    assert outcome.code == 3
    assert "3 training clips, fewer than --vpc 4" in outcome.line
    assert list(tmp_path.iterdir()) == []


def test_a_recipe_says_what_flags_do_not(run, toy, cache, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text("num-frames = 8\nstride = 1\nsize = 44\niterations = 9\nreal-batch = 2\nvpc = 2\n")
    arguments = ["--out", tmp_path / "set", "--cache-dir", cache, "--workers", "0", "--iterations", "2"]
    assert run("condense", toy, "--recipe", recipe, *arguments).code == 0
    made = load_condensed(tmp_path / "set")
    assert len(made) == 4
    assert made.manifest["options"]["iterations"] == 2, "a flag comes before the recipe"
    kept = read_recipe(tmp_path / "set" / "recipe.toml")
    assert (kept.condense.iterations, kept.condense.vpc, kept.clip.size) == (2, 2, 44)
    again = ["--out", tmp_path / "again", "--cache-dir", cache, "--workers", "0"]
    assert run("condense", toy, f"--recipe={tmp_path / 'set' / 'recipe.toml'}", *again).code == 0
    assert load_condensed(tmp_path / "again").manifest["sha256"] == made.manifest["sha256"]


def test_a_bad_recipe_is_one_line_and_makes_nothing(run, toy, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text("iteration = 9")
    outcome = run("condense", toy, "--out", tmp_path / "set", "--recipe", recipe)
    assert outcome.code == 3
    assert "mine.toml: unknown key 'iteration'; did you mean iterations?" in outcome.line
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine.toml"]


def test_help_shows_the_values_of_the_recipe(run, tmp_path):
    recipe = tmp_path / "mine.toml"
    recipe.write_text("iterations = 4321")
    assert "4321" in run("condense", "--recipe", recipe, "--help").out


def test_network_without_features_is_refused_before_the_videos_are_read(run, tmp_path, monkeypatch):
    (tmp_path / "featureless.py").write_text(
        "import torch\n"
        "def make(num_classes, num_frames, size):\n"
        "    features = num_frames * 3 * size * size\n"
        "    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(features, num_classes))\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    command = ["condense", tmp_path / "nowhere", "--out", tmp_path / "set", *QUICK]
    outcome = run(*command, "--model", "featureless:make")
    assert outcome.code == 2
    assert "--model featureless:make has no method embed(videos)" in outcome.line


def test_it_says_when_the_end_asks_for_other_options(condensed, tmp_path, capfd):
    folder = shutil.copytree(condensed, tmp_path / "set")
    made = load_condensed(folder)
    insertion = {"kind": "insertion", "iteration": 0, "video": 0, "frame": 3}
    losses = [{"kind": "iteration", "iteration": at, "loss": 0.99**at} for at in range(100)]
    for events in ([insertion, *losses], losses):
        (folder / "events.jsonl").write_text("".join(json.dumps(event) + "\n" for event in events))
        fall = _note_end(made, [8, 8], Output())
        assert fall == pytest.approx(1 - 0.99**25)
        err = " ".join(capfd.readouterr().err.split())
        assert "the loss was still falling, by 22% from the third quarter" in err
        assert ("every frame became a key frame, as in --method dm" in err) == (insertion in events)
    assert _note_end(made, [8, 7], Output()) is not None
    assert "every frame" not in capfd.readouterr().err
    (folder / "events.jsonl").unlink()
    assert _note_end(made, [8, 8], Output()) is None
