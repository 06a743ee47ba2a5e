"""What drawn faces have, and the network whose features tell it."""

import colorsys
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from mmpe.apis.features import attribute_accuracy, train_face_features
from mmpe.cli.features import main
from mmpe.datasets import DrawnFaces
from mmpe.datasets.drawn_faces import ATTRIBUTES, draw_face, face_attributes
from mmpe.errors import InputError
from mmpe.evaluation import AttributeNetwork, FaceFeatures, frechet_distance, precision_recall
from mmpe.registry import METRICS

SHIPPED = Path(__import__('mmpe').__file__).parent / 'evaluation' / 'face_features.pth'


@pytest.fixture(scope='module')
def network():
    return FaceFeatures()


def faces(first, num, size):
    """Drawn faces first, first + 1, ... as uint8 pictures of a size, enlarged or reduced by torch alone."""
    data = DrawnFaces(first + num, 64)
    pictures = torch.stack([data[first + i]['inputs'] for i in range(num)]).float()
    return F.interpolate(pictures, size, mode='bicubic', antialias=True).clamp(0, 255).round().to(torch.uint8)


@pytest.fixture
def tool(monkeypatch):
    def run(*arguments):
        monkeypatch.setattr(sys, 'argv', ['features.py', *map(str, arguments)])
        main()

    return run


# -------------------------------------------------------------------- attributes


@pytest.mark.parametrize('number', range(12))
def test_attributes_are_what_the_picture_shows(number):
    found, pixels = face_attributes(number), np.asarray(draw_face(number, 100), dtype=int)
    assert found['background'] == int(6 * colorsys.rgb_to_hsv(*pixels[2, 2])[0])
    assert found['shirt'] == int(6 * colorsys.rgb_to_hsv(*pixels[97, 30])[0])
    at_hairline, chin = pixels[22, 50], pixels[78, 50]
    assert (found['hair'] == 6) == (np.abs(at_hairline - chin).max() < 8)
    beside_the_neck = pixels[70, 22]
    assert bool(found['long_hair']) == (np.abs(beside_the_neck - pixels[2, 2]).max() > 8)


def test_attributes_are_as_common_as_they_are_drawn():
    drawn = [face_attributes(number) for number in range(1500)]
    shares = {name: Counter(face[name] for face in drawn) for name in ATTRIBUTES}
    assert {name: len(values) for name, values in shares.items()} == ATTRIBUTES
    assert shares['glasses'][1] / 1500 == pytest.approx(0.25, abs=0.04)
    assert shares['teeth'][1] / 1500 == pytest.approx(0.4, abs=0.05)
    assert shares['hair'][6] / 1500 == pytest.approx(0.08, abs=0.03)


# -------------------------------------------------------------------- features


def test_the_network_tells_what_a_face_has():
    """Far more often than by naming the most common value, but for irises of a pixel or two; half are 32x32."""
    network = AttributeNetwork()
    network.load_state_dict(torch.load(SHIPPED, weights_only=True))
    drawn = [face_attributes(number) for number in range(1500)]
    for name, right in attribute_accuracy(network.eval()).items():
        by_chance = Counter(face[name] for face in drawn).most_common(1)[0][1] / 1500
        assert name == 'iris' or right > by_chance + 0.9 * (1 - by_chance), name


@pytest.mark.parametrize('size', [(32, 32), (48, 48), (64, 64), (32, 64), (96, 80)])
def test_worse_pictures_are_further_away(network, size):
    real, other = faces(0, 200, size), faces(5000, 200, size)
    blurred = F.avg_pool2d(other.float(), 9, 1, 4, count_include_pad=False).to(torch.uint8)
    noise = torch.randint(0, 256, other.shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        reference, *features = [network(x) for x in (real, other, blurred, noise)]
    distances = [frechet_distance(reference, x) for x in features]
    assert distances[0] * 3 < distances[1] and distances[1] * 1.5 < distances[2]
    precision, recall = zip(*(precision_recall(reference, x) for x in features))
    assert precision[0] > 0.7 and recall[0] > 0.7
    assert precision[0] > precision[1] and recall[0] > recall[1] and precision[2] < 0.05


def test_one_face_again_and_again_is_like_real_ones_and_not_all_of_them(network):
    """Precision sees no lack of variety; recall does."""
    with torch.no_grad():
        real, few = network(faces(0, 200, (48, 48))), network(faces(5000, 4, (48, 48)))
    precision, recall = precision_recall(real, few.repeat(50, 1) + 0.01 * torch.randn(200, 64))
    assert precision > 0.7 and recall < 0.2


def test_features_do_not_depend_on_the_batch(network):
    pictures = faces(0, 8, (40, 40))
    with torch.no_grad():
        torch.testing.assert_close(network(pictures)[3:4], network(pictures[3:4]))


def test_metrics_take_it_by_its_name():
    metric = METRICS.build(
        dict(
            type='FeatureMetrics',
            network=dict(type='FaceFeatures'),
            scores=('fid',),
            real=dict(type='DrawnFaces', num=4, size=32),
        )
    )
    assert metric.describe(torch.zeros(2, 3, 32, 32, dtype=torch.uint8), [0, 1]).shape == (2, 64)


# -------------------------------------------------------------------- making it


def test_the_tool_makes_the_same_file_again(tool, tmp_path, capsys):
    for name in ('one.pth', 'two.pth'):
        tool(tmp_path / name, '--iterations', 2)
    assert 'glasses' in capsys.readouterr().out
    one, two = (torch.load(tmp_path / name, weights_only=True) for name in ('one.pth', 'two.pth'))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert FaceFeatures(tmp_path / 'one.pth')(torch.zeros(1, 3, 9, 9, dtype=torch.uint8)).shape == (1, 64)


def test_training_leaves_random_numbers_alone(tmp_path):
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    train_face_features(tmp_path / 'x.pth', iterations=1)
    assert torch.equal(torch.rand(2), expected)


@pytest.mark.parametrize('iterations', [0, -1])
def test_no_iterations_are_refused(tool, tmp_path, capsys, iterations):
    with pytest.raises(SystemExit) as stop:
        tool(tmp_path / 'x.pth', f'--iterations={iterations}')
    assert stop.value.code == 2
    assert f'{iterations} cannot work' in capsys.readouterr().err
    assert not (tmp_path / 'x.pth').exists()


@pytest.mark.parametrize('content', [b'', b'no weights', None, 'other weights'])
def test_other_files_are_refused(tmp_path, content):
    path = tmp_path / 'x.pth'
    if content == 'other weights':
        torch.save(torch.nn.Linear(2, 2).state_dict(), path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r'x\.pth.*mmpe features'):
        FaceFeatures(path)
