from __future__ import annotations

import os

import pytest
import torch

from vidcondense.condensation import condense
from vidcondense.errors import FormatError, OutputError
from vidcondense.matching.options import MatchOptions
from vidcondense.settings import CondenseOptions
from vidcondense.storage.condensed import PAYLOAD, load_condensed, save_stored
from vidcondense.storage.recode import recode
from vidcondense.synthetic.options import StaticDynamicOptions

QUICK = {
    "iterations": 2,
    "match": MatchOptions(real_batch=2, model="convnet3d-16"),
    "static_dynamic": StaticDynamicOptions(static_iterations=2),
}


@pytest.mark.parametrize("method", ["prism", "static-dynamic"])
def test_recoded_is_what_condensing_with_that_codec_gives(memory_clips, tmp_path, method):
    real = memory_clips()
    exact = condense(real, tmp_path / "a", CondenseOptions(method=method, codec="float32", **QUICK))
    direct = condense(real, tmp_path / "b", CondenseOptions(method=method, codec="uint8", **QUICK))
    found = recode(exact, tmp_path / "c", "uint8")
    everything = torch.arange(len(direct))
    assert torch.equal(found.clips(everything), direct.clips(everything))
    assert found.manifest["payload"] == direct.manifest["payload"]
    assert found.bytes == direct.bytes
    assert found.manifest["options"]["codec"] == "uint8"


def test_lossless_round_trip_is_exact_and_nothing_is_replaced_unasked(memory_clips, tmp_path):
    made = condense(memory_clips(), tmp_path / "a", CondenseOptions(codec="float32", **QUICK))
    again = recode(made, tmp_path / "b", "float32")
    assert again.manifest["sha256"] == made.manifest["sha256"]
    with pytest.raises(OutputError, match="exists"):
        recode(made, tmp_path / "b", "uint8")
    assert recode(made, tmp_path / "b", "uint8", overwrite=True).manifest["codec"] == "uint8"


def test_a_set_that_cannot_be_read_back_replaces_none(memory_clips, tmp_path, monkeypatch):
    made = condense(memory_clips(), tmp_path / "a", CondenseOptions(codec="float32", **QUICK))
    good = recode(made, tmp_path / "b", "uint8")

    def spoilt(folder, *rest):
        save_stored(folder, *rest)
        os.truncate(folder / PAYLOAD, 100)

    monkeypatch.setattr("vidcondense.storage.recode.save_stored", spoilt)
    with pytest.raises(FormatError, match="has not the size"):
        recode(made, tmp_path / "b", "lzma", overwrite=True)
    assert load_condensed(tmp_path / "b").manifest == good.manifest
