from __future__ import annotations

import os
import pickle
import random
import zipfile

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from marks import fault
from vidcondense.errors import FormatError, LimitError
from vidcondense.storage.tensor_files import check_tensor, read_tensors


class Evil:
    """Unpickling makes a file."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def images():
    return torch.randn(2, 3, 3, 4, 5, generator=torch.Generator().manual_seed(0))


def write(path, value):
    if path.suffix == ".npy":
        np.save(path, value.numpy())
    elif path.suffix == ".safetensors":
        save_file({"images": value}, path)
    else:
        torch.save(value, path)
    return path


def content(path, **options):
    found = read_tensors(path, **options)
    return found["images"] if path.suffix == ".safetensors" else found


ENDINGS = [".pt", ".PTH", ".safetensors", ".npy"]


@pytest.mark.parametrize("ending", ENDINGS)
def test_what_was_stored_is_read(tmp_path, ending):
    assert torch.equal(content(write(tmp_path / f"a{ending}", images())), images())


@fault("55d", "a zip file of torch.save, cut or changed", "refused, or read")
@pytest.mark.parametrize("ending", [".pt", ".safetensors", ".npy"])
def test_files_that_are_cut_or_changed_are_refused_or_the_same(tmp_path, ending):
    path = write(tmp_path / f"a{ending}", images())
    whole = path.read_bytes()
    for length in range(0, len(whole) - 1, len(whole) // 40):
        path.write_bytes(whole[:length])
        with pytest.raises(FormatError):
            content(path)
    stream = random.Random(0)
    for _ in range(60):
        damaged = bytearray(whole)
        damaged[stream.randrange(len(whole))] ^= 1 << stream.randrange(8)
        path.write_bytes(damaged)
        try:
            found = content(path)
        except (FormatError, LimitError, KeyError):
            continue
        assert found is not None, "no other error than ours"


@fault("55c", "a zip file of torch.save that holds code", "refused by name; nothing of it is run")
def test_code_in_a_pickle_is_not_run(tmp_path):
    sentinel = tmp_path / "sentinel"
    evil = {"images": images(), "labels": Evil(sentinel)}
    torch.save(evil, tmp_path / "a.pt")
    with pytest.raises(FormatError, match=r"mkdir.*nothing of it was run"):
        read_tensors(tmp_path / "a.pt")
    (tmp_path / "plain.pt").write_bytes(pickle.dumps(evil))
    with pytest.raises(FormatError, match="not a zip file"):
        read_tensors(tmp_path / "plain.pt")
    np.save(tmp_path / "a.npy", np.array([Evil(sentinel)], dtype=object), allow_pickle=True)
    with pytest.raises(FormatError, match="object"):
        read_tensors(tmp_path / "a.npy")
    assert not sentinel.exists()


@fault("55c", "a zip file of torch.save that holds code", "refused by name; nothing of it is run")
def test_names_that_a_pickle_hides_are_refused(tmp_path):
    torch.save(images(), tmp_path / "a.pt", pickle_protocol=4)  # STACK_GLOBAL
    with pytest.raises(FormatError, match="STACK_GLOBAL"):
        read_tensors(tmp_path / "a.pt")


@fault(
    "55",
    "a zip file of torch.save with compressed parts, or that holds too much",
    "refused before it is unpacked",
)
def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path):
    path = tmp_path / "a.pt"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a/data.pkl", b"\x80\x02N.")
        archive.writestr("a/data/0", bytes(10**7))
    with pytest.raises(FormatError, match="compressed"):
        read_tensors(path)
    write(path, images())
    with pytest.raises(LimitError, match="--max-gb"):
        read_tensors(path, 100)


def test_a_tensor_that_repeats_a_number_is_large(tmp_path):
    torch.save(torch.zeros(1).expand(10**10), tmp_path / "a.pt")
    assert (tmp_path / "a.pt").stat().st_size < 5000
    with pytest.raises(LimitError, match=r"holds 40\.0 GB"):
        check_tensor(tmp_path / "a.pt", "images", read_tensors(tmp_path / "a.pt"))


def test_a_header_that_claims_more_than_the_file_has_is_refused(tmp_path):
    path = write(tmp_path / "a.npy", images())
    path.write_bytes(path.read_bytes().replace(b"(2, 3, 3, 4, 5)", b"(2**9, 3,4, 5) "))
    with pytest.raises(FormatError):
        read_tensors(path)
    path = write(tmp_path / "b.npy", images())
    path.write_bytes(path.read_bytes().replace(b"(2, 3, 3, 4, 5)", b"(9, 9999, 9999)"))
    with pytest.raises(FormatError):
        read_tensors(path)


def test_numbers_of_numpy_beside_tensors_are_read(tmp_path):
    scores = {"ConvNet": [np.float64(0.5), np.float32(0.25), np.int64(3)]}
    torch.save({"data": [[images(), torch.tensor([0, 1])]], "accs_all_exps": scores}, tmp_path / "a.pt")
    found = read_tensors(tmp_path / "a.pt")
    assert torch.equal(found["data"][0][0], images())
    assert found["accs_all_exps"] == {"ConvNet": [0.5, 0.25, 3]}


def test_no_plain_tensor_is_told(tmp_path):
    with pytest.raises(FormatError, match="are list"):
        check_tensor(tmp_path, "images", [1])
    with pytest.raises(FormatError, match="no plain tensor"):
        check_tensor(tmp_path, "images", torch.zeros(3).to_sparse())
    assert not check_tensor(tmp_path, "images", torch.zeros(3, requires_grad=True)).requires_grad


def test_what_is_no_file_is_told(tmp_path):
    with pytest.raises(FormatError, match="did you mean"):
        read_tensors(tmp_path / "a.npz")
    with pytest.raises(FormatError, match="is no file"):
        read_tensors(tmp_path / "missing.pt")
    os.mkfifo(tmp_path / "pipe.pt")
    with pytest.raises(FormatError, match="is no file"):
        read_tensors(tmp_path / "pipe.pt")
