from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from vidcondense.cli import progress as module
from vidcondense.cli.output import Output, size_text, table, time_text
from vidcondense.cli.progress import Bars, PlainLines, hint_when_long
from vidcondense.events import broadcast


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def iteration(number, **more):
    return {"kind": "iteration", "iteration": number, "loss": 0.5, "key_frames": 2.25, **more}


def test_quick_work_is_silent(clock, capsys):
    listen = Bars(show=PlainLines(Output(), clock).show).follow("iteration", "condensing", 10)
    for number in range(10):
        clock.now += 1
        listen(iteration(number))
    assert capsys.readouterr() == ("", "")


def test_long_work_gets_a_line_now_and_then(clock, capsys):
    """40 iterations of 2 s, a line at most every 15 s: at 16, 32, … seconds after the first event."""
    listen = Bars(show=PlainLines(Output(), clock).show).follow("iteration", "condensing", 40)
    for number in range(40):
        clock.now += 2
        listen(iteration(number))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 4
    assert (
        lines[0] == "vidcondense: condensing: 9 of 40, 2 s each, 62 s left, loss 0.5, 2.25 key frames a video"
    )


def test_time_left_of_a_resumed_run_counts_its_own_iterations(clock, capsys):
    listen = Bars(show=PlainLines(Output(), clock).show).follow("iteration", "condensing", 100)
    for number in range(50, 60):
        listen(iteration(number))
        clock.now += 4
    first = capsys.readouterr().err.splitlines()[0]
    assert "55 of 100, 4 s each, 3 min left" in first  # 45 iterations of 4 s


def test_another_round_of_the_same_is_counted_from_its_start(clock, capsys):
    show = PlainLines(Output(), clock).show
    for done, total in [(1, 5), (5, 5), (1, 19), (3, 19)]:
        show("judging", done, total, "")
        clock.now += 20
    assert "3 of 19, 10 s each" in capsys.readouterr().err


def test_a_bar_takes_the_total_of_another_round(monkeypatch):
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(module, "console", lambda stderr: screen)
    with module.progress() as bars:
        bars.show("judging", 5, 5, "")
        bars.show("judging", 3, 19, "")
    assert "3/19" in screen.file.getvalue()


def test_other_events_are_ignored(clock):
    shown = []
    listen = Bars(show=lambda *what: shown.append(what)).follow("index", "reading")
    listen({"kind": "insertion", "iteration": 3})
    listen({"kind": "index", "done": 3, "total": 7})
    assert shown == [("reading", 3, 7, "")]


@pytest.mark.parametrize(("seconds", "total", "hinted"), [(1, 3600, False), (1, 3700, True), (40, 100, True)])
def test_hint_when_more_than_an_hour_is_ahead(clock, capsys, seconds, total, hinted):
    listen = hint_when_long(total, Output(), "do less", clock)
    for number in range(min(total, 30)):
        clock.now += seconds
        listen(iteration(number))
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == hinted
    assert all(re.search(r"about 6[0-9] min ahead; do less$", line) for line in lines)


def test_hint_does_not_count_the_first_iteration(clock, capsys):
    listen = hint_when_long(1000, Output(), "do less", clock)
    for number, seconds in enumerate([500, 1, 1, 1, 1]):
        clock.now += seconds
        listen(iteration(number))
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("num_bytes", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (150_528, "150.5 kB"), (2_500_000_000, "2.5 GB")],
)
def test_size_text(num_bytes, text):
    assert size_text(num_bytes) == text


@pytest.mark.parametrize(("seconds", "text"), [(3.0, "3 s"), (600.0, "10 min"), (9000.0, "2.5 h")])
def test_time_text(seconds, text):
    assert time_text(seconds) == text


def test_text_is_printed_as_it_is(capsys):
    """Square brackets are markup to rich, and a class name may hold them; JSON output drops it all."""
    Output().say("[red]class[/red] :smile:")
    Output().say(table(["name", "n"], [["[bold]", 1]]))
    Output(as_json=True).say("nothing")
    shown = capsys.readouterr().out
    assert "[red]class[/red] :smile:" in shown
    assert "[bold]" in shown
    assert "nothing" not in shown


def test_a_terminal_shows_bar_and_figures(monkeypatch):
    screen = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(module, "console", lambda stderr: screen)
    with module.progress() as bars:
        listen = broadcast(bars.figures, bars.follow("iteration", "condensing", 10))
        for number in range(4):
            listen(iteration(number))
    shown = screen.file.getvalue()
    assert "condensing" in shown
    assert "4/10" in shown
    assert re.search(r"loss +0\.5  ▁▁▁▁", shown)
    assert "2.25 a video" in shown
