"""Run the commands and Python of the README and of the pages in docs/.

Every page starts in a folder of its own that holds `videos`, a tiny toy set, and `small`, a condensed set of
it; its blocks of `bash` and `python` run there one after the other, as many pages side by side as there are
cores, each command on one thread. A block whose info string goes on with
`no-run: REASON` is left out. A block of Python that begins with `# NAME.py` is kept under that name, too.

    python .ci/docs.py
    python .ci/docs.py README.md docs/codecs.md
    python .ci/docs.py --list
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}
FENCE = re.compile(r"^```(bash|python)(?: no-run: ([^\n]+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ANY_FENCE = re.compile(r"^```(?:bash|python)", re.MULTILINE)

START = """
vidcondense toy videos --mode scenes --pairs 2 --train-per-class 6 --test-per-class 4 --num-frames 8 --size 48
vidcondense condense videos --out small --num-frames 8 --stride 1 --size 48 --iterations 2 --codec float32
"""
"""What a page may count on."""


class Block(NamedTuple):
    """A block of code of a page."""

    kind: str
    code: str
    reason: str
    """Why it is not run; empty where it is."""


def pages() -> list[Path]:
    """The README and every page in docs/."""
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def blocks(page: Path) -> Iterator[Block]:
    """The blocks of a page; one that is marked in another way than ours ends the run."""
    text = page.read_text(encoding="utf-8")
    found = FENCE.findall(text)
    if len(found) != len(ANY_FENCE.findall(text)):
        sys.exit(f"{page}: the info string of a block is bash or python, and then at most no-run: REASON")
    for kind, reason, code in found:
        yield Block(kind, code, reason)


def runnable(page: Path) -> list[Block]:
    """The blocks of a page that are run."""
    return [block for block in blocks(page) if not block.reason]


def run(page: Path, start: Path, scratch: Path) -> bool:
    """Run a page's blocks in a copy of the start and print all at its end; the first that fails ends it."""
    name, began, told = str(page.relative_to(ROOT)), time.monotonic(), []
    folder = shutil.copytree(start, scratch / name.replace("/", "-"))
    verdict = ""
    for block in runnable(page):
        if named := re.match(r"# (\w+\.py)\n", block.code):
            (folder / named[1]).write_text(block.code, encoding="utf-8")
        done = subprocess.run(
            [*COMMANDS[block.kind], block.code],
            cwd=folder,
            check=False,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        told.append(f"-- {name}\n{block.code}{done.stdout}")
        if done.returncode:
            verdict = f"FAILED: exit code {done.returncode} of\n{block.code}"
            break
    told.append(f"-- {name}: {verdict or f'ok, {time.monotonic() - began:.0f} s'}")
    print("\n".join(told), flush=True)
    return not verdict


def main(arguments: list[str]) -> None:
    """Run the pages that are named, or all."""
    if arguments == ["--list"]:
        for page in pages():
            for block in blocks(page):
                print(f"{page.relative_to(ROOT)}: {block.kind}: {block.reason or 'run'}")
        return
    counts = {page: len(runnable(page)) for page in [ROOT / name for name in arguments] or pages()}
    chosen = sorted(filter(counts.get, counts), key=lambda page: -counts[page])  # the longest first
    with tempfile.TemporaryDirectory() as scratch:
        start = Path(scratch) / "start"
        start.mkdir()
        os.environ["VIDCONDENSE_CACHE"] = str(Path(scratch) / "cache")
        os.environ.setdefault("OMP_NUM_THREADS", "1")
        subprocess.run([*COMMANDS["bash"], START], cwd=start, check=True)
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            fine = list(pool.map(lambda page: run(page, start, Path(scratch)), chosen))
    failed = [str(page.relative_to(ROOT)) for page, each in zip(chosen, fine, strict=True) if not each]
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main(sys.argv[1:])
