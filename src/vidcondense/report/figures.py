"""Figures: rendered videos as contact sheets, their key frames outlined and numbered.

Figures are drawn by matplotlib's Agg and SVG backends; its global state is left as it was.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from vidcondense.media.viewable import Pictures

_KEY_COLOUR = "#d55e00"
_GAP = 0.08  # between frames, as a share of a frame's width
_FRAME_INCHES = 0.8
_MARGIN_INCHES = (1.6, 0.5)  # for the labels on the left, and for title and frame numbers
_MAX_INCHES = 100.0


def contact_sheet(
    videos: Pictures, positions: Sequence[Sequence[int]], labels: Sequence[str], *, title: str
) -> Figure:
    """Every frame of every video, a row a video; key frames have a coloured outline.

    Args:
        videos: at least one.
        positions: the key frames of each, from 0.
        labels: a short text for the left of each row.
        title: above it all.
    """
    rows, frames = videos.shape[:2]
    left, top = _MARGIN_INCHES
    width = left + frames * _FRAME_INCHES
    height = min(top + rows * _FRAME_INCHES, _MAX_INCHES)
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((left / width, 0, 1 - left / width, 1 - top / height))
    _draw_frames(axes, videos)
    _outline(axes, positions)
    axes.set_yticks(np.arange(rows) + 0.5, [plain(label) for label in labels], fontsize=8)
    axes.set_xticks(np.arange(frames) + 0.5, [str(frame) for frame in range(frames)], fontsize=8)
    axes.tick_params(length=0, top=False, labeltop=True, labelbottom=False, pad=1)
    figure.text(0.01, 1 - 0.08 / height, plain(title), fontsize=9, va="top")
    return figure


def png(figure: Figure) -> bytes:
    """A figure as PNG; the same figure gives the same bytes."""
    return _saved(figure, "png", {"Software": None})


def svg(figure: Figure) -> bytes:
    """A figure as SVG; the same figure gives the same bytes."""
    with rc_context({"svg.hashsalt": "vidcondense", "svg.fonttype": "none"}):
        return _saved(figure, "svg", {"Date": None, "Creator": None})


def _saved(figure: Figure, form: str, metadata: Mapping[str, None]) -> bytes:
    file = io.BytesIO()
    with warnings.catch_warnings():
        # A class name in a script that the font does not have is drawn as boxes; that is all there is to it.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure.savefig(file, format=form, metadata=dict(metadata))
    return file.getvalue()


def _draw_frames(axes: Axes, videos: Pictures) -> None:
    """Draw all frames as one image, in a grid of unit squares with thin gaps."""
    rows, frames, height, width = videos.shape[:4]
    pad = max(1, round(_GAP * width))
    canvas = np.full((rows, frames, height + 2 * pad, width + 2 * pad, 3), 255, dtype=np.uint8)
    canvas[:, :, pad:-pad, pad:-pad] = videos
    mosaic = canvas.transpose(0, 2, 1, 3, 4).reshape(rows * (height + 2 * pad), frames * (width + 2 * pad), 3)
    axes.imshow(mosaic, extent=(0, frames, rows, 0), aspect="auto", interpolation="nearest")
    for spine in axes.spines.values():
        spine.set_visible(False)


def _outline(axes: Axes, positions: Sequence[Sequence[int]]) -> None:
    inset = _GAP / 3
    for row, keys in enumerate(positions):
        for frame in keys:
            corner = (frame + inset, row + inset)
            side = 1 - 2 * inset
            axes.add_patch(Rectangle(corner, side, side, fill=False, edgecolor=_KEY_COLOUR, linewidth=2))


def plain(text: str) -> str:
    """Text that matplotlib shows as it is: `$` would begin a formula; what is not Unicode is escaped."""
    return text.encode("utf-8", "backslashreplace").decode().replace("$", r"\$")
