from __future__ import annotations

import ast
import importlib
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import vidcondense

SOURCES = sorted(Path(vidcondense.__file__).parent.rglob("*.py"))


def run(code):
    return subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize("name", vidcondense.__all__)
def test_every_public_name_is_there(name):
    assert getattr(vidcondense, name) is not None
    assert name in dir(vidcondense)


def test_public_names_are_those_type_checkers_see():
    tree = ast.parse(Path(vidcondense.__file__).read_text())
    guarded = next(node for node in tree.body if isinstance(node, ast.If))
    seen = {
        alias.asname: f"{node.module}"
        for node in guarded.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    assert seen.keys() == set(vidcondense.__all__) - {"__version__"}
    for name, module in seen.items():
        assert getattr(importlib.import_module(module), name) is getattr(vidcondense, name)


def test_unknown_name_fails():
    with pytest.raises(AttributeError, match="no attribute 'condence'"):
        vidcondense.condence  # noqa: B018 - the access is the test


def test_names_do_not_depend_on_what_was_imported_before():
    code = """
import pkgutil, importlib, vidcondense
for module in pkgutil.walk_packages(vidcondense.__path__, "vidcondense."):
    if module.name != "vidcondense.__main__":
        importlib.import_module(module.name)
print([name for name in vidcondense.__all__ if type(getattr(vidcondense, name)).__name__ == "module"])
"""
    assert run(code).strip() == "[]"


@pytest.mark.parametrize(
    "statement",
    [
        "import vidcondense",
        "import vidcondense.cli.main",
        "import vidcondense.media.decode, vidcondense.video.pool",
    ],
)
def test_start_is_light(statement):
    """Worker processes, `--help` and `--version` must not wait for torch."""
    loaded = run(f"import sys\n{statement}\nprint(*sys.modules)").split()
    assert "torch" not in loaded
    assert "matplotlib" not in loaded


def imported(source):
    for node in ast.walk(ast.parse(source.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.name)
def test_no_module_imports_torchvision(source):
    assert not [name for name in imported(source) if name.split(".")[0] == "torchvision"]


def test_everything_imports_without_torchvision():
    names = [module.name for module in pkgutil.walk_packages(vidcondense.__path__, "vidcondense.")]
    assert "vidcondense.condensation" in names
    code = f"""
import sys, importlib
sys.modules["torchvision"] = None  # an import of it fails
for name in {names!r}:
    if name != "vidcondense.__main__":
        importlib.import_module(name)
"""
    run(code)
