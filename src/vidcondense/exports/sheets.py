"""Contact sheets: a row a video, its key frames outlined."""

from __future__ import annotations

import torch

from vidcondense.exports.options import ExportOptions
from vidcondense.exports.videos import Files
from vidcondense.files import visible
from vidcondense.media.viewable import viewable
from vidcondense.report.figures import contact_sheet, png
from vidcondense.storage.condensed import CondensedDataset

_ROWS = 40  # of a sheet
_LETTERS = 18  # of a class name: what fits beside a row


def as_sheets(made: CondensedDataset, options: ExportOptions) -> Files:
    """PNG pictures of up to 40 videos each, in the order of the set."""
    parts = torch.split(torch.arange(len(made)), _ROWS)
    for number, part in enumerate(parts):
        videos = part.tolist()
        sheet = contact_sheet(
            viewable(made.clips(part)),
            [made.positions[video] for video in videos],
            [f"{video} {_short(made.classes[int(made.labels[video])])}" for video in videos],
            title=f"videos {videos[0]} to {videos[-1]} of {len(made)}: key frames are outlined",
        )
        yield f"sheet-{number:03d}.png", png(sheet)


def _short(name: str) -> str:
    shown = visible(name)
    return shown if len(shown) <= _LETTERS else shown[: _LETTERS - 1] + "…"
