from __future__ import annotations

from vidcondense.jobs import run_commands


def test_commands_are_asked_for_when_one_can_begin(tmp_path):
    asked, ended = [], []

    def commands():
        for number in range(5):
            asked.append(number)
            yield str(number), ["--version"]

    for outcome in run_commands(commands(), logs=tmp_path, jobs=2, threads=1):
        ended.append(outcome)
        assert len(asked) <= len(ended) + 1, "two run at a time, one of which has ended"
    assert sorted(each.name for each in ended) == [str(number) for number in range(5)]
    assert all(each.reason == "" and each.seconds > 0 for each in ended)


def test_a_command_that_fails_tells_why_and_the_others_go_on(tmp_path):
    commands = [("bad", ["inspect", "nowhere"]), ("good", ["--version"])]
    outcomes = {each.name: each.reason for each in run_commands(commands, logs=tmp_path, jobs=1, threads=1)}
    assert "nowhere" in outcomes["bad"]
    assert outcomes["good"] == ""
