from __future__ import annotations

import pytest
import torch
from torch import nn

from vidcondense.compute import Compute, choose_compute
from vidcondense.errors import UsageError


def test_auto_takes_what_the_machine_has():
    chosen = choose_compute()
    assert chosen.device.type == ("cuda" if torch.cuda.is_available() else "cpu")
    assert choose_compute("cpu", "float32") == Compute(torch.device("cpu"), "float32")


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
def test_device_that_is_not_there_fails(device):
    with pytest.raises(UsageError, match=f"--device {device}"):
        choose_compute(device)


@pytest.mark.parametrize(("precision", "dtype"), [("float32", torch.float32), ("bfloat16", torch.bfloat16)])
def test_autocast_runs_networks_in_the_chosen_precision(precision, dtype):
    compute = choose_compute("cpu", precision)
    network = compute.place(nn.Sequential(nn.Conv3d(3, 4, 3), nn.Flatten()))
    with compute.autocast():
        assert network(torch.randn(1, 3, 4, 8, 8)).dtype == dtype
    assert network[0].weight.dtype == torch.float32


def test_place_gives_convolutions_channels_last():
    network = choose_compute("cpu").place(nn.Sequential(nn.Conv3d(3, 4, 3)))
    assert network[0].weight.is_contiguous(memory_format=torch.channels_last_3d)
