from __future__ import annotations

import torch

from vidcondense.models.live import peak_bytes

FLOAT = 4


def test_what_is_alive_together_counts_and_what_is_gone_does_not():
    def work():
        first = torch.zeros(1000)
        second = first + 1  # both: 8 000 bytes
        del first
        third = second.view(10, 100).T  # a view
        return third.sum() + torch.ones(500).sum()

    assert peak_bytes(work) == 2 * 1000 * FLOAT


def test_a_backward_pass_holds_what_was_saved_and_its_gradients():
    def work():
        values = torch.zeros(1000).requires_grad_()
        torch.autograd.grad(values.exp().exp().sum(), [values])

    # The values, both exponentials (saved), and in the backward pass at least one gradient of that size.
    peak = peak_bytes(work)
    assert 4 * 1000 * FLOAT <= peak <= 5 * 1000 * FLOAT + 100


def test_nothing_is_allocated():
    assert peak_bytes(lambda: torch.zeros(10**12).mul_(2)) == 10**12 * FLOAT


def test_the_global_random_state_is_untouched():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    peak_bytes(lambda: torch.nn.Linear(3, 3))
    assert torch.equal(torch.rand(3), expected)
