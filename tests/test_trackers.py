from __future__ import annotations

import importlib.util
import sys
from types import ModuleType, SimpleNamespace

import pytest

from vidcondense import extras
from vidcondense.errors import UsageError
from vidcondense.trackers import tracking

EVENTS = [
    {
        "kind": "insertion",
        "iteration": 0,
        "video": 1,
        "frame": 3,
        "cosine_before": -0.5,
        "cosine_after": -0.1,
    },
    {"kind": "iteration", "iteration": 0, "loss": 2.5, "key_frames": 2.5, "cosine_low": None},
    {"kind": "iteration", "iteration": 1, "loss": 1.5, "key_frames": 3.0, "cosine_low": -0.25},
]
OPTIONS = {"lr": 10.0, "insert": {"epsilon": 0.0}}
LOGGED = {
    0: {"loss": 2.5, "key_frames": 2.5},
    1: {"loss": 1.5, "key_frames": 3.0, "cosine_low": -0.25},
}


@pytest.fixture
def installed(monkeypatch):
    """Put a module in the place of an extra, which need not be installed."""
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda package: SimpleNamespace())

    def install(name, **contents):
        module = ModuleType(name)
        vars(module).update(contents)
        monkeypatch.setitem(sys.modules, name, module)

    return install


def test_tensorboard_gets_the_numbers_of_iterations(installed, tmp_path):
    class Writer:
        scalars, texts, closed = {}, {}, False

        def __init__(self, folder):
            assert folder == str(tmp_path / "log")

        def add_scalar(self, name, value, step):
            self.scalars.setdefault(step, {})[name] = value

        def add_text(self, name, text):
            self.texts[name] = text

        def close(self):
            Writer.closed = True

    installed("torch.utils.tensorboard", SummaryWriter=Writer)
    with tracking(["tensorboard"], tmp_path / "log", OPTIONS) as listener:
        for event in EVENTS:
            listener(event)
        assert not Writer.closed
    assert Writer.scalars == LOGGED
    assert "insert.epsilon: 0.0" in Writer.texts["options"]
    assert Writer.closed


def test_wandb_gets_the_numbers_and_is_finished_whatever_happens(installed, tmp_path):
    seen = {}
    run = SimpleNamespace(
        log=lambda values, step: seen.update({step: values}), finish=lambda: seen.update(finished=True)
    )

    def init(**arguments):
        seen["init"] = arguments
        return run

    installed("wandb", init=init)
    with pytest.raises(ZeroDivisionError), tracking(["wandb"], tmp_path / "log", OPTIONS) as listener:
        for event in EVENTS:
            listener(event)
        raise ZeroDivisionError
    assert {step: seen[step] for step in LOGGED} == LOGGED
    assert seen["finished"]
    assert seen["init"]["config"] == {"lr": 10.0, "insert.epsilon": 0.0}
    assert seen["init"]["dir"] == str(tmp_path / "log")


def test_no_tracker_makes_no_folder(tmp_path):
    with tracking([], tmp_path / "log", OPTIONS) as listener:
        listener(EVENTS[0])
    assert list(tmp_path.iterdir()) == []


def test_a_tracker_that_is_not_installed_fails(monkeypatch, tmp_path):
    monkeypatch.setattr(extras.importlib.util, "find_spec", lambda package: None)
    with pytest.raises(UsageError, match=r"--log wandb needs the package wandb.* 'vidcondense\[wandb\]'"):
        with tracking(["wandb"], tmp_path / "log", OPTIONS):
            pass
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_tracker_fails(tmp_path):
    with pytest.raises(UsageError, match="did you mean wandb"):
        with tracking(["wanbd"], tmp_path, OPTIONS):
            pass


def test_real_tensorboard_files(tmp_path):
    if importlib.util.find_spec("tensorboard") is None:
        pytest.skip("needs tensorboard: pip install -e '.[tensorboard]'")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with tracking(["tensorboard"], tmp_path, OPTIONS) as listener:
        for event in EVENTS:
            listener(event)
    read = EventAccumulator(str(tmp_path)).Reload()
    assert [(each.step, each.value) for each in read.Scalars("loss")] == [(0, 2.5), (1, 1.5)]
