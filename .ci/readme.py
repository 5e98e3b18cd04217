"""Run the README's examples in an empty folder; those that need the reader's own data are left out.

A block of `bash` or `python` is run unless it calls make (the stages before this one do) or its first line is
`# your own data`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
COMMANDS = {"bash": ["bash", "-euo", "pipefail", "-c"], "python": [sys.executable, "-c"]}


def main() -> None:
    """Run every block; the first that fails ends it."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```(bash|python)\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    chosen = [(kind, code) for kind, code in blocks if not code.startswith(("# your own data", "make "))]
    kinds = {kind for kind, _ in chosen}
    if kinds != set(COMMANDS):
        sys.exit(f"the README has examples to run in {sorted(kinds)}, not in {sorted(COMMANDS)}")
    with tempfile.TemporaryDirectory() as folder:
        for kind, code in chosen:
            print(f"-- {kind}\n{code}", flush=True)
            subprocess.run([*COMMANDS[kind], code], cwd=folder, check=True)


if __name__ == "__main__":
    main()
