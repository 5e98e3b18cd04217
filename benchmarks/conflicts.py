"""How often are frames in conflict, and how much of that is chance?

PRISM inserts a frame when, in one iteration, the cosines of its gradient with those of both key frames around
it are below ε = 0. Here two key frames a video, learned from noise with one video per class, insert nothing,
and it is counted which frames are in conflict in which iterations, in the paper's insertion window (all but
the first and the last fifth of 250 iterations). The random network and the real clips are new every
iteration, so a conflict that is of the video and not of chance comes again.

- "in conflict": the share of (frame, iteration) pairs; with it the cosine's median.
- "ever": the share of frames that are in conflict at least once in the window: what the rule would insert.
- "again": of frames in conflict, the share that is so in the next iteration, too; if conflicts were chance it
  would be the share of the other iterations in which the same frame is.
- "4 in a row", "16 in a row": the share of frames that `--patience 4` or 16 would insert.

    OMP_NUM_THREADS=1 python benchmarks/conflicts.py   # a quarter of an hour on one core; goes on
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from cells import cell, publish, ucf101_5
from plan import scenes
from torch import Tensor

from vidcondense.compute import choose_compute
from vidcondense.condenser import Condenser
from vidcondense.insertion.options import InsertionOptions, insertion_window
from vidcondense.matching.options import MatchOptions
from vidcondense.settings import CondenseOptions
from vidcondense.video.dataset import ClipDataset
from vidcondense.video.index import DataOptions, load_data
from vidcondense.video.sampling import ClipOptions

NAME = "conflicts"
ITERATIONS = 250


def toy_scenes() -> ClipDataset:
    """8 frames of 48×48, as in toy_scenes."""
    clip = ClipOptions(num_frames=8, size=48)
    return load_data(scenes(), DataOptions(), clip).train


def real_clips() -> ClipDataset:
    """ucf101-5, 8 frames at stride 8, 64×64, as in one_video."""
    clip = ClipOptions(num_frames=8, stride=8, size=64)
    return load_data(ucf101_5(), DataOptions(layout="ucf101", fold=1), clip).train


@dataclass(frozen=True)
class Setting:
    """What is condensed, in which network, and with how many real clips a class and iteration."""

    data: Callable[[], ClipDataset]
    model: str = "convnet3d-16"
    real_batch: int = 16


SETTINGS = {
    "toy scenes": Setting(toy_scenes),
    "toy scenes, all 80 real clips": Setting(toy_scenes, real_batch=80),
    "toy scenes, full width": Setting(toy_scenes, model="convnet3d"),
    "ucf101-5": Setting(real_clips),
}


def measure(setting: Setting) -> dict[str, Any]:
    """Learn without insertion and write down every deciding cosine."""
    options = CondenseOptions(
        vpc=1,
        iterations=ITERATIONS,
        lr=10.0,
        match=MatchOptions(real_batch=setting.real_batch, model=setting.model),
        insert=InsertionOptions(insertion="none"),
    )
    condenser = Condenser(setting.data(), options, choose_compute("cpu", "float32"))
    inserter = condenser.parts.inserter
    assert inserter is not None
    seen: list[Tensor] = []
    really = inserter.after_step

    def look(*arguments: Any) -> Any:  # noqa: ANN401 - whatever the inserter takes and gives
        events, deciding = really(*arguments)
        seen.append(deciding)
        return events, deciding

    inserter.after_step = look  # type: ignore[method-assign]
    for _ in range(ITERATIONS):
        condenser.step()
    window = insertion_window(options.insert, ITERATIONS)
    cosines = torch.stack([each[~each.isnan()] for each in seen[window.start : window.stop]])
    return counts(cosines, options.insert.epsilon)


def counts(cosines: Tensor, epsilon: float) -> dict[str, float]:
    """What is counted of the deciding cosine of every iteration and frame, `[I, F]`."""
    conflict = cosines < epsilon
    of_frame = conflict.double().mean(0)
    pairs = conflict[:-1]
    others = (conflict.sum(0) - 1) / (len(conflict) - 1)  # of a frame in conflict, in the other iterations
    return {
        "frames": conflict.shape[1],
        "iterations": len(conflict),
        "median": float(cosines.median()),
        "in_conflict": float(of_frame.mean()),
        "ever": float(conflict.any(0).double().mean()),
        "again": float(conflict[1:][pairs].double().mean()),
        "again_by_chance": float(others.expand_as(pairs)[pairs].mean()),
        **{
            f"{length}_in_a_row": float(conflict.unfold(0, length, 1).all(-1).any(0).double().mean())
            for length in (4, 16)
        },
    }


def main() -> None:
    rows = {name: cell(NAME, name, lambda s=setting: measure(s)) for name, setting in SETTINGS.items()}
    for name, row in rows.items():
        print(name, row)
    publish(NAME, {"settings": __doc__, "rows": rows})


if __name__ == "__main__":
    main()
