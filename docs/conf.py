"""The site of the documentation: `make docs` builds it from the Markdown beside this file."""

from vidcondense import __version__

project = "vidcondense"
author = "The vidcondense developers"
project_copyright = author
release = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.autosummary", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["README.md"]
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
autosummary_generate = False
napoleon_use_ivar = True
