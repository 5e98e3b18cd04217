"""`python -m vidcondense`: the same as the command `vidcondense`."""

from __future__ import annotations

import sys

from vidcondense.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
