"""Noise that is computed where it is needed, and counters that are read without asking the device."""

import copy

import pytest
import torch
from scipy import stats
from torch import nn

from mmpe.models.counters import CountingModule
from mmpe.models.noise import CountedNoise, SerialNoise, image_noise, philox
from mmpe.random_numbers import random_generator

WORDS = 2**32 - 1
PI = 0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344, 0xA4093822, 0x299F31D0
# Random123's known answers: rounds, counter and key, words
KNOWN_ANSWERS = [
    (7, (0,) * 6, (0x5F6FB709, 0x0D893F64, 0x4F121F81, 0x4F730A48)),
    (7, (WORDS,) * 6, (0x5207DDC2, 0x45165E59, 0x4D8EE751, 0x8C52F662)),
    (7, PI, (0x4DFCCABA, 0x190A87F0, 0xC47362BA, 0xB6B5242A)),
    (10, (0,) * 6, (0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8)),
    (10, (WORDS,) * 6, (0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD)),
    (10, PI, (0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1)),
]
SHAPES = [(2, 5), (1, 4, 6), (3,)]


def counted(numbers, purpose='generator', seed=2021, iteration=5):
    return CountedNoise(torch.empty(0), purpose, seed, iteration, numbers=numbers)


@pytest.mark.parametrize(('rounds', 'given', 'words'), KNOWN_ANSWERS)
def test_philox_gives_the_published_words(rounds, given, words):
    *counter, key, other = given
    found = philox([torch.tensor([word, word]) for word in counter], (key, other), rounds)
    assert [word.tolist() for word in found] == [[word, word] for word in words]


@pytest.mark.parametrize(
    'parts',
    [
        [range(0, 8, 2), range(1, 8, 2)],  # two processes
        [range(0, 8, 4), range(1, 8, 4), range(2, 8, 4), range(3, 8, 4)],
        [range(3), range(3, 8)],  # two batches of an update
    ],
)
def test_an_image_has_the_same_noise_in_every_batch_and_on_every_process(parts):
    together = counted(range(8))
    expected = [*together.normal(*SHAPES), together.uniform(1, 1, 1)]
    for numbers in parts:
        apart = counted(numbers)
        found = [*apart.normal(*SHAPES), apart.uniform(1, 1, 1)]
        for one, all_of_them in zip(found, expected):
            assert torch.equal(one, all_of_them[list(numbers)])


def test_noise_is_normal_and_independent():
    """Over numbers, images, draws, purposes, seeds and iterations."""
    length = 4096
    noise = counted(range(4))
    rows = [*noise.normal((length,))[0], *noise.normal((length,))[0]]
    rows += [counted(range(1), **other).normal((length,))[0][0] for other in OTHER_PLACES]
    rows = torch.stack(rows)
    for row in rows:
        assert stats.kstest(row.numpy(), 'norm').pvalue > 1e-4
    moments = rows.mean().item(), rows.var().item(), rows.pow(4).mean().item()
    assert moments == pytest.approx((0, 1, 3), abs=0.1)
    shifted = torch.cat([rows] + [rows.roll(by, 1) for by in (1, 2, 3, 4)])
    correlations = torch.corrcoef(shifted).fill_diagonal_(0)
    assert correlations.abs().max() < 6 / length**0.5


OTHER_PLACES = [dict(purpose='discriminator'), dict(seed=2022), dict(iteration=6), dict(seed=5, iteration=2021)]


def test_uniform_noise_is_uniform():
    assert stats.kstest(counted(range(50)).uniform(81).flatten().numpy(), 'uniform').pvalue > 1e-4


def test_noise_on_the_cpu_is_that_of_each_images_generator():
    """As it always was: the latents first, then the maps; so earlier runs resume to the bit."""
    noise = image_noise(torch.empty(0, dtype=torch.float64), 'generator', 2021, 5, numbers=range(1, 6, 2))
    assert isinstance(noise, SerialNoise)
    found = [*noise.normal(*SHAPES), noise.uniform(1, 1, 1)]
    for row, number in enumerate((1, 3, 5)):
        rng = random_generator('generator', 2021, 5, number)
        expected = [torch.randn(*shape, generator=rng).double() for shape in SHAPES]
        expected.append(torch.rand(1, 1, 1, generator=rng).double())
        assert all(torch.equal(one[row], other) for one, other in zip(found, expected))


# -------------------------------------------------------------------- counters


class Counting(CountingModule):
    def __init__(self):
        super().__init__()
        self.register_buffer('step', torch.tensor(3))
        self.register_buffer('sizes', torch.tensor([[4, 5], [6, 7]]))


def written_from_outside(model):
    """Each way in which somebody else changes a buffer; gives what it should then be."""
    model.step += 1
    yield 4
    model.step.fill_(7)
    yield 7
    model.load_state_dict(dict(model.state_dict(), step=torch.tensor(9)))
    yield 9
    model.step = torch.tensor(11)
    yield 11
    model.double().float()
    yield 11
    with torch.no_grad():
        model.step.copy_(torch.tensor(12))
    yield 12


def test_numbers_are_those_of_the_buffer_whoever_writes_it():
    model = Counting()
    assert (model.numbers('step'), model.numbers('sizes')) == (3, [[4, 5], [6, 7]])
    for expected in written_from_outside(model):
        assert model.numbers('step') == expected == int(copy.deepcopy(model).numbers('step'))
    model.set_numbers('step', 20)
    assert int(model.state_dict()['step']) == int(model.step) == model.numbers('step') == 20


def test_a_copy_counts_by_itself():
    model = Counting()
    model.set_numbers('step', 5)
    other = copy.deepcopy(model)
    other.set_numbers('step', 6)
    other.step.add_(1)
    assert (model.numbers('step'), other.numbers('step')) == (5, 7)


def test_numbers_are_read_once(monkeypatch):
    model, reads = Counting(), []
    tolist = torch.Tensor.tolist
    monkeypatch.setattr(torch.Tensor, 'tolist', lambda self: reads.append(self) or tolist(self))
    for step in range(3, 6):
        assert model.numbers('step') == step
        model.set_numbers('step', step + 1)
    assert len(reads) == 1


def test_numbers_within_inference_mode():
    with torch.inference_mode():
        model = nn.Sequential(Counting())[0]
        model.set_numbers('step', 4)
        model.step += 1
        assert model.numbers('step') == 5
