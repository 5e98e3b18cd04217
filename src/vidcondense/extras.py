"""Packages that only some parts need: asked for in one place, with the name of the extra in the error."""

from __future__ import annotations

import importlib
import importlib.util
from types import ModuleType

from vidcondense.errors import UsageError


def require_extra(package: str, needed_by: str, *, extra: str | None = None) -> None:
    """Raise `UsageError` unless `package`, which an extra of the same name brings, is installed.

    Args:
        package: its name.
        needed_by: what needs it, as on the command line: `--model videomae`.
        extra: the name of the extra, where it is another one.
    """
    if importlib.util.find_spec(package) is None:
        raise UsageError(
            f"{needed_by} needs the package {package}, which is not installed; "
            f"pip install 'vidcondense[{extra or package}]'"
        )


def import_extra(module: str) -> ModuleType:
    """Import a module of a package that `require_extra` has found; only what needs it does so."""
    return importlib.import_module(module)
