from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from marks import fault
from vidcondense.errors import DataError
from vidcondense.video.listing import Tree
from vidcondense.video.texts import csv_header, csv_rows, lines, read_json


def tree(text):
    return Tree(videos=(), texts=("x",), read=lambda name: text)


def test_only_line_feeds_end_a_line():
    text = "\ufeffa\x0bb \r\n\r\n \t\nc\u2028d\x85\ne\x1cf"
    assert list(lines(tree(text), "x")) == [("a\x0bb", "x:1"), ("c\u2028d\x85", "x:4"), ("e\x1cf", "x:5")]


def test_csv_rows_know_their_line():
    rows = list(csv_rows(tree('a,b\n\n"x\ny",z\nlast,1'), "x"))
    assert rows == [(["a", "b"], "x:1"), (["x\ny", "z"], "x:4"), (["last", "1"], "x:5")]
    assert csv_header(tree(' A ,"B"\n'), "x") == ("a", "b")
    assert csv_header(tree('"a"b\n'), "x") == ()


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(values)
def test_json_is_read(value):
    assert read_json(tree(json.dumps(value)), "x") == value


@given(st.text())
def test_any_text_is_json_or_refused(text):
    try:
        read_json(tree(text), "x")
    except DataError as error:
        assert str(error).startswith("x is no JSON")


@fault("47h", "JSON of annotations: NaN, duplicate keys, deep nesting", "exit code 3 with the file")
@pytest.mark.parametrize(
    "text", ['{"a": 1, "a": 1}', "NaN", "[Infinity]", "-Infinity", "1" * 5000, "[" * 10**5]
)
def test_json_that_only_python_accepts(text):
    with pytest.raises(DataError, match="x is no JSON"):
        read_json(tree(text), "x")
