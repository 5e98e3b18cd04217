"""Names in Markdown."""

from __future__ import annotations

import html
import re

from vidcondense.files import visible


def markdown(text: str) -> str:
    """Text that Markdown shows as it is: no markup, no HTML, no link, one line."""
    # All of ASCII's punctuation but ", %, ' and the comma, which mean nothing in Markdown.
    return re.sub(r"[!#$&(-+\-./:-@\[-`{-~]", lambda sign: _shown(sign[0]), visible(text))


def _shown(sign: str) -> str:
    # Entities where a careless reader might see HTML.
    return html.escape(sign, quote=False) if sign in "<>&" else f"\\{sign}"
