from __future__ import annotations

import pytest

from vidcondense.storage.accounting import mib_as_float32, paper_mb


@pytest.mark.parametrize(
    ("frames", "expected_bytes", "printed"),
    [
        (1, 150_528, 0.1436),
        (50 * 1 * 16, 120_422_400, 114.8),  # miniUCF, VPC 1, dense: printed 115
        (51 * 5 * 16, 614_154_240, 585.7),  # HMDB51, VPC 5, dense: printed 586
        (50 * 10 * 16, 1_204_224_000, 1148.4),  # miniUCF, VPC 10, dense: printed 1150
    ],
)
def test_the_papers_figures(frames, expected_bytes, printed):
    assert mib_as_float32(frames * 3 * 112 * 112) * 2**20 == expected_bytes
    assert paper_mb(frames, 3, 112, 112) == pytest.approx(printed, abs=0.05)


@pytest.mark.parametrize(("megabytes", "vpc", "per_video"), [(20, 1, 2.8), (133, 5, 3.7), (324, 10, 4.5)])
def test_prisms_megabytes_as_key_frames_a_video(megabytes, vpc, per_video):
    """Read as MiB, the printed sizes on miniUCF mean this many key frames a video."""
    assert megabytes / paper_mb(50 * vpc, 3, 112, 112) == pytest.approx(per_video, abs=0.05)
