"""The list of faults in the docs is that of the tests."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / ".ci" / "faults.py"


@pytest.mark.slow
def test_the_page_is_made_of_the_tests():
    """It also fails where a number of the list has no test, or two names."""
    done = subprocess.run([sys.executable, SCRIPT, "--check"], capture_output=True, text=True, timeout=250)
    assert done.returncode == 0, done.stderr
