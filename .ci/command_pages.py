"""Write docs/commands: a page a command with all that its --help says, and the index.

python .ci/command_pages.py
"""

from __future__ import annotations

import contextlib
import io
import os
from pathlib import Path

from vidcondense.cli.main import COMMANDS, main

PAGES = Path(__file__).parent.parent / "docs" / "commands"
WIDTH = "100"

INDEX = """# Commands

What `vidcondense COMMAND --help` says, a page a command (`python .ci/command_pages.py` writes them).
[The tour](../tour.md) shows all of them at work.

| command | what it does |
|---|---|
{rows}

## Exit codes

0 fine, 1 a mistake of ours or a failed check, 2 usage, 3 data, 4 output, 5 a limit, 130 or 143 interrupted.
`--json` prints one JSON object on standard output, nothing else there; `--debug` the traceback of an error.

```{{toctree}}
:hidden:
:glob:

*
```
"""


def help_of(command: str) -> str:
    """What `--help` prints, without colours, on a terminal of 100 columns."""
    shown = io.StringIO()
    os.environ |= {"COLUMNS": WIDTH, "NO_COLOR": "1", "TERM": "dumb"}
    with contextlib.redirect_stdout(shown):
        code = main([command, "--help"])
    if code:
        raise SystemExit(f"vidcondense {command} --help: exit code {code}")
    return "\n".join(line.rstrip() for line in shown.getvalue().strip().splitlines())


def page(command: str) -> str:
    """The whole page of a command."""
    summary = COMMANDS[command]
    text = help_of(command)
    return f"# vidcondense {command}\n\n{summary[0].upper()}{summary[1:]}.\n\n```text\n{text}\n```\n"


def index() -> str:
    """The page that lists all others."""
    rows = "\n".join(f"| [{name}]({name}.md) | {summary} |" for name, summary in COMMANDS.items())
    return INDEX.format(rows=rows)


def write() -> None:
    """Write every page."""
    PAGES.mkdir(exist_ok=True)
    for command in COMMANDS:
        (PAGES / f"{command}.md").write_text(page(command), encoding="utf-8")
    (PAGES / "index.md").write_text(index(), encoding="utf-8")


if __name__ == "__main__":
    write()
