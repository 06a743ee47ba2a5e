"""Encodings against the released implementation's numbers, closed forms, and the properties they are there for."""

import copy
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

import mmpe.compat.encodings  # noqa: F401  (the released names)
import mmpe.models.encodings  # noqa: F401
from mmpe.grid import Grid
from mmpe.registry import MODELS

RELEASED = {
    'spe256_shift100': dict(type='SPE', embedding_dim=256, padding_idx=0, init_size=256, center_shift=100),
    'spe4_shift200': dict(type='SPE2d', embedding_dim=4, padding_idx=0, center_shift=200),
    'spe16_halfdim': dict(type='SPE', embedding_dim=16, padding_idx=0, div_half_dim=True),
    'csg': dict(type='CSG'),
}
OURS = {
    'cartesian': dict(type='CartesianGrid'),
    'sinusoidal': dict(type='SinusoidalEncoding', embedding_dim=6),
    'centered': dict(type='SinusoidalEncoding', embedding_dim=8, div_half_dim=True, center=50),
    'learnable': dict(type='LearnableGrid', channels=3, size=(4, 6)),
    'fourier': dict(type='RandomFourierFeatures', num_features=5),
    'cosine': dict(type='CosineBasis', num_frequencies=4),
    'scale_consistent': dict(type='ScaleConsistentGrid', pad=1),
}
CHANNELS = dict(cartesian=2, sinusoidal=12, centered=16, learnable=3, fourier=10, cosine=16, scale_consistent=2)
GOLDENS = np.load(Path(__file__).parent / 'data' / 'pe.npz')
SIZES = [3, 4, (5, 7), (9, 3)]


@pytest.fixture(params=OURS)
def name(request):
    return request.param


@pytest.fixture
def encoding(name):
    return MODELS.build(OURS[name])


def naive_sinusoidal(first_x, first_y, height, width, dim, divisor):
    grid = np.empty((2 * dim, height, width))
    for i in range(height):
        for j in range(width):
            for k in range(dim // 2):
                frequency = 10000 ** (-k / divisor)
                grid[k, i, j] = math.sin((first_x + j) * frequency)
                grid[dim // 2 + k, i, j] = math.cos((first_x + j) * frequency)
                grid[dim + k, i, j] = math.sin((first_y + i) * frequency)
                grid[dim + dim // 2 + k, i, j] = math.cos((first_y + i) * frequency)
    return grid


def assert_near(actual, expected, atol=1e-6):
    np.testing.assert_allclose(np.asarray(actual.detach()), expected, rtol=0, atol=atol)


# The released numbers


@pytest.mark.parametrize('key', GOLDENS.files)
def test_agrees_with_the_released_numbers(key):
    kind, size = key.split('.')
    height, width = map(int, size.split('x'))
    # a phase is a position times a frequency, whose last bit depends on the processor
    rounding = max(height, width) * float(np.finfo(np.float32).eps)
    assert_near(MODELS.build(RELEASED[kind])((height, width))[0], GOLDENS[key], atol=max(1e-6, rounding))


def test_our_own_names_give_the_released_numbers_too():
    assert_near(
        MODELS.build(dict(type='SinusoidalEncoding', embedding_dim=256))((5, 7))[0], GOLDENS['spe256_shift100.5x7']
    )
    assert_near(MODELS.build(dict(type='CartesianGrid'))((5, 7))[0], GOLDENS['csg.5x7'])


# What every encoding promises


def test_shapes(name, encoding):
    assert encoding.out_channels == CHANNELS[name]
    for size, (height, width) in {3: (3, 3), (5, 7): (5, 7), (3, 9): (3, 9)}.items():
        assert encoding.coordinates(size).shape == (height, width, 2)
        assert encoding(size).shape == (1, encoding.out_channels, height, width)
        assert encoding(size).is_contiguous()


@pytest.mark.parametrize('size', [1, (1, 5), (5, 1)])
def test_a_single_row_column_or_cell(name, size):
    encoding = MODELS.build({**OURS[name], 'pad': 0} if name == 'scale_consistent' else OURS[name])
    height, width = (size, size) if isinstance(size, int) else size
    assert encoding(size).shape == (1, encoding.out_channels, height, width)
    assert encoding(size).isfinite().all()


def test_sizes_of_any_integer_and_sequence_type(encoding):
    for size in ([5, 7], torch.Size((5, 7)), (np.int64(5), np.int32(7))):
        assert torch.equal(encoding(size), encoding((5, 7)))
    assert torch.equal(encoding(np.int64(5)), encoding(5))


@pytest.mark.parametrize('size', [0, -1, 2.5, 4.0, True, '4', None, (), (4,), (0, 4), (4, -2), (4, 4.5), (1, 2, 3)])
def test_a_bad_size_is_named(encoding, size):
    with pytest.raises(ValueError) as error:
        encoding(size)
    assert repr(size) in str(error.value)
    with pytest.raises(ValueError):
        encoding.coordinates(size)


def test_coordinates_are_x_then_y(encoding):
    grid = encoding.coordinates((5, 7))
    assert (grid[:, 1:, 0] > grid[:, :-1, 0]).all() and (grid[1:, :, 0] == grid[:-1, :, 0]).all()
    assert (grid[1:, :, 1] > grid[:-1, :, 1]).all() and (grid[:, 1:, 1] == grid[:, :-1, 1]).all()


@pytest.mark.parametrize('size', SIZES)
def test_the_call_codes_the_coordinates(encoding, size):
    torch.testing.assert_close(encoding.encode(encoding.coordinates(size))[None], encoding(size), rtol=0, atol=2e-6)


def test_the_code_is_pointwise(encoding):
    canvas = 3 * torch.randn(9, 11, 2)  # neither integer, nor positive, nor inside [-1, 1]
    code = encoding.encode(canvas)
    torch.testing.assert_close(encoding.encode(canvas[2:7, 3:5]), code[:, 2:7, 3:5], rtol=0, atol=1e-6)
    torch.testing.assert_close(encoding.encode(canvas.flip(0, 1)), code.flip(1, 2), rtol=0, atol=1e-6)
    torch.testing.assert_close(encoding.encode(canvas[4]), code[:, 4], rtol=0, atol=1e-6)
    torch.testing.assert_close(encoding.encode(canvas[4, 5]), code[:, 4, 5], rtol=0, atol=1e-6)


@pytest.mark.parametrize('shape', [(), (3,), (4, 4, 3)])
def test_coordinates_without_x_and_y_are_refused(encoding, shape):
    with pytest.raises(ValueError, match='coordinates'):
        encoding.encode(torch.zeros(shape))


def test_integer_coordinates_are_read_as_real_ones(encoding):
    grid = torch.randint(-2, 3, (4, 5, 2))
    assert torch.equal(encoding.encode(grid), encoding.encode(grid.float()))


@pytest.mark.parametrize('dtype, atol', [(torch.float64, 2e-6), (torch.float16, 4e-3), (torch.bfloat16, 3e-2)])
def test_the_dtype_is_the_modules(name, encoding, dtype, atol):
    expected = encoding((5, 7)).double()
    encoding = encoding.to(dtype)
    if name == 'fourier':  # its frequencies have been rounded too
        atol *= 10
    assert encoding((5, 7)).dtype == encoding.encode(torch.zeros(1, 1, 2)).dtype == dtype
    torch.testing.assert_close(encoding((5, 7)).double(), expected, rtol=atol, atol=atol)


def test_the_arithmetic_is_not_in_half_precision():
    exact = MODELS.build(OURS['sinusoidal'])((1, 3000))
    for dtype in (torch.float16, torch.bfloat16):
        encoding = MODELS.build(OURS['sinusoidal']).to(dtype)
        assert torch.equal(encoding((1, 3000)), exact.to(dtype))
        assert torch.equal(encoding.coordinates((1, 3000))[0, :, 0], torch.arange(1.0, 3001))


@pytest.mark.parametrize('kind', ['cartesian', 'sinusoidal', 'fourier', 'scale_consistent'])
def test_double_precision_is_double(kind):
    encoding = MODELS.build(OURS[kind]).double()
    gap = encoding((7, 13)) - encoding.float()((7, 13)).double()
    assert 0 < gap.abs().max() < 1e-5


def test_autocast_changes_nothing(encoding):
    expected = encoding((5, 7))
    with torch.autocast('cpu', dtype=torch.bfloat16):
        assert torch.equal(encoding((5, 7)), expected)


@pytest.mark.skipif(not torch.cuda.is_available(), reason='needs a CUDA device')
@pytest.mark.gpu
def test_the_device_is_the_modules(encoding):
    expected = encoding((5, 7))
    encoding = encoding.cuda()
    assert encoding((5, 7)).is_cuda and encoding.encode(torch.zeros(1, 1, 2)).is_cuda
    torch.testing.assert_close(encoding((5, 7)).cpu(), expected, rtol=0, atol=2e-6)


def test_only_what_is_learned_or_drawn_is_saved(name, encoding):
    saved = dict(learnable=['constant'], fourier=['frequencies'])
    assert list(encoding.state_dict()) == saved.get(name, [])
    twin = MODELS.build(OURS[name])
    twin.load_state_dict(encoding.state_dict())
    assert torch.equal(twin((5, 7)), encoding((5, 7)))
    assert torch.equal(copy.deepcopy(encoding)((5, 7)), encoding((5, 7)))


def test_gradients_reach_the_coordinates(encoding):
    grid = (torch.rand(3, 4, 2) - 0.5).requires_grad_()
    encoding.encode(grid).sum().backward()
    assert grid.grad.isfinite().all() and grid.grad.abs().sum() > 0


# CartesianGrid


@pytest.mark.parametrize('height, width', [(4, 4), (5, 7), (1, 3), (3, 1), (1, 1)])
def test_cartesian_closed_form(height, width):
    expected = np.full((2, height, width), -1.0)
    for i in range(height):
        for j in range(width):
            if width > 1:
                expected[0, i, j] = 2 * j / (width - 1) - 1
            if height > 1:
                expected[1, i, j] = 2 * i / (height - 1) - 1
    assert_near(MODELS.build(dict(type='CartesianGrid'))((height, width))[0], expected)


# SinusoidalEncoding


@pytest.mark.parametrize('half', [False, True])
@pytest.mark.parametrize('dim', [2, 4, 10])
@pytest.mark.parametrize('height, width', [(4, 4), (5, 7), (1, 6), (1, 1)])
def test_sinusoidal_closed_form(height, width, dim, half):
    encoding = MODELS.build(dict(type='SinusoidalEncoding', embedding_dim=dim, div_half_dim=half))
    divisor = dim / 2 if half else max(dim / 2 - 1, 1)
    assert_near(encoding((height, width))[0], naive_sinusoidal(1, 1, height, width, dim, divisor))


@pytest.mark.parametrize('height, width', [(4, 4), (5, 5), (4, 7), (1, 2)])
def test_centered_closed_form(height, width):
    def first(length):
        return 1 + 40 - (length // 2 if length % 2 == 0 else length // 2 + 1)

    encoding = MODELS.build(dict(type='SinusoidalEncoding', embedding_dim=6, center=40))
    expected = naive_sinusoidal(first(width), first(height), height, width, 6, 2)
    assert_near(encoding((height, width))[0], expected, atol=5e-6)


def test_a_centered_space_extends_on_all_sides_where_the_released_one_does_not():
    ours = MODELS.build(dict(type='SinusoidalEncoding', embedding_dim=16, center=100))
    assert torch.equal(ours(9)[..., 2:-2, 2:-2], ours(5))
    assert torch.equal(ours(5)[..., 1:, 1:], ours(4))  # an even grid's center is the last cell of its first half,
    assert torch.equal(ours(6)[..., :5, :5], ours(5))  # so cells are added on one side, then on the other
    released = MODELS.build(dict(type='SPE', embedding_dim=16, padding_idx=0, center_shift=100))
    assert not torch.allclose(released(9)[..., 2:-2, 2:-2], released(5), atol=0.1)
    assert torch.equal(released(9)[..., :5, :5], released(5))


@pytest.mark.parametrize('released', [False, True])
def test_a_size_beyond_any_table_keeps_its_frequencies(released):
    config = dict(type='SinusoidalEncoding', embedding_dim=16, div_half_dim=True)
    if released:
        config.update(type='SPE', padding_idx=0, init_size=256)
    encoding = MODELS.build(config)
    expected = naive_sinusoidal(1, 1, 1, 3000, 16, 8)
    assert_near(encoding((1, 3000))[0], expected, atol=1e-3)  # float32 knows a phase of 3000 to 2e-4
    assert_near(encoding.double()((1, 3000))[0], expected, atol=1e-10)


@pytest.mark.parametrize('dim', [3, 0, 1, -2])
def test_a_bad_embedding_dim_is_named(dim):
    with pytest.raises(ValueError, match=str(dim)):
        MODELS.build(dict(type='SinusoidalEncoding', embedding_dim=dim))


# LearnableGrid


@pytest.mark.parametrize('own', [(4, 4), (6, 6), (5, 7), (1, 3), (1, 1)])
def test_learnable_is_its_parameter_at_its_own_size(own):
    encoding = MODELS.build(dict(type='LearnableGrid', channels=3, size=own))
    assert torch.equal(encoding(own), encoding.constant)


@pytest.mark.parametrize('own', [(4, 4), (5, 7), (1, 3)])
@pytest.mark.parametrize('size', [(8, 8), (14, 3), (2, 2), (1, 6), (25, 34)])
def test_learnable_resizes_with_aligned_corners(own, size):
    encoding = MODELS.build(dict(type='LearnableGrid', channels=3, size=own))
    expected = F.interpolate(encoding.constant, size, mode='bilinear', align_corners=True).detach()
    assert_near(encoding(size), expected)
    assert_near(encoding.encode(encoding.coordinates(size))[None], expected, atol=5e-6)


def test_learnable_sees_its_border_from_beyond():
    encoding = MODELS.build(OURS['learnable'])
    far = torch.tensor([[[-9.0, -3.0], [1.5, 40.0]]])
    assert_near(encoding.encode(far)[:, 0], encoding.constant[0, :, [0, -1], [0, -1]].detach())


def test_learnable_learns_both_ways():
    encoding = MODELS.build(OURS['learnable'])
    for code in (encoding((8, 9)), encoding((4, 6)), encoding.encode(encoding.coordinates((8, 9)))):
        encoding.zero_grad()
        code.sum().backward()
        assert encoding.constant.grad.sum().item() == pytest.approx(code.numel(), rel=1e-4)


def test_learnable_starts_from_a_normal_distribution():
    torch.manual_seed(0)
    constant = MODELS.build(dict(type='LearnableGrid', channels=64, size=16)).constant
    assert constant.mean().abs() < 0.03 and abs(constant.std() - 1) < 0.03


def test_learnable_errors():
    with pytest.raises(ValueError, match='channels'):
        MODELS.build(dict(type='LearnableGrid', channels=0))
    with pytest.raises(ValueError, match='size'):
        MODELS.build(dict(type='LearnableGrid', channels=3, size=0))


# RandomFourierFeatures


def test_fourier_closed_form():
    encoding = MODELS.build(dict(type='RandomFourierFeatures', num_features=5, scale=2.0))
    directions = encoding.frequencies.double().numpy()
    expected = np.empty((10, 4, 6))
    for i in range(4):
        for j in range(6):
            for k, (bx, by) in enumerate(directions):
                phase = 2 * math.pi * (bx * (2 * j / 5 - 1) + by * (2 * i / 3 - 1))
                expected[k, i, j], expected[5 + k, i, j] = math.cos(phase), math.sin(phase)
    assert_near(encoding((4, 6))[0], expected, atol=2e-5)
    assert_near(encoding.double()((4, 6))[0], expected, atol=1e-12)


def test_fourier_frequencies_are_drawn_from_their_own_seed():
    state = torch.get_rng_state()
    draw = [MODELS.build(dict(type='RandomFourierFeatures', num_features=2000, scale=3.0, seed=s)) for s in (1, 1, 2)]
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(draw[0].frequencies, draw[1].frequencies)
    assert not torch.equal(draw[0].frequencies, draw[2].frequencies)
    assert abs(draw[0].frequencies.std() - 3) < 0.15 and draw[0].frequencies.mean().abs() < 0.15


@pytest.mark.parametrize('bad', [dict(num_features=0), dict(num_features=4, scale=0), dict(num_features=4, scale=-1)])
def test_fourier_errors(bad):
    with pytest.raises(ValueError, match='cannot work: it must be (at least 1|above 0)'):
        MODELS.build(dict(type='RandomFourierFeatures', **bad))


# CosineBasis


def test_cosine_closed_form():
    encoding = MODELS.build(dict(type='CosineBasis', num_frequencies=3))
    expected = np.empty((9, 4, 6))
    for k in range(3):
        for m in range(3):
            for i in range(4):
                for j in range(6):
                    expected[3 * k + m, i, j] = math.cos(math.pi * k * i / 3) * math.cos(math.pi * m * j / 5)
    assert_near(encoding((4, 6))[0], expected, atol=2e-6)
    assert_near(encoding.double()((4, 6))[0], expected, atol=1e-12)


def test_as_many_cosines_as_cells_are_a_basis():
    maps = MODELS.build(dict(type='CosineBasis', num_frequencies=6)).double()(6)[0].flatten(1)
    assert torch.linalg.matrix_rank(maps) == 36


def test_even_cosines_are_symmetric():
    maps = MODELS.build(dict(type='CosineBasis', num_frequencies=4)).double()((5, 8))[0].view(4, 4, 5, 8)
    signs = torch.tensor([1, -1, 1, -1]).view(1, 4, 1, 1)
    assert_near(maps.flip(-1), maps * signs, atol=1e-12)
    assert_near(maps.flip(-2), maps * signs.transpose(0, 1), atol=1e-12)


@pytest.mark.parametrize('bad', [0, 1.5, 46341])
def test_cosine_errors(bad):
    with pytest.raises(ValueError, match=f'num_frequencies={bad} cannot work: it must be'):
        MODELS.build(dict(type='CosineBasis', num_frequencies=bad))


@pytest.mark.parametrize(
    'grid',
    [Grid((4, 6)), Grid((3, 3)).extended((5, 8)), Grid(5).window((1, 2, 3, 2)), Grid((4, 5)).resized((9, 2)), Grid(1)],
)
@pytest.mark.parametrize('dtype', [torch.float16, torch.float32, torch.float64])
def test_products_are_the_code(encoding, name, grid, dtype):
    encoding = encoding.to(dtype)
    products = encoding.products(grid)
    assert (products is None) == (name != 'cosine')
    if products is not None:
        rows, columns = products
        assert rows.dtype == columns.dtype == dtype and rows.shape[1] == grid.size[0]
        found = torch.einsum('ky,lx->klyx', rows.double(), columns.double()).flatten(0, 1)
        torch.testing.assert_close(found.to(dtype), encoding(grid)[0], rtol=0, atol=4 * torch.finfo(dtype).eps)


def test_a_warped_grid_has_no_products():
    assert MODELS.build(OURS['cosine']).products(Grid(4).warped(lambda positions: positions + 0.1)) is None


# ScaleConsistentGrid


@pytest.mark.parametrize('pad', [0, 1, 3])
def test_scale_consistent_closed_form(pad):
    frame_height, frame_width = 3, 5
    grid = MODELS.build(dict(type='ScaleConsistentGrid', pad=pad))((frame_height + 2 * pad, frame_width + 2 * pad))
    expected = np.empty(grid.shape[1:])
    for i in range(frame_height + 2 * pad):
        for j in range(frame_width + 2 * pad):
            expected[:, i, j] = (2 * (j - pad) + 1) / frame_width - 1, (2 * (i - pad) + 1) / frame_height - 1
    assert_near(grid[0], expected)


@pytest.mark.parametrize('pad', [0, 2])
def test_scale_consistent_frame_is_the_same_at_any_resolution(pad):
    encoding = MODELS.build(dict(type='ScaleConsistentGrid', pad=pad)).double()

    def frame(height, width):
        grid = encoding((height + 2 * pad, width + 2 * pad))
        return grid[..., pad : pad + height, pad : pad + width]

    torch.testing.assert_close(F.avg_pool2d(frame(10, 14), 2), frame(5, 7), rtol=0, atol=1e-15)
    assert torch.equal(F.avg_pool2d(frame(16, 8), 2), frame(8, 4))
    for size in ((1, 1), (3, 8), (50, 20)):
        height, width = size
        edges = frame(*size)[0, 0, 0, [0, -1]] + torch.tensor([-1, 1]).double() / width
        torch.testing.assert_close(edges, torch.tensor([-1.0, 1.0]).double(), rtol=0, atol=1e-12)


def test_scale_consistent_errors():
    encoding = MODELS.build(dict(type='ScaleConsistentGrid', pad=2))
    assert encoding(5).shape == (1, 2, 5, 5)
    for size in (4, 1, (9, 4), (3, 9)):
        with pytest.raises(ValueError, match='pad of 2'):
            encoding(size)
    with pytest.raises(ValueError, match='-1'):
        MODELS.build(dict(type='ScaleConsistentGrid', pad=-1))


# Released names and calls


def test_released_arguments_build():
    spe = MODELS.build(dict(type='SPE', embedding_dim=256, padding_idx=0, init_size=256, center_shift=100))
    assert spe((5, 7)).shape == (1, 512, 5, 7)
    grids = [MODELS.build(dict(type=name))((5, 7)) for name in ('CSG', 'CSG2d', 'CatersianGrid')]
    assert all(torch.equal(grid, grids[0]) for grid in grids)


@pytest.mark.parametrize('kind', RELEASED)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.float16])
def test_a_released_call_takes_after_its_tensor(kind, dtype):
    encoding = MODELS.build(RELEASED[kind])
    grid = encoding(torch.zeros(3, 1, 5, 7, dtype=dtype))
    assert grid.shape == (3, encoding.out_channels, 5, 7) and grid.dtype == dtype
    assert torch.equal(grid, encoding((5, 7)).to(dtype).expand_as(grid))
    assert torch.equal(grid, encoding.make_grid2d_like(torch.zeros(3, 1, 5, 7, dtype=dtype)))
    assert torch.equal(encoding.make_grid2d(5, 7, num_batches=2), encoding((5, 7)).repeat(2, 1, 1, 1))
    assert torch.equal(encoding.make_grid2d(5, 7), encoding((5, 7)))
    with pytest.raises(ValueError, match='N, C, H, W'):
        encoding(torch.zeros(3, 5, 7))


def test_our_own_names_have_no_released_calls():
    for name in ('CartesianGrid', 'LearnableGrid'):
        assert not hasattr(MODELS.get(name), 'make_grid2d')


@pytest.mark.parametrize('padding', [0, 3])
def test_the_padding_position_is_zeros(padding):
    spe = MODELS.build(dict(type='SPE', embedding_dim=4, padding_idx=padding))
    plain = MODELS.build(dict(type='SinusoidalEncoding', embedding_dim=4))
    points = torch.tensor([[float(padding), 2.0], [2.0, float(padding)], [2.5, 2.0]])
    expected = plain.encode(points)
    expected[:4, 0] = 0
    expected[4:, 1] = 0
    assert torch.equal(spe.encode(points), expected)


def test_a_released_state_dict_loads_strictly():
    spe = MODELS.build(RELEASED['spe4_shift200'])
    released = {'_float_tensor': torch.zeros(1)}
    spe.load_state_dict(released, strict=True)
    assert list(released) == ['_float_tensor']

    model = nn.Sequential(nn.Conv2d(8, 2, 3), nn.ModuleDict(dict(head=spe)))
    state = {**model.state_dict(), '1.head._float_tensor': torch.zeros(1)}
    model.load_state_dict(state, strict=True)
    model.load_state_dict(model.state_dict(), strict=True)
    with pytest.raises(RuntimeError, match='_float_tensor'):
        model.load_state_dict({**state, '0._float_tensor': torch.zeros(1)}, strict=True)


ANY_AXIS = [
    dict(type='CartesianGrid'),
    dict(type='SinusoidalEncoding', embedding_dim=4),
    dict(type='SinusoidalEncoding', embedding_dim=4, center=50.0),
    dict(type='ScaleConsistentGrid', pad=2),
]


@pytest.mark.parametrize('encoding', ANY_AXIS)
def test_places_between_cells_lie_between_their_coordinates(encoding):
    size = 7, 12
    encoding = MODELS.build(encoding)
    grid = encoding.coordinates(size)
    assert torch.equal(encoding.locate(Grid(size).positions, size), grid)
    between = encoding.locate(torch.tensor([[2.25, 5.0], [-3.0, 6.5]]), size)
    first, step = grid[0, 0], grid[1, 1] - grid[0, 0]
    expected = first + torch.tensor([[2.25, 5.0], [-3.0, 6.5]]) * step
    torch.testing.assert_close(between, expected)
