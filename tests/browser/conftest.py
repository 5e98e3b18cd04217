"""A page in a real browser. Chromium is playwright's own, or the one that $CHROMIUM or the PATH names."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from vidcondense.compute import Compute
from vidcondense.condensation import condense
from vidcondense.insertion.options import InsertionOptions
from vidcondense.matching.options import MatchOptions
from vidcondense.report.page import write_report
from vidcondense.settings import CondenseOptions

HOSTILE = '</script><img src="https://example.org/x" onerror="document.title=1"><b>'


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("needs playwright: pip install -e '.[browser]' && playwright install chromium")
    from playwright.sync_api import Error, sync_playwright

    names = ("chromium", "chromium-headless-shell", "google-chrome")
    path = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, names)), None)
    with sync_playwright() as playwright:
        try:
            browser = playwright.chromium.launch(executable_path=path)
        except Error as error:
            pytest.skip(f"no Chromium that starts: {str(error).splitlines()[0]} (set CHROMIUM)")
        yield browser
        browser.close()


@pytest.fixture
def page_file(memory_clips, tmp_path) -> Path:
    """Two sets, one with a log and one with hostile names, and results."""
    compute = Compute(torch.device("cpu"), "float32")
    insert = InsertionOptions(epsilon=1.0, max_per_iteration=1, warmup=0.0)
    options = CondenseOptions(iterations=5, match=MatchOptions(real_batch=2), insert=insert)
    made = condense(memory_clips(), tmp_path / "prism", options, compute=compute)
    clips = memory_clips()
    clips.classes = (HOSTILE, "class 1")
    other = condense(clips, tmp_path / HOSTILE.replace("/", "∕"), CondenseOptions(method="random"))
    absent = dict.fromkeys(["std", "ci_low", "ci_high", "group_ci_low", "group_ci_high"])
    counts = {"repeat": "network", "n": 2, "networks": 2, "diverged": 0, "clips": 2, "train_accuracy": 100.0}
    table = [
        {"name": name, "accuracy": accuracy, "bytes": size, **absent, **counts}
        for name, accuracy, size in (("b", 70.0, 9), (HOSTILE, 90.0, 100), ("a", 9.0, 20))
    ]
    found = {"chance": 0.5, "protocol": "strict", "table": table, "sets": [], "controls": []}
    (tmp_path / "results.json").write_text(json.dumps(found))
    return write_report([made.folder, other.folder], tmp_path / "report.html", results=[tmp_path])


@pytest.fixture
def visit(browser, page_file) -> Iterator[Callable[..., Any]]:
    """Open the page; whatever it complains of or asks for fails the test at its end."""
    complaints: list[str] = []
    contexts = []

    def visit(width: int = 1440, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": 900}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(f"console: {message.text}"))
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("request", lambda request: complaints.append(request.url) if _goes_out(request.url) else None)
        page.goto(page_file.as_uri())
        return page

    yield visit
    for context in contexts:
        context.close()
    assert complaints == []


def _goes_out(url: str) -> bool:
    return not url.startswith(("data:", "file:"))
