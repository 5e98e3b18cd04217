"""The site of the documentation: `make docs` builds it from the Markdown beside this file."""

from sphinx.application import Sphinx

from vidcondense import __version__

project = "vidcondense"
author = "The vidcondense developers"
project_copyright = author
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
html_theme = "furo"
html_title = f"vidcondense {release}"
html_copy_source = False

# links to headings are checked like those to pages
myst_heading_anchors = 4

# docstrings are written for people at a terminal: `x` is code in them
default_role = "code"
autodoc_class_signature = "separated"
autodoc_default_options = {"members": True, "exclude-members": "__new__, __init__"}
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
napoleon_use_ivar = True

_FIELDS = ("attribute", "data", "property")
_texts: dict[str, list[str]] = {}


def _keep(app: object, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    if what in _FIELDS:
        _texts[name] = list(lines)


def _restore(app: object, what: str, name: str, value: object, options: object, lines: list[str]) -> None:
    if what in _FIELDS:
        lines[:] = _texts.pop(name)


def setup(app: Sphinx) -> None:
    """Keep the texts of fields as they are: napoleon would take what stands before a colon for a type."""
    app.connect("autodoc-process-docstring", _keep, priority=100)
    app.connect("autodoc-process-docstring", _restore, priority=900)
