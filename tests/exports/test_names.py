from __future__ import annotations

import html
import os
import re
import string
from pathlib import PurePosixPath

from hypothesis import given
from hypothesis import strategies as st

from vidcondense.exports.names import folder_names
from vidcondense.files import visible
from vidcondense.markdown import markdown
from vidcondense.video.names import folded


@given(st.lists(st.text(max_size=120), min_size=1, max_size=12))
def test_every_class_gets_a_plain_folder_of_its_own(classes):
    names = folder_names(classes)
    assert len({folded(name) for name in names}) == len(classes)
    for name in names:
        assert PurePosixPath(name).parts == (name,)
        assert name[0] not in " ." and name[-1] not in " ."
        assert 0 < len(os.fsencode(name)) <= 255
        assert not set(name) & set('/\\:*?"<>|\0\n\r\t')


def test_names_that_are_fine_stay():
    names = ["Apply Eye-Makeup", "v1.2", "動き", "naïve", "x_y"]
    assert folder_names(names) == names


def test_names_that_are_not_are_escaped_as_in_urls():
    assert folder_names(["../up", "a/b", " x ", ""]) == ["%2E.%2Fup", "a%2Fb", "%20x%20", "class"]
    assert folder_names(["Wave", "wave", "wave-1"]) == ["Wave", "wave-1", "wave-1-2"]


@given(st.text())
def test_markdown_shows_text_as_it_is(text):
    shown = markdown(text)
    assert shown.isprintable()
    # CommonMark: a backslash before ASCII punctuation means that sign, and nothing else.
    plain = re.sub(r"\\([!-/:-@\[-`{-~])", "", re.sub("&(lt|gt|amp);", "", shown))
    assert not set(plain) & (set(string.punctuation) - set("\"%',"))
    assert html.unescape(re.sub(r"\\(.)", r"\1", shown)) == html.unescape(html.escape(visible(text)))
