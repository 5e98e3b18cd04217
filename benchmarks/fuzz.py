"""Hostile input, made by changing valid input, against everything that reads what others made.

Videos, folders of images, condensed sets, checkpoints, experts, networks, tensors of other programs, lists,
recipes, plans, results and logs are generated, changed (bits, bytes, numbers, cuts, splices, values of JSON;
hashes made to fit again) and read; frame positions, options and sizes get values that hypothesis makes. An
input must be accepted, or refused by an error of ours. Anything else is a crash: another error, a signal, a
minute without an end, more than 1 GiB of address space beyond what the process began with.

    python benchmarks/fuzz.py --seconds 600            # more inputs, other than those before
    python benchmarks/fuzz.py --only videos --seed 3   # one kind; a run by its number

Counts are added to those of `benchmarks/results/fuzz.json`, whose number of runs is the seed of the next.
Inputs that crash are kept in `runs/fuzz`. Linux only, for the limit of memory.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch
from cells import RESULTS, ROOT, publish

sys.path += [str(ROOT / "tests" / "fuzz"), str(ROOT / "tests" / "faults")]

import trust

from properties import PROPERTY_TARGETS
from readers import FileTarget, file_targets
from trial import Target, Trial, try_inputs
from vidcondense.files import write_bytes, write_text

NAME = "fuzz"
CRASHES = ROOT / "runs" / "fuzz"


def main() -> int:
    """Try inputs for a time; 1 where one of them crashed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=60.0, help="of all kinds of input together")
    parser.add_argument("--only", nargs="*", default=[], help="kinds of input to try, by name; default: all")
    parser.add_argument("--seed", type=int, help="of the inputs; default: the number of runs so far")
    parser.add_argument("--no-record", action="store_true", help="leave the result file and the page alone")
    options = parser.parse_args()
    torch.set_num_threads(1)  # inputs are tried in forks, and in a fork the threads of a pool are missing
    path = RESULTS / f"{NAME}.json"
    before = json.loads(path.read_text()) if path.exists() else {"runs": 0, "targets": {}}
    seed = before["runs"] if options.seed is None else options.seed
    with tempfile.TemporaryDirectory() as scratch:
        targets: dict[str, Target] = {**file_targets(Path(scratch)), **PROPERTY_TARGETS}
        if unknown := [name for name in options.only if name not in targets]:
            parser.error(f"no kind of input is called {unknown[0]!r}; there are {', '.join(targets)}")
        chosen = {name: targets[name] for name in options.only or targets}
        trials = {}
        for name, target in chosen.items():
            trials[name] = try_inputs(target, seed, options.seconds / len(chosen))
            keep(name, target, seed, trials[name])
            print(line(name, trials[name]), flush=True)
    total = sum(trial.inputs for trial in trials.values())
    crashes = sum(len(trial.crashes) for trial in trials.values())
    print(f"{total} inputs, {crashes} crashes" + (f"; see {CRASHES}" if crashes else ""))
    if not options.no_record:
        publish(NAME, {"settings": __doc__, **added(before, trials)})
        trust.write()
    return 1 if crashes else 0


def line(name: str, trial: Trial) -> str:
    """A row of the table that is printed."""
    return (
        f"{name:26} {trial.inputs:9} inputs  {trial.accepted:8} accepted  {len(trial.crashes):3} crashes  "
        f"{trial.peak_mib:6.0f} MiB"
    )


def keep(name: str, target: Target, seed: int, trial: Trial) -> None:
    """Save what crashed: the input, where it is files, and what happened."""
    for number, text in trial.crashes.items():
        folder = CRASHES / name.replace(" ", "-") / f"{seed}-{number}"
        shutil.rmtree(folder, ignore_errors=True)
        write_text(folder / "crash.txt", f"{name}, seed {seed}, input {number}\n\n{text}\n")
        if isinstance(target, FileTarget):
            for file, content in target.make(seed, number).items():
                write_bytes(folder / file.replace("/", "\\"), content)


def added(before: dict[str, Any], trials: dict[str, Trial]) -> dict[str, Any]:
    """The counts of all runs."""
    targets = dict(before["targets"])
    for name, trial in trials.items():
        old = targets.get(
            name,
            {"inputs": 0, "accepted": 0, "crashes": 0, "since_crash": 0, "seconds": 0.0, "peak_mib": 0.0},
        )
        targets[name] = {
            "inputs": old["inputs"] + trial.inputs,
            "accepted": old["accepted"] + trial.accepted,
            "crashes": old["crashes"] + len(trial.crashes),
            "since_crash": trial.since_crash + (0 if trial.crashes else old["since_crash"]),
            "seconds": round(old["seconds"] + trial.seconds, 1),
            "peak_mib": round(max(old["peak_mib"], trial.peak_mib), 1),
        }
    return {"runs": before["runs"] + 1, "targets": targets}


if __name__ == "__main__":
    sys.exit(main())
