from __future__ import annotations

import base64
import io
import re
from html.parser import HTMLParser

import numpy as np
from PIL import Image

from vidcondense.condensation import condense
from vidcondense.settings import CondenseOptions


class Tags(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.text += data


def test_a_notebook_shows_a_video_a_class(memory_clips, tmp_path):
    clips = memory_clips(num_classes=10, per_class=2)
    made = condense(clips, tmp_path / "set", CondenseOptions(method="random", vpc=2))
    page = Tags(made._repr_html_())
    images = [values for tag, values in page.found if tag == "img"]
    assert [image["alt"] for image in images] == [f"condensed video: class {label}" for label in range(8)]
    assert "20 of 10 classes" in page.text
    data = base64.b64decode(images[3]["src"].partition(",")[2])
    with Image.open(io.BytesIO(data)) as moving:
        assert moving.n_frames == 8
        seen = np.asarray(moving.convert("RGB")).mean(axis=(0, 1))
    video = made.labels.tolist().index(3)
    expected = 255 * made.clips([video])[0, 0].mean(dim=(1, 2)).numpy()
    assert np.abs(seen - expected).max() < 6


def test_hostile_names_do_nothing_in_a_notebook(memory_clips, tmp_path):
    clips = memory_clips()
    clips.classes = ('"><script>alert(1)</script>', "<img src=x onerror=alert(1)>")
    html = condense(clips, tmp_path / "set", CondenseOptions(method="random"))._repr_html_()
    page = Tags(html)
    assert {tag for tag, _ in page.found} <= {"div", "p", "b", "br", "figure", "img", "figcaption"}
    assert all(image["src"].startswith("data:image/webp") for tag, image in page.found if tag == "img")
    assert not re.search(r"<[^>]*onerror=[^>]*>", re.sub(r'alt="[^"]*"', "", html))
    assert "<script>alert(1)</script>" in page.text
