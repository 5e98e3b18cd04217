"""A condensed set in a notebook: a few lines of HTML that need nothing else and no script."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from vidcondense.media.images import save_animation
from vidcondense.media.viewable import Pictures

_WIDTH = 96  # of a video on the page, in pixels
_FPS = 8.0


def preview_html(title: str, facts: Mapping[str, str], videos: Sequence[tuple[str, Pictures]]) -> str:
    """A heading, some facts, and videos playing; all texts are escaped.

    Args:
        title: of the set.
        facts: by name.
        videos: a text and one video each.
    """
    told = " · ".join(f"{escape(name)} <b>{escape(value)}</b>" for name, value in facts.items())
    figures = "".join(_figure(text, frames) for text, frames in videos)
    return (
        f'<div><p style="margin:0 0 4px"><b>{escape(title)}</b><br>{told}</p>'
        f'<div style="display:flex;flex-wrap:wrap;gap:8px">{figures}</div></div>'
    )


def _figure(text: str, frames: Pictures) -> str:
    webp = base64.b64encode(save_animation(frames[0], fps=_FPS)).decode("ascii")
    return (
        f'<figure style="margin:0;width:{_WIDTH}px">'
        f'<img alt="condensed video: {escape(text)}" width="{_WIDTH}" src="data:image/webp;base64,{webp}">'
        f'<figcaption style="font-size:11px;overflow-wrap:anywhere">{escape(text)}</figcaption></figure>'
    )
