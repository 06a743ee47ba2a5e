"""The instruments of mmpe.analysis against what is known beforehand."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from mmpe.analysis import (
    border_ablation,
    draw_features,
    equivariance,
    equivariance_by_padding,
    find_layers,
    position_probe,
    spatial_bias,
    stationarity,
    swapped,
    unpadded,
)
from mmpe.analysis.position import ReadOut, coordinates
from mmpe.analysis.rings import border_distance, center_region
from mmpe.analysis.translation import translate
from mmpe.errors import InputError

SIZE = 16


def noise(channels=1, size=SIZE):
    return lambda num, rng: torch.randn(num, channels, size, size, generator=rng)


def stack(padding_mode='zeros', layers=3, channels=6, leaky=True, padding=1):
    torch.manual_seed(1)
    parts = []
    for i in range(layers):
        parts.append(nn.Conv2d(channels if i else 1, channels, 3, padding=padding, padding_mode=padding_mode))
        parts += [nn.LeakyReLU(0.2)] if leaky else []
    return nn.Sequential(*parts)


class Add(nn.Module):
    """Adds a fixed map to its input."""

    def __init__(self, added):
        super().__init__()
        self.register_buffer('added', added)

    def forward(self, x):
        return x + self.added


class Shuffle(nn.Module):
    """Gives every picture's locations an order of their own."""

    def forward(self, x):
        flat = x.flatten(2)
        return torch.stack([y[:, torch.randperm(y.shape[1])] for y in flat]).reshape(x.shape)


class Scale(nn.Module):
    """Multiplies its input by a fixed map."""

    def __init__(self, factor):
        super().__init__()
        self.register_buffer('factor', factor)

    def forward(self, x):
        return x * self.factor


# --------------------------------------------------------------------------------------------------------------- layers


def test_layers_are_named_in_the_order_in_which_they_run_and_once_for_the_same_map():
    module = nn.Sequential(stack(layers=2), nn.Identity(), nn.AdaptiveAvgPool2d(1))
    assert find_layers(module, noise()) == ['0.0', '0.1', '0.2', '1']


def test_features_are_taken_before_a_later_layer_writes_over_them():
    module = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(inplace=True))
    maps = next(draw_features(module, noise(), ['0', 'output'], 2))
    assert maps['0'].min() < 0 <= maps['output'].min()


def test_the_module_is_left_as_it_was():
    module = nn.Sequential(nn.Conv2d(1, 2, 3, padding=1), nn.BatchNorm2d(2), nn.Dropout(0.5)).train()
    module[2].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    state = torch.get_rng_state()
    position_probe(module, noise(), num=8)
    border_ablation(module, noise(), num=2)
    assert [part.training for part in module] == [True, True, False]
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in module.modules())


def test_numbers_are_the_same_for_the_same_seed_also_where_the_module_draws():
    module = nn.Sequential(stack(layers=1), Shuffle())
    first, again, other = (
        position_probe(module, noise(), ['output'], num=8, seed=seed).layers[0].linear.error for seed in (0, 0, 1)
    )
    assert first == again != other


@pytest.mark.parametrize('instrument', [position_probe, spatial_bias, stationarity])
def test_a_layer_that_does_not_exist_is_refused_with_the_nearest(instrument):
    module = nn.Sequential()
    module.add_module('enlarge', nn.Conv2d(1, 1, 1))
    module.add_module('to_rgb', nn.Conv2d(1, 1, 1))
    with pytest.raises(InputError, match="'enlarged'.*'enlarge'"):
        instrument(module, noise(), ['enlarged'])


@pytest.mark.parametrize('instrument', [position_probe, spatial_bias, stationarity, find_layers])
def test_a_module_without_maps_is_refused(instrument):
    with pytest.raises(InputError, match='position has no meaning'):
        instrument(nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(1, 2)), noise())


def test_single_cells_numbers_that_are_not_finite_and_too_few_draws_are_refused():
    with pytest.raises(InputError, match='grid of 1x1'):
        position_probe(nn.AdaptiveAvgPool2d(1), noise(), ['output'])
    with pytest.raises(InputError, match='not finite'):
        spatial_bias(Scale(torch.tensor(math.inf)), noise())
    with pytest.raises(InputError, match='num=4'):
        position_probe(stack(), noise(), num=4)
    with pytest.raises(InputError, match='num of each'):
        position_probe(stack(), lambda num, rng: torch.randn(3, 1, SIZE, SIZE), ['output'])


# ------------------------------------------------------------------------------------------------------- position probe


def test_probe_reads_coordinates_where_they_are_and_nothing_where_they_are_shuffled():
    where = Add(coordinates(SIZE, SIZE + 4))

    def faint(num, rng):
        return 0.01 * torch.randn(num, 2, SIZE, SIZE + 4, generator=rng)

    told = position_probe(where, faint, num=32).layers[0]
    for out in (told.linear, told.conv):
        assert min(out.r2_x, out.r2_y) > 0.999
        assert out.error < 0.2
        assert out.error_map.max() < 0.3
    shuffled = position_probe(nn.Sequential(where, Shuffle()), faint, ['output'], num=32).layers[0]
    for out in (shuffled.linear, shuffled.conv):
        assert abs(out.r2) < 0.01
        assert out.error == pytest.approx(out.chance, rel=0.02)


def test_probe_tells_x_from_y():
    only_x = coordinates(SIZE, SIZE)
    only_x[1] = 0
    found = position_probe(Add(only_x), lambda n, rng: 0.01 * torch.randn(n, 2, SIZE, SIZE, generator=rng)).layers[0]
    assert found.linear.r2_x > 0.999
    assert abs(found.linear.r2_y) < 0.01
    assert found.linear.r2 == pytest.approx(0.5, abs=0.01)


def test_probe_errors_are_in_cells():
    """Features that say the place up to noise of half a cell in x and y."""
    size, cell = 11, 2 / 10
    found = position_probe(
        Add(coordinates(size, size)),
        lambda n, rng: cell / 2 * torch.randn(n, 2, size, size, generator=rng),
        num=256,
    ).layers[0]
    assert found.linear.error == pytest.approx(0.5 * math.sqrt(math.pi / 2), rel=0.03)
    distances = np.hypot(*np.mgrid[-5:6, -5:6])
    assert found.linear.chance == pytest.approx(distances.mean(), rel=1e-5)
    assert found.conv.error < found.linear.error


def test_probe_finds_position_behind_zero_padding_and_none_without():
    r2 = {mode: position_probe(stack(mode), noise(), ['output']).r2 for mode in ('zeros', 'reflect', 'circular')}
    bare = position_probe(stack(padding=0), noise(), ['output']).r2
    assert abs(bare) < 0.05
    assert abs(r2['circular']) < 0.05
    assert r2['zeros'] > max(0.1, r2['reflect'] + 0.05)


def test_probe_errors_on_a_plane_that_is_not_square():
    found = position_probe(Add(torch.zeros(1, 5, 21)), lambda n, rng: torch.randn(n, 1, 5, 21, generator=rng), num=8)
    rows, columns = np.mgrid[-2:3, -10:11]
    assert found.layers[0].linear.chance == pytest.approx(np.hypot(rows, columns).mean(), rel=1e-5)
    assert found.layers[0].linear.error == pytest.approx(found.layers[0].linear.chance, rel=0.05)


def test_probe_does_not_mistake_noise_for_position_where_features_are_many_and_places_few():
    found = position_probe(nn.Identity(), lambda n, rng: torch.randn(n, 64, 8, 8, generator=rng), num=16, points=128)
    assert abs(found.layers[0].linear.r2) < 0.05
    assert abs(found.layers[0].conv.r2) < 0.05


def test_probe_sees_wide_layers_through_a_projection():
    wide = nn.Sequential(Add(coordinates(SIZE, SIZE)), nn.Conv2d(2, 64, 1))
    torch.nn.init.orthogonal_(wide[1].weight)
    probe = position_probe(
        wide, lambda n, rng: 0.01 * torch.randn(n, 2, SIZE, SIZE, generator=rng), ['output'], max_features=16
    )
    assert probe.layers[0].linear.r2 > 0.99


# --------------------------------------------------------------------------------------------------------- spatial bias


def test_a_field_that_is_the_same_everywhere_raises_false_alarms_at_the_stated_level_only():
    module = stack(padding=0, layers=2, channels=2)
    alarms = [
        spatial_bias(module, noise(size=12), ['output'], num=64, seed=seed, permutations=59).layers[0].reach > 0
        for seed in range(60)
    ]
    assert np.mean(alarms) <= 0.05 + 2.5 * math.sqrt(0.05 * 0.95 / 60)


@pytest.mark.parametrize('width', [1, 2, 4])
@pytest.mark.parametrize('planted', ['mean', 'variance'])
def test_reach_is_the_width_of_a_planted_bias(width, planted):
    border = torch.from_numpy(border_distance(20, 20) < width).float()
    module = Add(1.5 * border) if planted == 'mean' else Scale(1 + 1.5 * border)
    found = spatial_bias(module, noise(2, 20)).layers[0]
    assert found.reach == width
    assert not found.reaches_center
    significant = found.p_values <= 0.05
    assert significant[border.bool().numpy()].mean() > 0.9
    # Of two rings that are biased alike the outer one cannot be told from the inner one.
    assert found.balance == 0 if width == 1 else math.isnan(found.balance)


def test_bias_gives_mean_variance_and_difference_by_location():
    border = torch.from_numpy(border_distance(12, 12) < 2).float()
    found = spatial_bias(nn.Sequential(Scale(1 + border), Add(3 * border)), noise(1, 12), ['output'], num=2048).layers[
        0
    ]
    inside = border.numpy() == 0
    assert found.mean[0][inside] == pytest.approx(0, abs=0.1)
    assert found.mean[0][~inside] == pytest.approx(3, abs=0.2)
    assert found.variance[0][inside] == pytest.approx(1, abs=0.15)
    assert found.variance[0][~inside] == pytest.approx(4, abs=0.6)


def test_balance_of_an_even_gradient_is_one_and_its_d_is_the_step():
    step = 0.5
    field = step * torch.stack(torch.meshgrid(torch.arange(SIZE), torch.arange(SIZE), indexing='ij')).float()
    found = spatial_bias(Add(field), noise(2), num=512, permutations=99).layers[0]
    assert found.balance == pytest.approx(1, abs=0.05)
    assert found.border_d == pytest.approx(step, rel=0.05)
    assert found.reaches_center


def test_discriminability_does_not_grow_with_channels_that_tell_nothing():
    field = torch.zeros(16, 12, 12)
    field[:2] = 0.8 * torch.stack(torch.meshgrid(torch.arange(12), torch.arange(12), indexing='ij'))
    found = spatial_bias(Add(field), noise(16, 12), num=64).layers[0]
    assert found.border_d == pytest.approx(0.8, rel=0.1)


def test_balance_of_what_is_the_same_everywhere_is_undefined():
    found = spatial_bias(stack('circular'), noise(), ['output']).layers[0]
    assert math.isnan(found.balance)
    assert (found.reach, found.border_d, found.center_d) == (0, 0, 0)


def test_an_encoding_that_noise_does_not_change_is_seen():
    found = spatial_bias(nn.Sequential(Scale(torch.tensor(0.0)), Add(coordinates(SIZE, SIZE))), noise(2), ['output'])
    assert found.layers[0].reaches_center


def test_central_region_and_rings():
    assert center_region(4, 5).astype(int).tolist() == [[0] * 5, [0, 0, 1, 0, 0], [0, 0, 1, 0, 0], [0] * 5]
    assert border_distance(3, 4).tolist() == [[0, 0, 0, 0], [0, 1, 1, 0], [0, 0, 0, 0]]


# --------------------------------------------------------------------------------------------------------- stationarity


def ones(layers=1, size=3, mode='zeros'):
    parts = [nn.Conv2d(1, 1, 3, padding=1, padding_mode=mode) for _ in range(layers)]
    for part in parts:
        nn.init.ones_(part.weight)
        nn.init.constant_(part.bias, 0.5)
    return nn.Sequential(*parts)


def test_closed_form_of_a_3x3_case_by_hand():
    """Every output is the sum of the inputs within reach: 4 at a corner, 6 at an edge, 9 in the middle."""
    found = stationarity(ones(), noise(size=3), num=4096, mean=2, variance=9).layers[0]
    taps = np.array([[4, 6, 4], [6, 9, 6], [4, 6, 4]])
    assert found.exact
    assert found.expected_mean[0] == pytest.approx(0.5 + 2 * taps, rel=1e-6)
    assert found.expected_covariance[0, 0] == pytest.approx(9 * taps, rel=1e-6)
    assert found.reach == 1
    assert not found.agrees  # as the noise is N(0, 1)


def test_draws_agree_with_the_closed_form():
    module = stack(leaky=False, channels=3)
    found = stationarity(module, lambda n, rng: 1 + 2 * torch.randn(n, 1, 9, 9, generator=rng), num=4096)
    for layer in found.layers:
        assert layer.exact
        assert layer.agrees
        assert layer.covariance == pytest.approx(layer.expected_covariance, abs=0.15 * layer.covariance.max())


@pytest.mark.parametrize(('kernel', 'radius'), [(3, 1), (5, 2)])
def test_reach_grows_by_one_kernel_radius_a_layer_and_vanishes_without_padding(kernel, radius):
    module = nn.Sequential(*(nn.Conv2d(1, 1, kernel, padding=radius) for _ in range(3)))
    size = 6 * radius + 7
    found = stationarity(module, noise(size=size), num=64)
    assert [layer.reach for layer in found.layers] == [radius, 2 * radius, 3 * radius]
    bare = stationarity(unpadded(module), noise(size=size), num=64)
    assert [layer.reach for layer in bare.layers] == [0, 0, 0]
    assert bare.stationary
    assert bare.layers[-1].size == (size - 6 * radius,) * 2


def test_behind_a_leaky_relu_locations_are_compared_by_draws():
    padded = stationarity(stack(layers=2), noise(size=13), num=1024)
    assert [layer.exact for layer in padded.layers] == [True, False, False, False]
    assert [layer.reach for layer in padded.layers] == [1, 1, 2, 2]
    assert math.isnan(padded.layers[-1].deviation)
    assert padded.layers[-1].agrees is None
    assert stationarity(unpadded(stack(layers=2)), noise(size=13), num=1024).stationary


def test_stationarity_asks_for_one_map():
    with pytest.raises(InputError, match='one map'):
        stationarity(nn.Unflatten(1, (1, 4, 4)), lambda num, rng: torch.randn(num, 16))


# --------------------------------------------------------------------------------------------------------- equivariance


def test_eq_t_is_infinite_on_a_periodic_network_without_padding_and_on_a_constant():
    for module in (stack('circular'), stack(padding=0), Scale(torch.tensor(0.0))):
        found = equivariance(module, noise())
        assert found.eq_t == math.inf
        assert found.relative_error == 0
    assert stack('circular')[0].padding_mode == 'circular'


def test_translation_moves_a_wave_by_parts_of_a_pixel():
    def wave(shift):
        return torch.cos(2 * math.pi * (torch.arange(32) - shift) / 16).expand(1, 1, 32, 32)

    assert translate(wave(0), (0, 2.3)) == pytest.approx(wave(2.3), abs=0.01)
    assert translate(wave(0).mT, (-0.4, 5)) == pytest.approx(wave(-0.4).mT, abs=0.01)
    assert torch.equal(translate(wave(0), (3, 2)), wave(0).roll((3, 2), (2, 3)))


def test_fractional_shifts_change_nothing_in_a_linear_network():
    assert equivariance(stack('circular', leaky=False), noise()).fractional > 120
    assert equivariance(stack('circular'), noise()).fractional < 100


def test_eq_t_of_a_network_with_zero_padding_is_that_of_its_errors():
    """One layer of ones: in the first and the last column compared, one side sees three zeros for inputs."""
    found = equivariance(ones(size=8), noise(size=8), num=2048, shifts=[(0, 1)], fractional=())
    border = 6 * 3 + 2 * 2  # at corners, two inputs
    assert found.eq_t == pytest.approx(10 * math.log10(4 / (2 * border / (8 * 7))), abs=0.1)
    assert math.isnan(found.fractional)
    assert np.isnan(found.error_map[:, 0]).all()
    assert found.error_map[1:-1, 1] == pytest.approx(math.sqrt(3), rel=0.1)
    assert found.error_map[:, 2:-1] == pytest.approx(0, abs=1e-5)


@pytest.mark.parametrize('padding', [0, 1])
def test_scale_of_an_enlarging_network_is_found(padding):
    module = nn.Sequential(nn.Upsample(scale_factor=4), nn.Conv2d(1, 1, 3, padding=padding))
    found = equivariance(module, noise(size=8))
    assert found.scale == 4
    assert math.isfinite(found.eq_t) == bool(padding)


def test_inputs_can_be_shifted_by_the_caller():
    def shift(inputs, by):
        return (inputs[0] - by[1] * 2 / (SIZE - 1),)

    def ramp(num, rng):
        return torch.linspace(-1, 1, SIZE).expand(num, 1, SIZE, SIZE)

    found = equivariance(nn.Conv2d(1, 1, 1), ramp, shifts=[(0, 3)], fractional=[(0, 0.5)], shift=shift, scale=1)
    assert found.eq_t == math.inf
    assert found.by_shift[0, 0.5] > 60


def test_shifts_that_cannot_be_are_refused():
    with pytest.raises(InputError, match='no map'):
        equivariance(nn.Unflatten(1, (1, 4, 4)), lambda num, rng: torch.randn(num, 16))
    with pytest.raises(InputError, match='whole pixels'):
        equivariance(nn.AvgPool2d(2), noise(), shifts=[(0, 1)])
    with pytest.raises(InputError, match='leaves nothing'):
        equivariance(stack(), noise(), shifts=[(0, SIZE)])


# ------------------------------------------------------------------------------------------------------ border ablation


def test_border_ablation_changes_nothing_in_a_pointwise_network():
    found = border_ablation(nn.Sequential(nn.Conv2d(1, 4, 1), nn.ReLU(), nn.Conv2d(4, 1, 1)), noise())
    assert set(found.modes) == {'zero', 'reflect', 'replicate', 'circular', 'interp'}
    assert all(change.whole == 0 for change in found.modes.values())
    assert found.own == []


def test_change_decays_inward_and_ends_with_the_receptive_field():
    module = stack(layers=3)
    before = [part.padding_mode for part in module[::2]]
    found = border_ablation(module, noise())
    assert found.own == ['zero']
    assert found.modes['zero'].whole == 0
    for mode in ('reflect', 'replicate', 'circular'):
        change = found.modes[mode].by_distance
        assert (np.diff(change[:4]) < 0).all()
        assert change[:3].min() > 0
        assert change[3:] == pytest.approx(0, abs=1e-6)
    assert [part.padding_mode for part in module[::2]] == before
    assert not any(part._forward_pre_hooks for part in module)


def test_what_cannot_be_had_is_refused_with_the_reason():
    module = nn.Conv2d(1, 1, 9, padding=4)
    found = border_ablation(module, noise(size=4))
    assert 'replicate' in found.refused['reflect']
    assert 'zero' in found.modes
    with pytest.raises(InputError, match='no other padding'):
        border_ablation(module, noise(size=4), ['reflect'])


# ------------------------------------------------------------------------------------------ equivariance by padding


def test_a_periodic_copy_is_equivariant_and_others_are_as_they_are_alone():
    module = stack(layers=3)
    found = equivariance_by_padding(module, noise(), num=4)
    assert list(found.modes) == ['zero (as it is)', 'reflect', 'replicate', 'circular', 'interp']
    assert found.modes['circular'].eq_t == math.inf
    assert found.modes['reflect'].eq_t == equivariance(swapped(module, 'reflect'), noise(), num=4).eq_t < 60
    assert found.modes['zero (as it is)'].eq_t == equivariance(module, noise(), num=4).eq_t < 60


def test_without_padding_there_is_none_to_replace():
    found = equivariance_by_padding(stack(padding=0), noise(), num=2)
    assert list(found.modes) == ['none (as it is)'] and found.modes['none (as it is)'].eq_t == math.inf


def test_padding_that_cannot_be_had_is_refused():
    module = nn.Sequential(nn.AvgPool2d(4), nn.Conv2d(1, 1, 3, padding=1), nn.Conv2d(1, 1, 5, padding=2))
    found = equivariance_by_padding(module, noise(size=8), num=2, shifts=[(4, 0)], fractional=())
    assert 'reflect' in found.refused and 'circular' in found.modes


# -------------------------------------------------------------------------------------------------------------- figures


def test_every_instrument_has_a_figure_and_a_table(tmp_path):
    module = stack(layers=2)
    found = [
        position_probe(module, noise(), num=8),
        spatial_bias(module, noise(), num=16, permutations=19),
        stationarity(module, noise(size=7), num=64),
        equivariance(module, noise(), num=2),
        border_ablation(module, noise(), num=2),
        equivariance_by_padding(module, noise(), num=2),
    ]
    for i, result in enumerate(found):
        figure = result.figure()
        figure.savefig(tmp_path / f'{i}.png')
        assert (tmp_path / f'{i}.png').stat().st_size > 10_000
        header, *rows = result.table()
        assert rows
        assert all(len(row) == len(header) for row in rows)


def test_slopes_of_the_probe_tell_border_from_middle():
    places = np.linspace(-1, 1, 41)
    known = np.broadcast_to(places, (41, 41))
    only_ends = np.where(np.abs(known) > 0.5, known, 0.0)

    def read_out(x):
        return ReadOut(0, 0, 0, 0, 1, np.zeros((41, 41)), np.stack([x, x.T]))

    assert read_out(known).slopes() == pytest.approx((1, 1))
    outer, inner = read_out(only_ends).slopes()
    assert inner == 0 and outer == pytest.approx(2)  # twice the way in half the places
    assert read_out(0 * known).slopes() == (0, 0)


def test_mean_answers_of_a_probe_of_coordinates_are_the_places():
    grid = torch.stack(torch.meshgrid(torch.linspace(-1, 1, 12), torch.linspace(-1, 1, 12), indexing='xy'))
    found = position_probe(
        nn.Identity(), lambda num, rng: grid + 0.01 * torch.randn(num, 2, 12, 12, generator=rng), num=16
    )
    answers = found.layers[0].linear.answer_map
    np.testing.assert_allclose(answers, grid.numpy(), atol=0.02)
