"""The metric of details in their places, against SciPy's filter and against pictures that are known."""

import numpy as np
import pytest
import torch
from scipy.ndimage import uniform_filter

from mmpe.datasets import DrawnFaces
from mmpe.errors import InputError
from mmpe.evaluation import AlignedDetails

WINDOWS = dict(eyes=(0.4, 0.56, 0.32, 0.68), mouth=(0.62, 0.76, 0.36, 0.64))


def scores(pictures, real, size=48):
    """Of uint8 pictures."""
    metric = AlignedDetails(WINDOWS, real=dict(type='DrawnFaces', num=4, size=size), device='cpu')
    metric.real = {(size, size): metric.describe(real, range(len(real)))}
    return metric.score((size, size), metric.describe(pictures, range(len(pictures))))


def faces(numbers, size=48):
    data = DrawnFaces(max(numbers) + 1, size)
    return torch.stack([data[number]['inputs'] for number in numbers])


@pytest.mark.parametrize('size', [32, 48, 65])
def test_it_is_the_cosine_of_mean_high_pass_windows(size):
    some, others = faces(range(12), size), faces(range(40, 52), size)
    side = 2 * max(1, int(0.16 * size) // 2) + 1

    def mean_window(pictures, top, bottom, left, right):
        wide = pictures.double().numpy() / 127.5 - 1
        high = wide - uniform_filter(wide, (1, 1, side, side), mode='nearest')
        rows, columns = slice(round(top * size), round(bottom * size)), slice(round(left * size), round(right * size))
        return high[..., rows, columns].mean(0).ravel()

    found = scores(some, others, size)
    for name, window in WINDOWS.items():
        a, b = (mean_window(pictures, *window) for pictures in (some, others))
        assert found[name] == pytest.approx(a @ b / np.linalg.norm(a) / np.linalg.norm(b), abs=1e-4)


def test_faces_are_alike_and_what_is_elsewhere_is_not():
    real = faces(range(64))
    assert min(scores(faces(range(100, 164)), real).values()) > 0.9
    assert max(scores(255 - real, real).values()) == pytest.approx(-1, abs=1e-5)
    moved = torch.roll(real, 6, -2)
    assert max(scores(moved, real).values()) < 0.3
    without_mouth = real.clone()
    without_mouth[..., 29:37, 16:32] = without_mouth[..., 29:30, 16:32]
    found = scores(without_mouth, real)
    assert found['eyes'] > 0.99 and found['mouth'] < 0.5


@pytest.mark.parametrize(
    ('windows', 'message'),
    [
        ({}, r'windows=\{\} cannot work: it must be a dict'),
        ([(0, 1, 0, 1)], 'windows=.* cannot work: it must be a dict'),
        (5, 'windows=5 cannot work'),
        (None, 'windows=None cannot work'),
        (dict(eyes='0101'), "windows.eyes='0101' cannot work"),
        (dict(eyes=(0, float('nan'), 0, 1)), r'windows.eyes\[1\]=nan'),
        (dict(eyes=(False, True, 0, 1)), r'windows.eyes\[0\]=False'),
        (dict(eyes=(0.4, 0.6)), r'windows.eyes=\(0.4, 0.6\) cannot work: it must be \(top, bottom, left, right\)'),
        (dict(eyes=0.4), 'windows.eyes=0.4 cannot work'),
        (dict(eyes=(0.4, 0.6, 0.1, 1.1)), r'windows.eyes\[3\]=1.1'),
        (dict(eyes=(0.6, 0.4, 0.1, 0.2)), 'is empty: top < bottom'),
        (dict(eyes=('a', 0.4, 0.1, 0.2)), r"windows.eyes\[0\]='a'"),
    ],
)
def test_windows_that_cannot_work(windows, message):
    with pytest.raises(InputError, match=message):
        AlignedDetails(windows, real=dict(type='DrawnFaces', num=4, size=32))


def test_a_window_without_a_pixel_is_said():
    metric = AlignedDetails(dict(dot=(0.5, 0.51, 0.2, 0.4)), real=dict(type='DrawnFaces', num=4, size=48))
    assert metric.describe(torch.zeros(1, 3, 100, 100, dtype=torch.uint8), [0]).shape == (1, 3 * 1 * 20)
    with pytest.raises(InputError, match=r'windows.dot=.* has no pixel of 48x32 images'):
        metric.describe(torch.zeros(1, 3, 48, 32, dtype=torch.uint8), [0])
