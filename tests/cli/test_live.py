from __future__ import annotations

import io

from rich.console import Console

from vidcondense.cli.live import Figures, sparkline

ITERATION = {
    "kind": "iteration",
    "iteration": 7,
    "loss": 0.25,
    "key_frames": 2.5,
    "paper_mb": 0.125,
    "cosine_low": -0.5,
    "cosine_median": 0.25,
    "cosine_high": 0.75,
    "conflicts": 3,
}
INSERTION = {"kind": "insertion", "iteration": 6, "video": 1, "frame": 4}


def shown(figures):
    screen = Console(file=io.StringIO(), width=100)
    screen.print(figures)
    return screen.file.getvalue()


def test_nothing_is_shown_before_the_first_iteration():
    figures = Figures()
    figures({"kind": "index", "done": 1})
    assert shown(figures).strip() == ""


def test_all_figures():
    ticks = iter(range(0, 100, 4))
    figures = Figures(clock=lambda: next(ticks))
    for event in (INSERTION, {**ITERATION, "loss": 1.0}, ITERATION, ITERATION):
        figures(event)
    assert figures.rows() == {
        "loss": "0.25  █▁▁",
        "cosines": "+0.250 (-0.500 to +0.750), 3 in conflict",
        "key frames": "2.50 a video; newest: frame 4 of video 1, at iteration 6",
        "size": "0.125 paper MB",
        "speed": "4.0 s an iteration",
    }
    text = shown(figures)
    assert all(each in text for each in figures.rows().values())


def test_a_method_without_key_frames_shows_what_it_has():
    ticks = iter([0.0, 0.25])
    figures = Figures(clock=lambda: next(ticks))
    for loss in (1.0, 3.0):
        figures({"kind": "iteration", "iteration": 0, "loss": loss, "clips": 4})
    assert figures.rows() == {"loss": "3  ▁█", "speed": "4.00 iterations/s"}


def test_frames_that_are_all_key_frames_have_no_cosines():
    figures = Figures(clock=lambda: 0.0)
    figures({**ITERATION, "cosine_low": None, "cosine_median": None, "cosine_high": None, "conflicts": 0})
    assert list(figures.rows()) == ["loss", "key frames", "size"]


def test_sparkline():
    assert sparkline([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0]) == "▁▂▃▄▅▆▇█"
    assert sparkline([5.0, 5.0]) == "▁▁"
    assert sparkline([]) == ""
