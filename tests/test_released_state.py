"""Released state dicts on mmpe's networks: what moves numbers is undone, copies keep it, nothing above is needed."""

import copy
import pickle
import subprocess
import sys

import pytest
import torch
from stand_in_weights import fill, noise
from torch import nn

from mmpe.compat.released_state import Entry, as_released, part, swap_colors
from mmpe.registry import DATASETS, MODELS

REARRANGEMENTS = dict(
    transposed=lambda value: value.transpose(0, 2),
    flipped=lambda value: value.flip(1, 3),
    flat=lambda value: value.flatten(1),
    split=lambda value: value.unflatten(1, (2, 2))[None],
    rolled=lambda value: value.roll((1, 2), (0, 1)),
    every_axis=lambda value: value.permute(3, 0, 2, 1).flip(0).flatten(1, 2),
)
SMALL_STYLE = dict(out_size=16, style_channels=8, num_mlps=2, max_channels=8)
NETWORKS = dict(
    style=dict(type='StyleGAN2Generator', **SMALL_STYLE),
    mspie=dict(type='MSStyleGANv2Generator', **SMALL_STYLE, head_pos_encoding=dict(type='CSG')),
    style_critic=dict(type='MSStyleGAN2Discriminator', in_size=16, max_channels=8),
    dcgan=dict(type='DCGANGenerator', output_scale=16, base_channels=8),
    dcgan_critic=dict(type='DCGANDiscriminator', input_scale=16, base_channels=4),
    pggan=dict(type='PGGANGenerator', noise_size=6, out_scale=16, base_channels=32, max_channels=8),
    unfused=dict(type='PGGANGenerator', noise_size=6, out_scale=8, base_channels=32, fused_upconv=False),
    pggan_critic=dict(type='PGGANDiscriminator', in_scale=16, base_channels=32, max_channels=8),
    singan=dict(type='SinGANMultiScaleGenerator', in_channels=3, out_channels=3, num_scales=1),
)
COPIES = dict(
    copied=copy.deepcopy,
    pickled=lambda network: pickle.loads(pickle.dumps(network)),
    below=lambda network: copy.deepcopy(nn.ModuleDict(dict(network=network)))['network'],
)


def assert_same_state(network, state):
    own = network.state_dict()
    assert own.keys() == state.keys()
    assert all(torch.equal(value, state[name]) for name, value in own.items())


@pytest.mark.parametrize('name', REARRANGEMENTS)
def test_what_moves_numbers_is_undone(name):
    layer = nn.Conv2d(4, 3, (2, 5), bias=False)
    weight = torch.randn_like(layer.weight)
    released = REARRANGEMENTS[name](weight)
    as_released(layer, {'weight': Entry('kernels', shape=REARRANGEMENTS[name])})
    layer.load_state_dict({'kernels': released})
    assert torch.equal(layer.weight, weight)
    assert torch.equal(layer.state_dict()['kernels'], released)
    with pytest.raises(RuntimeError, match='size mismatch for weight'):
        layer.load_state_dict({'kernels': released[..., :1]})


@pytest.mark.parametrize(
    'names, released',
    [
        ({'{i}': 'convs.{2i+1}.conv'}, ['convs.1.conv.weight', 'convs.3.conv.weight', 'convs.5.conv.weight']),
        ({'{i}': 'convs.{2i}'}, ['convs.0.weight', 'convs.2.weight', 'convs.4.weight']),
        ({'{i}.weight': '{2i+2}'}, ['2', '4', '6']),
        ({'1': 'middle', '{i}': '{i+1}'}, ['1.weight', 'middle.weight', '3.weight']),  # the first that fits
        ({'{i}': '{i}', '1': 'middle'}, ['0.weight', '1.weight', '2.weight']),
        ({'2.weight': 'last'}, ['0.weight', '1.weight', 'last']),  # the others keep theirs
        ({'2.wei': 'last', '2.weight.x': 'y'}, ['0.weight', '1.weight', '2.weight']),  # no part of a name
        ({'.': 'x'}, ['0.weight', '1.weight', '2.weight']),  # no pattern
        (part('{i}', 'a.{i}', {'weight': Entry('b', colors=0)}), ['a.0.b', 'a.1.b', 'a.2.b']),
    ],
)
def test_rows_name_what_they_fit(names, released):
    network = nn.Sequential(*(nn.Linear(3, 3, bias=False) for _ in range(3)))
    weights = [layer.weight.detach().clone() for layer in network]
    state = as_released(network, names).state_dict()
    assert list(state) == released
    assert all(torch.equal(value, weight) for value, weight in zip(state.values(), weights, strict=True))


def test_names_may_be_exchanged():
    """A released name that is mmpe's of another entry."""
    layer = as_released(nn.Linear(3, 3), {'weight': 'bias', 'bias': 'weight'})
    layer.load_state_dict({'bias': torch.eye(3), 'weight': torch.arange(3.0)})
    assert torch.equal(layer(torch.zeros(1, 3)), torch.arange(3.0)[None])
    assert torch.equal(layer.state_dict()['bias'], torch.eye(3))


@pytest.mark.parametrize('way', COPIES)
@pytest.mark.parametrize('name', NETWORKS)
def test_copies_have_the_released_state_dict(name, way):
    network = MODELS.build(NETWORKS[name])
    other = COPIES[way](network)
    assert_same_state(other, network.state_dict())
    fill(other, name)
    state = {key: value.clone() for key, value in other.state_dict().items()}
    assert not torch.equal(next(network.parameters()), next(other.parameters()))  # and memory of its own
    network.load_state_dict(state)
    assert_same_state(network, state)


@torch.no_grad()
@pytest.mark.parametrize(
    'call', [lambda f, z: f(z, -1), lambda f, z: f(z, curr_scale=-4), lambda f, z: f(z, None, 1.0)]
)
@pytest.mark.parametrize('name, shape', [('pggan', (4, 6)), ('pggan_critic', (4, 3, 16, 16))])
def test_a_negative_side_is_the_largest(name, shape, call):
    network, inputs = fill(MODELS.build(NETWORKS[name]), name), noise('inputs', shape)
    assert torch.equal(call(network, inputs), network(inputs))


def test_colors_are_swapped_where_they_are():
    layer = nn.Conv2d(3, 3, 1)
    weight, bias = (parameter.detach().clone() for parameter in layer.parameters())
    swap_colors(layer, {'weight': Entry('weight', colors=1)})
    assert torch.equal(layer.weight, weight[:, [2, 1, 0]]) and torch.equal(layer.bias, bias)


def test_compat_needs_nothing_above_and_replaces_nothing():
    code = (
        'import sys; import mmpe.compat.checkpoints, mmpe.compat.hub;'
        'print([name for name in sys.modules if name.startswith(("mmpe.apis", "mmpe.cli", "mmpe.editing"))])'
    )
    done = subprocess.run([sys.executable, '-W', 'ignore', '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
    DATASETS.import_from_location()
    assert DATASETS.get('SinGANDataset').__module__ == 'mmpe.compat.datasets'
