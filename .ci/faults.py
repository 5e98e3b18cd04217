"""Run the tests of the list of faults and count them, or write the list into docs/faults.md.

Counts of a whole run in which none failed go to `benchmarks/results/faults.json` and docs/trust.md, unless
the first argument is --no-record; the others are pytest's.

python .ci/faults.py
python .ci/faults.py --no-record -n 2 -m "fault and not slow"
python .ci/faults.py --table
python .ci/faults.py --check  # is the page what --table would write?
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "faults.md"
BEGIN, END = "<!-- written by .ci/faults.py -->", "<!-- to here -->"
LAST = 68

NOT_APPLICABLE = {
    "55z": ("hostile tar files", "no tar file is ever read"),
    "64z": (
        "tiny /dev/shm",
        "no DataLoader with workers is used; workers hand clips over through pipes, processes on CPUs "
        "their sums through sockets",
    ),
}
"""Faults of what does not exist: number → what, and why it cannot happen."""


@dataclass(frozen=True)
class Fault:
    """One form of a fault."""

    number: str
    name: str
    outcome: str

    @property
    def key(self) -> tuple[int, str]:
        """The place in the list."""
        digits = self.number.rstrip("abcdefghijklmnopqrstuvwxyz")
        return int(digits), self.number.removeprefix(digits)


@dataclass(eq=False)
class Recorder:
    """A pytest plugin: which tests are about which fault, and how each ended."""

    tests: dict[Fault, list[str]] = field(default_factory=dict)
    ended: dict[str, str] = field(default_factory=dict)

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Note the marks."""
        for item in items:
            for mark in item.iter_markers("fault"):
                self.tests.setdefault(Fault(*mark.args), []).append(item.nodeid)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note how a test ended: the worst of its phases counts."""
        if report.failed or report.skipped or self.ended.get(report.nodeid) is None:
            self.ended[report.nodeid] = report.outcome

    def outcome(self, tests: Iterable[str]) -> str:
        """That of a fault with several tests."""
        found = {self.ended.get(test, "not run") for test in tests}
        return next((each for each in ("failed", "not run", "skipped") if each in found), "passed")


def check(faults: Iterable[Fault]) -> None:
    """Every number of the list is tested, or cannot happen, and has one name."""
    numbers = Counter(fault.number for fault in faults)
    if twice := [number for number, count in numbers.items() if count > 1 or number in NOT_APPLICABLE]:
        sys.exit(f"fault {twice[0]} has several names")
    known = {Fault(number, "", "").key[0] for number in (*numbers, *NOT_APPLICABLE)}
    if lacking := set(range(1, LAST + 1)) - known:
        sys.exit(f"faults without a test: {sorted(lacking)}")


def table(tests: dict[Fault, list[str]]) -> str:
    """Rows of Markdown, in the order of the list."""
    rows = {}
    for fault, where in tests.items():
        name, outcome = (text.replace("|", "\\|") for text in (fault.name, fault.outcome))
        rows[fault.key] = f"| {fault.number} | {name} | {outcome} | {_where(where)} |"
    for number, (name, reason) in NOT_APPLICABLE.items():
        rows[Fault(number, "", "").key] = f"| {number} | {name} | not applicable: {reason} | |"
    lines = [row for _, row in sorted(rows.items())]
    return "\n".join(["| | fault | what happens | test |", "|---|---|---|---|", *lines])


def _where(tests: list[str]) -> str:
    return ", ".join(sorted({f"`{test.partition('[')[0].removeprefix('tests/')}`" for test in tests}))


def page(tests: dict[Fault, list[str]]) -> str:
    """The page with its table renewed."""
    text = PAGE.read_text(encoding="utf-8")
    return f"{text.partition(BEGIN)[0]}{BEGIN}\n{table(tests)}\n{END}{text.partition(END)[2]}"


def collect() -> dict[Fault, list[str]]:
    """The faults and their tests; nothing is run."""
    recorder = Recorder()
    code = pytest.main(
        ["--collect-only", "-m", "fault", "-p", "no:terminal", str(ROOT / "tests")], [recorder]
    )
    if code != pytest.ExitCode.OK:
        sys.exit(f"the tests cannot be collected: {code!r}")
    check(recorder.tests)
    return recorder.tests


def collect_elsewhere() -> dict[Fault, list[str]]:
    """As `collect`, in a process of its own: tests that run side by side are not collected in this one."""
    done = subprocess.run([sys.executable, __file__, "--list"], stdout=subprocess.PIPE, text=True, check=True)
    return {Fault(*words): tests for words, tests in json.loads(done.stdout)}


def keep(counts: dict[str, int]) -> None:
    """Write the result file, and the page that shows it."""
    sys.path.append(str(ROOT / "benchmarks"))
    import trust  # only now: in the tests, types are checked of what pytest imports first
    from cells import publish

    publish("faults", {**counts, "not_applicable": len(NOT_APPLICABLE)})
    trust.write()


def main(arguments: list[str]) -> int:
    """Write the table, or run and count."""
    if arguments == ["--table"]:
        PAGE.write_text(page(collect()), encoding="utf-8")
        return 0
    if arguments == ["--list"]:
        print(
            json.dumps([[[each.number, each.name, each.outcome], tests] for each, tests in collect().items()])
        )
        return 0
    if arguments == ["--check"]:
        if page(collect()) != PAGE.read_text(encoding="utf-8"):
            sys.exit("docs/faults.md is not what the tests say: python .ci/faults.py --table")
        return 0
    record = arguments[:1] != ["--no-record"]
    arguments = arguments if record else arguments[1:]
    tests, recorder = collect_elsewhere(), Recorder()
    code = int(pytest.main(["-q", "-m", "fault", *arguments, str(ROOT / "tests")], [recorder]))
    counts = Counter(map(recorder.outcome, tests.values()))
    tested = len(tests) - counts["not run"]
    rest = ", ".join(f"{counts[word]} {word}" for word in ("failed", "skipped", "not run") if counts[word])
    print(
        f"faults: {tested} tested, {counts['passed']} passed, {rest + ', ' if rest else ''}"
        f"{len(NOT_APPLICABLE)} not applicable"
    )
    if code == 0 and record and not counts["not run"]:
        keep({"tested": tested, **{word: counts[word] for word in ("passed", "skipped")}})
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
