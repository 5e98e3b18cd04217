from __future__ import annotations

import copy

import pytest
import torch

from vidcondense import rng
from vidcondense.compute import choose_compute
from vidcondense.matching import online
from vidcondense.matching.online import OnlinePool
from vidcondense.matching.options import KernelOptions

FLOAT32 = choose_compute("cpu", "float32")
SHAPE = (8, 3, 44, 44)
VIDEOS = torch.randn(5, *SHAPE, generator=torch.Generator().manual_seed(0))
TARGETS = torch.randn(5, 2, generator=torch.Generator().manual_seed(1))


def pool_of(batch=64, classes=2, **options):
    made = KernelOptions(**options)
    return OnlinePool("convnet3d", SHAPE, classes, made, batch=batch, seed=3, compute=FLOAT32)


def weights_of(network):
    return torch.cat([parameter.detach().flatten() for parameter in network.parameters()])


@pytest.mark.parametrize(("size", "most", "steps"), [(3, 7, 1), (4, 2, 1), (1, 3, 2), (2, 5, 3)])
def test_networks_are_replaced_as_a_naive_simulation_says(small_networks, size, most, steps):
    pool = pool_of(online_pool=size, max_online=most)
    counters = [{"done": most // size * place, "number": place} for place in range(size)]
    used, expected = set(), []
    for iteration in range(60):
        pool.network(iteration)
        mine = counters[pool.place_of(iteration)]
        if mine["number"] not in used:
            used.add(mine["number"])
            expected.append(mine["number"])
        assert small_networks == expected
        pool.train(VIDEOS[:2], TARGETS[:2], iteration, steps)
        mine["done"] += steps
        if mine["done"] >= most:
            mine.update(done=0, number=mine["number"] + size)
    assert len(expected) > size
    assert {pool.place_of(iteration) for iteration in range(60)} == set(range(size))


def test_a_network_begins_as_a_random_one_and_learns(small_networks):
    pool = pool_of(online_pool=1)
    fresh = online.random_network("convnet3d", SHAPE, 2, seed=3, number=0, compute=FLOAT32)
    network = pool.network(0)
    assert weights_of(network).equal(weights_of(fresh))
    assert not any(parameter.requires_grad for parameter in network.parameters())

    def distance():
        return float((pool.network(0)(VIDEOS) - TARGETS).square().mean())

    before = distance()
    pool.train(VIDEOS, TARGETS, 0, 10)
    assert not pool.network(0).training
    assert distance() < before


def test_a_step_is_adam_on_the_squared_error(small_networks):
    """By hand: half of it, the mean over videos. Adam's first step is lr along the sign of what is not 0."""
    pool = pool_of(online_pool=1, online_lr=1e-3, batch=5, classes=3)
    targets = torch.randn(5, 3, generator=torch.Generator().manual_seed(2))
    network = copy.deepcopy(pool.network(0)).requires_grad_(True).train()
    with rng.isolated(rng.derive_seed(3, "online dropout", 0, 0), FLOAT32.device):
        order = torch.randperm(5, generator=rng.generator(3, "online", 0, 0))
        loss = sum(((network(VIDEOS[order]) - targets[order]) ** 2).flatten()) / (2 * 5)
    loss.backward()
    slope = torch.cat([parameter.grad.flatten() for parameter in network.parameters()])
    before, slopes = weights_of(pool.network(0)), []
    own = list(pool.network(0).parameters())
    pool._at(0).optimiser.register_step_pre_hook(
        lambda *_: slopes.append(torch.cat([parameter.grad.flatten() for parameter in own]))
    )
    pool.train(VIDEOS, targets, 0, 1)
    torch.testing.assert_close(slopes, [slope], rtol=1e-4, atol=1e-6)
    moved = weights_of(pool.network(0)) - before
    clear = slope.abs() > 1e-5
    assert clear.sum() > 100
    torch.testing.assert_close(moved[clear], -1e-3 * slope[clear].sign(), rtol=2e-2, atol=0)


def test_no_training_step_has_more_than_a_batch(small_networks):
    pool = pool_of(online_pool=1, batch=2)
    seen = []
    pool.network(0).register_forward_pre_hook(lambda module, inputs: seen.append(inputs[0]))
    pool.train(VIDEOS, TARGETS, 0, 3)
    assert [len(videos) for videos in seen] == [2, 2, 2]
    assert not seen[0].equal(seen[1])


def test_the_state_holds_networks_optimisers_and_counts(small_networks):
    one = pool_of(online_pool=2, max_online=3)
    for iteration in range(7):
        one.network(iteration)
        one.train(VIDEOS, TARGETS, iteration, 1)
    other = pool_of(online_pool=2, max_online=3)
    other.load_state({name: value.clone() for name, value in one.state().items()})
    for iteration in range(7, 15):
        assert weights_of(one.network(iteration)).equal(weights_of(other.network(iteration)))
        one.train(VIDEOS, TARGETS, iteration, 1)
        other.train(VIDEOS, TARGETS, iteration, 1)
    assert one.steps == other.steps
    assert one.generations == other.generations != [0, 0]
