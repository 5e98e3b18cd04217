from __future__ import annotations

import io

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib.patches import Rectangle
from PIL import Image

from vidcondense.report.figures import contact_sheet, png


@pytest.fixture
def videos():
    return np.random.default_rng(0).integers(0, 256, (3, 5, 10, 12, 3), dtype=np.uint8)


def test_key_frames_are_outlined(videos):
    positions = [[0, 4], [0, 2, 4], [0, 1, 4]]
    (axes,) = contact_sheet(videos, positions, ["a", "b", "c"], title="t").axes
    outlines = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    found = [(int(patch.get_y()), int(patch.get_x())) for patch in outlines]
    assert found == [(row, frame) for row, keys in enumerate(positions) for frame in keys]


def test_every_frame_is_drawn_where_its_labels_say(videos):
    """Looks each frame up in the drawn image by the place its tick marks have."""
    (axes,) = contact_sheet(videos, [[0, 4]] * 3, ["a", "b", "c"], title="t").axes
    (image,) = axes.images
    left, right, bottom, top = image.get_extent()
    mosaic = np.asarray(image.get_array())
    height, width = mosaic.shape[:2]
    for row, y in enumerate(axes.get_yticks()):
        for frame, x in enumerate(axes.get_xticks()):
            centre = (int((y - top) / (bottom - top) * height), int((x - left) / (right - left) * width))
            cell = mosaic[centre[0] - 5 : centre[0] + 5, centre[1] - 6 : centre[1] + 6]
            assert np.array_equal(cell, videos[row, frame]), (row, frame)


def test_labels_are_text_not_formulas(videos):
    figure = contact_sheet(videos, [[0, 4]] * 3, ["$x", "\udcff", "a_b"], title="$\\frac$ <b>")
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [r"\$x", "\\udcff", "a_b"]
    png(figure)  # a formula that does not parse would raise here


def test_png_is_the_same_every_time_and_touches_no_global_state(videos):
    before = dict(mpl.rcParams)
    first, second = (png(contact_sheet(videos, [[0, 4]] * 3, ["a", "b", "c"], title="t")) for _ in range(2))
    assert first == second
    assert dict(mpl.rcParams) == before
    with Image.open(io.BytesIO(first)) as picture:
        assert picture.format == "PNG"
        assert picture.width > picture.height > 200
