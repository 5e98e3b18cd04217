from __future__ import annotations

import io
import re

import numpy as np
import pytest
import torch
from rich.console import Console

from vidcondense.cli.inspect import _share
from vidcondense.cli.preview import half_blocks, preview
from vidcondense.storage.condensed import load_condensed


def test_each_sign_is_two_pixels():
    video = torch.rand(1, 2, 3, 14, 14, generator=torch.Generator().manual_seed(0))
    text = half_blocks(video)
    lines = text.plain.split("\n")
    assert [len(line) for line in lines] == [29] * 7
    expected = (video[0].permute(0, 2, 3, 1).numpy() * 255).round().astype(int)
    place = 0
    for row, line in enumerate(lines):
        for column, sign in enumerate(line):
            if sign == "▀":
                style = next(span.style for span in text.spans if span.start <= place < span.end)
                frame, x = divmod(column, 15)
                assert tuple(style.color.triplet) == tuple(expected[frame, 2 * row, x])
                assert tuple(style.bgcolor.triplet) == tuple(expected[frame, 2 * row + 1, x])
            place += 1
        place += 1


def test_a_flat_colour_stays_when_it_is_shrunk_and_values_are_clamped():
    text = half_blocks(torch.full((1, 1, 3, 50, 100), 1.5))
    assert len(text.plain.split("\n")) == 4  # half as high as wide
    assert {str(span.style) for span in text.spans} == {"rgb(255,255,255) on rgb(255,255,255)"}


@pytest.mark.parametrize(("columns", "most"), [(10, 1), (30, 2), (200, 6)])
def test_key_frames_that_fit_are_shown(condensed, columns, most):
    clips = load_condensed(condensed)
    shown = preview(clips, columns)
    assert len(shown) == 2
    for label, (title, text) in enumerate(shown):
        positions = clips.positions[clips.labels.tolist().index(label)]
        frames = [int(frame) for frame in title.partition("frames ")[2].split(", ")]
        assert title.startswith(clips.classes[label])
        assert set(frames) <= set(positions)
        assert len(frames) == min(len(positions), most)
        screen = Console(
            file=io.StringIO(), width=max(columns, 14), color_system="truecolor", force_terminal=True
        )
        screen.print(text)
        assert len(screen.file.getvalue().splitlines()) == 7


@pytest.mark.parametrize(
    ("room", "lines", "pictures", "wanted"),
    [
        (40, 2, [9, 9, 9], (13, 3)),  # all fits
        (30, 100, [9, 9, 9], (21, 1)),  # half and half
        (30, 6, [9, 9, 9], (12, 2)),  # a short list leaves more to pictures
        (8, 100, [9], (8, 0)),
        (-4, 5, [9], (3, 0)),  # no room at all
        (20, 5, [], (20, 0)),
    ],
)
def test_list_and_pictures_share_the_screen(room, lines, pictures, wanted):
    assert _share(room, lines, pictures) == wanted


@pytest.mark.parametrize(("width", "height"), [(80, 30), (120, 24), (120, 45), (200, 80)])
def test_inspect_keeps_to_one_screen(run, toy, cache, tmp_path, monkeypatch, width, height):
    clip = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0", "--cache-dir", cache]
    made = run("condense", toy, "--out", tmp_path / "set", "--method", "random", "--vpc", "3", *clip)
    assert made.code == 0
    printed = io.StringIO()
    kind = {"color_system": "truecolor", "force_terminal": True, "_environ": {}}
    screen = Console(file=printed, width=width, height=height, markup=False, highlight=False, **kind)
    for place in ("inspect", "output"):
        monkeypatch.setattr(f"vidcondense.cli.{place}.console", lambda: screen)
    assert run("inspect", tmp_path / "set").code == 0
    plain = re.sub("\x1b\\[[0-9;]*m", "", printed.getvalue())
    taken = sum(max(1, -(-len(line) // width)) for line in plain.rstrip("\n").split("\n"))
    assert taken < height
    assert ("▀" in plain) == (height >= 45)
    assert "flip False" in plain  # the toy set forbids it, whatever the option says


def test_inspect_of_many_videos_sums_up_by_class(run, toy, cache, tmp_path, monkeypatch):
    monkeypatch.setattr("vidcondense.cli.inspect._LINES", 2)
    clip = ["--num-frames", "8", "--stride", "1", "--size", "44", "--workers", "0", "--cache-dir", cache]
    assert (
        run("condense", toy, "--out", tmp_path / "set", "--method", "random", "--vpc", "2", *clip).code == 0
    )
    shown = run("inspect", tmp_path / "set").out
    weight = 2 * 8 * 3 * 44 * 44 * 4 / 2**20
    assert " ".join(next(line for line in shown.splitlines() if line.startswith("left ")).split()) == (
        f"left 2 16 8 to 8 {weight:.3f}"
    )
    assert "and 1 more" in shown
    assert np.isclose(2 * weight, load_condensed(tmp_path / "set").paper_mb)
