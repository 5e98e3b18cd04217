"""Write docs/trust.md from the result files of `make faults`, `make fuzz` and `make soak`.

python benchmarks/trust.py
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cells import RESULTS, ROOT

from vidcondense.files import write_text

PAGE = ROOT / "docs" / "trust.md"

HEAD = """# Faults, fuzzing and soaking

Made by `python benchmarks/trust.py` from the files in `benchmarks/results/`. What is promised is in
[faults.md](faults.md) and [SECURITY.md](security.md); here is how hard that was tried.
"""

FAULTS = """## Faults

`make faults` runs every test of the list in [faults.md](faults.md): each brings about one form of a fault and
looks whether what is promised comes of it. Skipped is what this machine lacks.

| | |
|---|---:|"""

FUZZ = """## Fuzzing

`make fuzz` (`make fuzz SECONDS=600` for longer) changes valid input at random and reads it. Each input must
be accepted, or refused by an error of ours. Another error, a signal, a minute without an end, or more than
1 GiB of address space beyond what the process began with, is a crash. Crashes are counted by the place in the
code; each was mended, with a test. Every run tries other inputs and adds its counts. A process that begins
with torch loaded has about 300 MiB in memory.

| input | tried | still valid | crashes | tried since the last crash | highest memory, MiB |
|---|---:|---:|---:|---:|---:|"""

SOAK = """## Soaking

`make soak` indexes and condenses generated clips, every tenth bad, once in peace and once with workers and
main process killed at random. It fails where a clip is lost, a byte differs, memory or time a clip grows
while indexing, or a worker outlives its parent.

| | |
|---|---:|"""


def page() -> str:
    """The whole page."""
    makers = {"faults": _faults, "fuzz": _fuzz, "soak": _soak}
    parts = [
        maker(json.loads(path.read_text()))
        for name, maker in makers.items()
        if (path := _path(name)).exists()
    ]
    return "\n".join([HEAD, *parts])


def write() -> None:
    """Write it where it belongs."""
    write_text(PAGE, page())


def _path(name: str) -> Path:
    return RESULTS / f"{name}.json"


def _faults(result: dict[str, Any]) -> str:
    rows = {
        name: result[name.replace(" ", "_")] for name in ("tested", "passed", "skipped", "not applicable")
    }
    lines = [f"| {name} | {count} |" for name, count in rows.items()]
    return "\n".join([FAULTS, *lines, "", _machine(result), ""])


def _fuzz(result: dict[str, Any]) -> str:
    rows = result["targets"]
    total = {key: sum(row[key] for row in rows.values()) for key in ("inputs", "accepted", "crashes")}
    lines = [
        f"| {name} | {_count(row['inputs'])} | {_count(row['accepted'])} | {row['crashes']} "
        f"| {_count(row['since_crash'])} | {row['peak_mib']:.0f} |"
        for name, row in rows.items()
    ]
    lines.append(
        f"| **together** | {_count(total['inputs'])} | {_count(total['accepted'])} | {total['crashes']} | | |"
    )
    seconds = sum(row["seconds"] for row in rows.values())
    return "\n".join(
        [FUZZ, *lines, "", f"Runs: {result['runs']}, of {seconds:.0f} s together. {_machine(result)}", ""]
    )


def _soak(result: dict[str, Any]) -> str:
    index, condense = result["index_kills"], result["condense_kills"]
    rows = {
        "clips": _count(result["clips"]),
        f"of them bad, in {result['ways']} ways": _count(result["bad"]),
        "set aside, each for the expected reason": _count(sum(result["quarantined"].values())),
        "lost": result["lost"],
        "killed while indexing: main process / workers": f"{index['main']} / {index['workers']}",
        "killed while condensing: main process": condense["main"],
        "cache, set: same bytes as in peace": "yes" if result["same_cache"] and result["same_set"] else "no",
        "workers that outlived their parent": result["orphans"],
        "processor time a clip, first half, ms": result["ms_a_clip_first_half"],
        "processor time a clip, second half, ms": result["ms_a_clip_second_half"],
        "main process at a quarter of the clips, MiB": result["mib_at_a_quarter"],
        "main process at the end, MiB": result["mib_at_the_end"],
    }
    lines = [f"| {name} | {value} |" for name, value in rows.items()]
    small = "Fewer clips than the 5 000 of a whole soak. " if result["smaller_than_meant"] else ""
    return "\n".join([SOAK, *lines, "", f"{small}{result['seconds']:.0f} s in all. {_machine(result)}", ""])


def _count(number: int) -> str:
    return f"{number:,}".replace(",", " ")


def _machine(result: dict[str, Any]) -> str:
    found = result["machine"]
    place = f"{found['processor']}, {found['cores']} cores, Python {found['python']}"
    return f"Last run on {found['date']}: {place}."


if __name__ == "__main__":
    write()
