from __future__ import annotations

import dataclasses
import os
import shutil

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from marks import installed
from vidcondense.errors import LimitError, UsageError
from vidcondense.storage.budget import Encoded, codings, encode_within
from vidcondense.storage.codecs import CODECS, Coding
from vidcondense.storage.condensed import Origin, load_condensed, save_condensed
from vidcondense.storage.recode import recode
from vidcondense.synthetic.keyframes import KeyFrameVideos, spread_mask

ORIGIN = Origin(
    method="prism",
    options={},
    seed=0,
    classes=("a", "b"),
    mean=(0.5, 0.5, 0.5),
    std=(0.25, 0.25, 0.25),
    flip=True,
    data={},
    versions={},
)


def videos_of(vpc, side, num_key_frames, seed=0):
    stream = torch.Generator().manual_seed(seed)
    frames = torch.randn(2 * vpc, 4, 3, side, side, generator=stream)
    labels = torch.arange(2).repeat_interleave(vpc)
    return KeyFrameVideos(frames, spread_mask(2 * vpc, 4, num_key_frames), labels, size=(16, 16))


def weight(folder):
    """Of all that lies in a folder, as the file system has it."""
    return sum(entry.stat().st_size for entry in os.scandir(folder))


@given(
    codec=st.sampled_from(sorted(installed(CODECS))),
    vpc=st.integers(1, 3),
    side=st.sampled_from([3, 8, 16]),
    num_key_frames=st.integers(1, 4),
    budget=st.integers(1, 12_000),
    quality=st.integers(0, 100),
    seed=st.integers(0, 3),
)
def test_what_is_written_never_exceeds_the_budget(
    tmp_path_factory, codec, vpc, side, num_key_frames, budget, quality, seed
):
    folder = tmp_path_factory.mktemp("set")
    videos, coding = videos_of(vpc, side, num_key_frames, seed), Coding(quality=quality)
    try:
        save_condensed(folder, videos, codec, ORIGIN, coding, budget=budget)
    except LimitError:
        assert not list(folder.iterdir()), "a refusal writes nothing"
        least = codings(codec, coding)[-1]
        save_condensed(folder, videos, codec, ORIGIN, least)
        assert weight(folder) > budget, "nothing is refused that fits"
    else:
        assert weight(folder) == load_condensed(folder).bytes <= budget
    shutil.rmtree(folder)


@pytest.mark.parametrize("codec", sorted(installed(CODECS)))
def test_a_budget_that_is_kept_anyway_changes_no_byte(tmp_path, codec):
    videos = videos_of(1, 8, 2)
    save_condensed(tmp_path / "free", videos, codec, ORIGIN)
    kept = weight(tmp_path / "free")
    save_condensed(tmp_path / "kept", videos, codec, ORIGIN, budget=kept)
    for path in (tmp_path / "free").iterdir():
        assert path.read_bytes() == (tmp_path / "kept" / path.name).read_bytes()


@given(budget=st.integers(0, 110), bits=st.integers(1, 8))
def test_the_most_bits_that_fit_are_taken(budget, bits):
    def encode(coding):
        return Encoded("x", bytes(10 * coding.bits), {"format_version": 1})

    over = encode(Coding(bits=1)).bytes - 10  # of the manifest
    fitting = [each for each in range(1, bits + 1) if 10 * each + over <= budget]
    if fitting:
        assert encode_within(budget, encode, "uint8", Coding(bits=bits)) == encode(Coding(bits=fitting[-1]))
    else:
        with pytest.raises(LimitError, match="at the least"):
            encode_within(budget, encode, "uint8", Coding(bits=bits))


def test_what_may_be_lowered():
    assert [each.bits for each in codings("lzma", Coding(bits=3))] == [3, 2, 1]
    assert [each.quality for each in codings("av1", Coding(quality=2))] == [2, 1, 0]
    assert codings("float16", Coding()) == [Coding()]
    assert {each.value_range for each in codings("webp", Coding(value_range="set"))} == {"set"}


def test_recoding_keeps_to_a_budget_and_records_it(make_set, tmp_path):
    made = make_set("a")
    found = recode(made, tmp_path / "b", "uint8", budget="3kB")
    assert weight(found.folder) <= 3000
    assert found.manifest["bits"] < 8
    assert found.manifest["options"]["budget"] == "3kB"
    before = {path.name: path.read_bytes() for path in found.folder.iterdir()}
    with pytest.raises(LimitError, match=r"--budget 1\.0 kB"):
        recode(made, tmp_path / "b", "float32", budget="1kB", overwrite=True)
    assert {path.name: path.read_bytes() for path in found.folder.iterdir()} == before
    with pytest.raises(UsageError, match="--budget small"):
        recode(made, tmp_path / "c", "uint8", budget="small")
    assert dataclasses.asdict(recode(found, tmp_path / "d", "float32").origin)["options"]["budget"] is None
