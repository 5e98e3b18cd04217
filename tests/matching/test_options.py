from __future__ import annotations

import pytest

from vidcondense.errors import UsageError
from vidcondense.matching.options import MatchOptions


def test_real_clips_are_few_for_means_and_many_for_gradients_and_labels():
    usual = MatchOptions()
    assert [usual.real_batch_of(name) for name in ("dm", "dc", "dsa", "frepo")] == [4, 64, 64, 64]
    assert MatchOptions(real_batch=5).real_batch_of("dc") == 5
    with pytest.raises(UsageError, match="--real-batch 0"):
        MatchOptions(real_batch=0)
