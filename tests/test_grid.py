"""Grids in closed form, the laws by which they combine, and encodings and generators that take them."""

import copy

import numpy as np
import pytest
import torch
from scipy.ndimage import zoom
from skimage.transform import AffineTransform

import mmpe.compat.encodings  # noqa: F401  (the released names)
import mmpe.models  # noqa: F401
from mmpe.errors import InputError
from mmpe.grid import Grid, as_grid
from mmpe.registry import MODELS

ENCODINGS = {
    'CSG': dict(type='CSG'),
    'SPE': dict(type='SPE', embedding_dim=4, padding_idx=0),
    'centered': dict(type='SinusoidalEncoding', embedding_dim=4, center=7),
    'learned': dict(type='LearnableGrid', channels=3, size=(4, 6)),
    'resized': dict(type='ResizedEncoding', encoding=dict(type='SinusoidalEncoding', embedding_dim=4), size=5),
    'fourier': dict(type='RandomFourierFeatures', num_features=3),
    'cosine': dict(type='CosineBasis', num_frequencies=3),
    'consistent': dict(type='ScaleConsistentGrid', pad=1),
}
HEAD = dict(type='PointwiseHead', encoding=dict(type='CartesianGrid'), shared_latent=True)


def turn(positions):
    """A quarter turn about (1, 1), not separable."""
    return torch.stack((2 - positions[..., 1], positions[..., 0]), -1)


def wave(positions):
    return positions + torch.stack((positions[..., 1].sin(), positions[..., 0].cos()), -1)


GRIDS = {
    'plain': Grid((7, 9)),
    'stretched': Grid((4, 5)).resized((7, 9)),
    'extended': Grid((5, 5)).extended((7, 9), 'topleft'),
    'shifted': Grid((7, 9)).shifted((0.25, -3)),
    'wrapped': Grid((7, 9)).wrapped(columns=False),
    'padded': Grid((5, 7)).padded(1),
    'warped': Grid((7, 9)).warped(wave),
    'twice warped': Grid((3, 9)).resized((7, 9)).warped(turn).shifted((1, 2)).warped(wave),
    'in another frame': Grid((14, 20)).resized((7, 9)).warped(wave).reframed((5, 5), 2),
}


@pytest.fixture(params=GRIDS)
def grid(request):
    return GRIDS[request.param]


def axes(grid):
    """(y of the rows, x of the columns) of a grid that is not warped, as lists."""
    return grid.positions[:, 0, 1].tolist(), grid.positions[0, :, 0].tolist()


# ---------------------------------------------------------------- closed forms


@pytest.mark.parametrize('size', [1, 5, (1, 4), (3, 2), [2, 3], torch.Size((2, 3)), np.array([4, 1])])
def test_a_plain_grids_cells_look_at_themselves(size):
    height, width = (size, size) if isinstance(size, int) else (int(n) for n in size)
    expected = np.moveaxis(np.indices((height, width))[::-1], 0, -1)
    grid = Grid(size)
    assert grid.size == grid.frame == (height, width)
    assert grid.positions.dtype == torch.float64 and np.array_equal(grid.positions, expected)
    assert grid.is_plain and as_grid(size) == grid and as_grid(grid) is grid


def test_a_grid_whose_size_alone_is_asked_for_takes_no_memory():
    grid = Grid((2**36, 2**36))  # a row of positions would be 512 GiB
    assert grid.size == grid.frame == (2**36, 2**36) and grid.is_plain


@pytest.mark.parametrize('new', [(5, 9), (2, 3), (1, 7), (40, 1)])
def test_resizing_lays_cells_evenly_between_the_outer_ones(new):
    grid = Grid((3, 6)).resized(new)
    assert grid.frame == (3, 6) and grid.size == new
    for found, cells, length in zip(axes(grid), new, (3, 6)):
        np.testing.assert_allclose(found, np.linspace(0, length - 1, cells), atol=1e-12)


def test_an_image_seen_through_a_resized_grid_is_the_one_that_scipy_zooms():
    image = np.random.default_rng(0).random((6, 8))
    points = 2 * Grid((6, 8)).resized((11, 15)).positions / torch.tensor([7.0, 5.0]) - 1
    seen = torch.nn.functional.grid_sample(torch.from_numpy(image)[None, None], points[None], align_corners=True)
    np.testing.assert_allclose(seen[0, 0], zoom(image, (11 / 6, 15 / 8), order=1, grid_mode=False), atol=1e-12)


@pytest.mark.parametrize(
    ('size', 'anchor', 'first'),
    [(8, 'center', -1), (9, 'center', -2), (3, 'center', 1), (9, 'topleft', 0), (3, 'topleft', 0)],
)
def test_extending_keeps_the_density(size, anchor, first):
    grid = Grid(5).extended(size, anchor)
    assert grid.frame == (5, 5) and axes(grid) == ([first + i for i in range(size)],) * 2
    dense = axes(Grid(5).resized(9).extended((11, 9)))
    assert dense == ([-0.5 + 0.5 * i for i in range(11)], [0.5 * i for i in range(9)])


@pytest.mark.parametrize('margin', [0, 1, 3, (2, 0), [0, 4]])
def test_padding_a_plain_grid_gives_a_larger_plain_one(margin):
    rows, columns = (margin, margin) if isinstance(margin, int) else margin
    assert Grid((4, 6)).padded(margin) == Grid((4 + 2 * rows, 6 + 2 * columns))


def test_a_margin_is_as_dense_as_its_grid_and_the_frame_has_it_in_its_own_cells():
    grid = Grid(5).resized(9).padded(2)
    assert grid.frame == (9, 9) and axes(grid)[0] == [1 + 0.5 * i for i in range(13)]


@pytest.mark.parametrize('by', [(1, 0), (-3, 2), (0.5, 1e6)])
def test_what_is_seen_moves_with_a_shift(grid, by):
    assert torch.equal(grid.shifted(by).positions, grid.positions - torch.tensor(by, dtype=torch.float64))


def test_a_shift_to_the_right_shows_a_cells_neighbour_on_the_left():
    x, y = Grid((4, 5)).shifted((1, 2)).positions[3, 3].tolist()
    assert (x, y) == (2, 1)


def test_a_map_is_an_inverse_one_as_scikit_images():
    form = AffineTransform(rotation=0.3, translation=(2, -1), scale=(1.5, 0.5))
    grid = Grid((4, 7)).warped(lambda p: torch.from_numpy(form(p.reshape(-1, 2).numpy())).reshape(p.shape))
    expected = form(np.moveaxis(np.indices((4, 7))[::-1], 0, -1).reshape(-1, 2)).reshape(4, 7, 2)
    np.testing.assert_allclose(grid.positions, expected, atol=1e-12)
    assert grid.frame == (4, 7) and Grid(4).warped(turn, frame=(8, 3)).frame == (8, 3)


@pytest.mark.parametrize('length', [1, 2, 5, 8])
def test_a_wrapped_axis_goes_there_and_back(length):
    grid = Grid((3, length)).wrapped(rows=False)
    rows, columns = axes(grid)
    assert rows == [0, 1, 2] and columns == pytest.approx(columns[::-1])
    steps = np.abs(np.diff(columns + columns[:1]))  # round once; the turn at the seam makes none
    assert min(columns) >= 0 and max(columns) <= length - 1
    assert steps.max(initial=0) <= 2 * (length - 1) / length + 1e-12 and steps[-1] == pytest.approx(0)


@pytest.mark.parametrize(('margin', 'size'), [(0, (5, 9)), (3, (5, 9)), (2, (188, 250)), (1, (2, 3))])
def test_a_frames_own_cells_are_whole_numbers(margin, size):
    new = tuple(n + 2 * margin for n in size)
    grid = Grid((24, 31)).resized(size).extended(new).reframed(size, margin)
    assert grid.frame == new and torch.equal(grid.positions, Grid(new).positions)


# ---------------------------------------------------------------- how they combine


def test_a_window_is_a_part_of_the_positions(grid):
    window = grid.window((2, 1, 5, 3))
    assert window.size == (3, 5) and window.frame == grid.frame
    assert torch.equal(window.positions, grid.positions[1:4, 2:7])
    assert torch.equal(window.window((1, 1, 2, 2)).positions, grid.positions[2:4, 3:5])


def test_tiles_make_up_the_grid(grid):
    halves = [grid.window((left, 0, width, 7)).positions for left, width in ((0, 4), (4, 5))]
    assert torch.equal(torch.cat(halves, 1), grid.positions)


@pytest.mark.parametrize('margin', [1, (0, 2)])
def test_a_window_has_the_margin_that_the_canvas_has_there(margin):
    rows, columns = (margin, margin) if isinstance(margin, int) else margin
    for canvas in (Grid((20, 30)), Grid((20, 30)).warped(turn), Grid((39, 59)).resized((20, 30)).shifted((0.5, 1))):
        whole = canvas.padded(margin).window((5, 4, 9 + 2 * columns, 6 + 2 * rows))
        part = canvas.window((5, 4, 9, 6)).padded(margin)
        torch.testing.assert_close(part.positions, whole.positions, rtol=0, atol=1e-12)
        assert part.frame == whole.frame


def test_cells_are_chosen_before_they_are_warped(grid):
    """So that a map is asked at every density, not interpolated."""
    dense = Grid((7, 9)).warped(wave).resized((13, 17))
    assert dense == Grid((7, 9)).resized((13, 17)).warped(wave)
    assert torch.equal(dense.positions[::2, ::2], Grid((7, 9)).warped(wave).positions)
    assert torch.equal(grid.resized(grid.size).positions, grid.positions)
    assert torch.equal(grid.extended(grid.size).positions, grid.positions)


def test_shifts_add_up_and_maps_follow_each_other():
    assert Grid(5).shifted((1, 2)).shifted((-1, -2)) == Grid(5)
    assert torch.equal(Grid(5).warped(turn).warped(wave).positions, wave(turn(Grid(5).positions)))
    assert Grid(5).warped(turn).shifted((1, 0)) != Grid(5).shifted((1, 0)).warped(turn)


def test_equal_grids_look_at_the_same_places_in_the_same_frame():
    assert Grid((3, 4)) == Grid([3, 4]) and hash(Grid((3, 4))) == hash(Grid((3, 4)))
    assert Grid(4).warped(lambda p: p) == Grid(4) and not Grid(4).warped(lambda p: p).is_plain
    assert Grid(4).warped(torch.zeros_like) == Grid(4).shifted((1, 1)).warped(torch.zeros_like)
    assert Grid(4) != Grid(4).shifted((0, 1)) and Grid(4).warped(turn) != Grid(4).shifted((0, 1)).warped(turn)
    assert Grid(4) != Grid(5).window((0, 0, 4, 4)) and Grid(4) != 4
    assert repr(Grid((3, 4)).resized(5)) == 'Grid(5x5, frame=3x4, separable)'


def test_nothing_changes_a_grid(grid):
    before = grid.positions
    grid.positions.zero_()
    for axis in grid.axes or ():
        axis.zero_()
    for name in ('size', 'frame', 'positions', 'axes'):
        with pytest.raises(AttributeError):
            setattr(grid, name, None)
    grid.resized(3), grid.extended(3), grid.padded(1), grid.window((0, 0, 1, 1)), grid.shifted((1, 1)).positions.zero_()
    grid.wrapped(), grid.warped(turn), grid.reframed(3)
    assert torch.equal(grid.positions, before) and copy.deepcopy(grid) == grid


@pytest.mark.parametrize('name', ['plain', 'resized', 'extended', 'padded', 'shifted', 'warped', 'wrapped', 'reframed'])
def test_a_window_of_a_large_canvas_costs_no_more_than_the_window(name):
    make = dict(
        plain=lambda g: g,
        resized=lambda g: g.resized(4096),
        extended=lambda g: g.extended(5000),
        padded=lambda g: g.padded(8),
        shifted=lambda g: g.shifted((1, 2)),
        warped=lambda g: g.warped(wave),
        wrapped=lambda g: g.wrapped(),
        reframed=lambda g: g.warped(wave).reframed(25, 5),
    )[name]
    seen = []

    def spy(positions):
        seen.append(positions.numel())
        return positions

    window = make(Grid(4096)).warped(spy).window((4000, 90, 64, 64))
    code = MODELS.build(dict(type='CSG'))(window)
    assert code.shape == (1, 2, 64, 64) and set(seen) == {64 * 64 * 2}


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ('make', 'message'),
    [
        (lambda: Grid(0), 'size=0 cannot work'),
        (lambda: Grid((3, 4, 2)), 'height, width'),
        (lambda: Grid(4).resized((0, 3)), r'size=\(0, 3\)'),
        (lambda: Grid(4).extended(6, 'left'), "no anchor 'left': it is one of center, topleft"),
        (lambda: Grid(4).padded(-1), r'margin\[0\]=-1'),
        (lambda: Grid(4).padded((1, 0.5)), r'margin\[1\]=0.5'),
        (lambda: Grid(4).padded((1, 2, 3)), r'margin=\(1, 2, 3\) .* list of 2 numbers'),
        (lambda: Grid(4).padded('1'), "margin='1'"),
        (lambda: Grid((4, 6)).window((0, 3, 2, 2)), 'box=.* does not lie in a grid of 4x6 cells'),
        (lambda: Grid((4, 6)).window((0, 0, 0, 2)), 'at least one cell'),
        (lambda: Grid((4, 6)).window((-1, 0, 2, 2)), r'box\[0\]=-1'),
        (lambda: Grid(4).shifted((1,)), 'list of 2 numbers'),
        (lambda: Grid(4).shifted((1, float('nan'))), 'nan'),
        (lambda: Grid(4).reframed(4, -1), 'margin=-1'),
        (lambda: Grid(4).warped(lambda p: p[..., 0]).positions, 'it must keep the shape'),
        (lambda: Grid(4).warped(turn, frame='4'), "frame='4'"),
    ],
)
def test_what_cannot_be_is_refused(make, message):
    with pytest.raises(InputError, match=message):
        make()


# ---------------------------------------------------------------- who takes them


@pytest.fixture(params=ENCODINGS)
def encoding(request):
    torch.manual_seed(0)
    return MODELS.build(ENCODINGS[request.param])


@pytest.mark.parametrize('size', [3, 4, (5, 7), (9, 40)])
def test_a_plain_grid_is_coded_as_its_size_to_the_bit(encoding, size):
    assert torch.equal(encoding(Grid(size)), encoding(size))
    assert torch.equal(encoding.coordinates(Grid(size)), encoding.coordinates(size))
    assert torch.equal(encoding(Grid(size).warped(lambda p: p)), encoding(size))


def test_the_coordinates_of_a_grid_are_its_positions_in_its_frame(encoding, grid):
    assert torch.equal(encoding.coordinates(grid), encoding.locate(grid.positions, grid.frame))
    torch.testing.assert_close(encoding(grid)[0], encoding.encode(encoding.coordinates(grid)), rtol=0, atol=2e-6)


def test_the_code_of_a_window_is_the_window_of_the_code(encoding):
    for canvas in (Grid((12, 16)), Grid((12, 16)).warped(wave)):
        whole = encoding(canvas)
        window = encoding(canvas.window((3, 2, 8, 5)))
        torch.testing.assert_close(window, whole[..., 2:7, 3:11], rtol=0, atol=2e-6)


def test_a_cartesian_space_stretches_and_a_sinusoidal_one_extends():
    csg, spe = (MODELS.build(ENCODINGS[name]) for name in ('CSG', 'SPE'))
    torch.testing.assert_close(csg(Grid((5, 7)).resized((9, 21))), csg((9, 21)), rtol=0, atol=1e-6)
    assert torch.equal(spe(Grid((5, 7)).extended((9, 21), 'topleft')), spe((9, 21)))
    beyond = csg(Grid(5).extended(9))[0, 0, 0]
    torch.testing.assert_close(beyond, torch.linspace(-2, 2, 9))


def test_the_dtype_is_the_modules_as_for_sizes():
    csg = MODELS.build(ENCODINGS['CSG'])
    assert csg.double().coordinates(Grid(4).warped(turn)).dtype == torch.float64
    assert csg.half()(Grid(4).warped(turn)).dtype == torch.float16


def families(padding):
    torch.manual_seed(0)
    small = dict(out_size=16, padding=padding)
    spe = dict(type='SinusoidalEncoding', embedding_dim=4)
    style = dict(type='StyleGenerator', style_channels=8, max_channels=8, num_mapping_layers=1, encoding=spe)
    dcgan = dict(type='ConvGenerator', latent_channels=8, channels=8, head=HEAD)
    pggan = dict(type='GrowingGenerator', latent_channels=8, max_channels=8, head=HEAD)
    upsampling = dict(type='BilinearThenConv' if padding == 'none' else 'ConvThenBilinear')
    return dict(
        stylegan2=lambda: (MODELS.build(dict(style, upsampling=upsampling, **small)), dict(injected_noise='fixed')),
        dcgan=lambda: (MODELS.build(dict(dcgan, **small)), {}),
        pggan=lambda: (MODELS.build(dict(pggan, **small)), {}),
    )


@pytest.mark.parametrize('padding', ['zero', 'none'])
@pytest.mark.parametrize('family', ['stylegan2', 'dcgan', 'pggan'])
def test_generators_draw_grids(family, padding):
    generator, options = families(padding)[family]()
    generator.eval()
    encoding = generator.encoding if family == 'stylegan2' else generator.head.encoding
    z, base = torch.randn(2, 8), (5, 6)
    head = Grid(base).padded(generator.head_margin // 2)
    with torch.no_grad():
        plain = generator(z, base_size=base, **options)
        assert torch.equal(generator(z, base_size=Grid(base), **options), plain)
        assert torch.equal(generator(z, coordinates=head, **options), plain)
        expected = generator(z, coordinates=encoding.coordinates(head.warped(wave)), **options)
        assert torch.equal(generator(z, coordinates=head.warped(wave), **options), expected)
        moved = Grid(base).shifted((1, 2))
        expected = generator(z, coordinates=encoding.coordinates(head.shifted((1, 2))), **options)
        assert torch.equal(generator(z, base_size=moved, **options), expected)
    assert expected.shape == plain.shape and not torch.allclose(expected, plain)
    assert generator.image_size(moved) == generator.image_size(base)
    with pytest.raises(InputError, match='both say where'):
        generator(z, base_size=moved, coordinates=head)
    with pytest.raises(InputError, match='do not fit base_size'):
        generator(z, base_size=(5, 7), coordinates=head)


def test_a_head_of_one_size_draws_its_own_grid_only():
    generator = MODELS.build(dict(type='ConvGenerator', latent_channels=8, channels=8, out_size=16))
    z = torch.randn(1, 8)
    assert torch.equal(generator.eval()(z, Grid(4)), generator(z))
    with pytest.raises(InputError, match='cannot take coordinates'):
        generator(z, Grid(4).shifted((1, 0)))


@pytest.mark.parametrize('padding', ['OversizedNoise', 'PadEachLayer'])
@pytest.mark.parametrize('name', ENCODINGS)
def test_a_singan_draws_grids(name, padding):
    torch.manual_seed(0)
    config = dict(type='SinGANGenerator', num_scales=1, base_channels=4, padding=dict(type=padding))
    generator = MODELS.build(dict(config, encoding=ENCODINGS[name])).eval()
    noise = torch.randn(1, *generator.noise_shape(0, (12, 14)))
    grid = Grid(noise.shape[-2:])
    with torch.no_grad():
        assert torch.equal(generator([noise], [1.0], grid), generator([noise], [1.0]))
        warped = generator([noise], [1.0], grid.warped(wave))
        expected = generator([noise], [1.0], generator.encoding.coordinates(grid.warped(wave)))
    assert torch.equal(warped, expected)
    with pytest.raises(ValueError, match='do not fit the noise map'):
        generator([noise], [1.0], Grid(5))
