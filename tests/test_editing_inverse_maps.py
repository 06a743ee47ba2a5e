"""Inverse maps, and the images that are drawn by them."""

import math

import numpy as np
import pytest
import torch
from scipy.ndimage import distance_transform_edt
from torch.nn import functional as F

from mmpe.editing import (
    box_mask,
    covers,
    duplicate,
    mirror,
    move,
    redraw,
    remove,
    resize_region,
    retarget,
    transfer_layout,
    warp,
)
from mmpe.editing.edited import Edited
from mmpe.editing.edits.retarget import resized
from mmpe.editing.edits.transfer_layout import flat_colors, rearrange
from mmpe.editing.edits.warp import thin_plate
from mmpe.editing.inverse_maps import (
    clamp,
    flip,
    identity,
    look_up,
    pixel_positions,
    reflect,
    sample_image,
    shift,
    zoom,
)
from mmpe.editing.redrawing import moved_mask
from mmpe.editing.regions import Region
from mmpe.editing.transplants import transplant
from mmpe.errors import InputError
from mmpe.grid import Grid
from mmpe.models.singan import SinGANModel

CARTESIAN = dict(type='mmpe.CartesianGrid')
SINUSOIDAL = dict(type='mmpe.SinusoidalEncoding', embedding_dim=4)
LEARNED = dict(type='mmpe.LearnableGrid', channels=3, size=5)
LAYER = dict(type='mmpe.PadEachLayer')
DRAWN = dict(type='mmpe.OversizedNoise')
PYRAMID = [(13, 17), (17, 23), (24, 31)]


def untrained(encoding=CARTESIAN, padding=DRAWN, sizes=PYRAMID):
    torch.manual_seed(0)
    model = SinGANModel(dict(type='mmpe.SinGANGenerator', base_channels=4, encoding=encoding, padding=padding))
    model.set_pyramid(sizes)
    for parameter in model.generator.parameters():
        parameter.data += 0.1 * torch.randn_like(parameter)
    model.stage.fill_(len(sizes))
    model.fixed_noise.normal_()
    model.picture.uniform_(-1, 1)
    model.noise_weights[1:] = 0.1
    return model.eval()


# ---------------------------------------------------------------- positions


@pytest.mark.parametrize('margin', [0, 5])
@pytest.mark.parametrize('size', [(25, 37), (1, 3), (188, 250)])
def test_cells_come_back_to_the_bit(size, margin):
    new = (size[0] + 2 * margin, size[1] + 2 * margin)
    cells = Grid((188, 250)).resized(size).extended(new).reframed(size, margin).positions
    rows, columns = torch.arange(size[0] + 2 * margin).double(), torch.arange(size[1] + 2 * margin).double()
    assert torch.equal(cells[..., 0], columns.expand(len(rows), -1)) or size[1] == 1
    assert torch.equal(cells[..., 1], rows[:, None].expand(-1, len(columns))) or size[0] == 1


def test_outer_cells_lie_on_outer_pixels():
    positions = Grid((11, 21)).resized((3, 5)).extended((5, 7)).positions
    assert positions[1, 1].tolist() == [0, 0] and positions[-2, -2].tolist() == [20, 10]
    assert positions[0, 0].tolist() == [-5, -5]


def test_reflect_is_a_mirror_and_clamp_the_nearest():
    positions = torch.tensor([[-2.0, 0.5], [3, 7], [4.5, 5], [9, -1]], dtype=torch.float64)
    assert reflect(positions, (6, 4)).tolist() == [[2, 0.5], [3, 3], [1.5, 5], [3, 1]]
    assert clamp(positions, (6, 4)).tolist() == [[0, 0.5], [3, 5], [3, 5], [3, 0]]
    assert reflect(positions, (1, 1)).tolist() == [[0, 0]] * 4


def test_look_up_and_sample_image_agree_with_a_linear_picture():
    positions = pixel_positions((6, 8))
    field = positions[..., 0] * 2 - positions[..., 1]
    at = torch.tensor([[1.25, 3.5], [6.75, 0.5]], dtype=torch.float64)
    torch.testing.assert_close(look_up(field, at), at[:, 0] * 2 - at[:, 1])
    moved = positions * 0.5 + 2  # cubic interpolation is exact on a line, away from the border
    torch.testing.assert_close(
        sample_image(field[None, None], moved)[0, 0, :5], (moved @ moved.new_tensor([2.0, -1]))[:5]
    )
    assert torch.equal(sample_image(field[None, None], positions)[0, 0], field)


# ---------------------------------------------------------------- what nothing has been done to


@pytest.mark.parametrize('padding', [LAYER, DRAWN])
@pytest.mark.parametrize('encoding', [CARTESIAN, SINUSOIDAL, LEARNED])
def test_identity_is_the_reconstruction_and_the_plain_samples(encoding, padding):
    model = untrained(encoding, padding)
    for k in (0, 1, 2):
        edited = redraw(
            model, identity, num=3, seed=7, start_scale=k, edit_mask=torch.ones(1, 1, 24, 31), blending=False
        )
        assert torch.equal(edited.images[:1], model.reconstruct())
        for i in (1, 2):
            assert torch.equal(edited.images[i : i + 1], model.sample(1, start_scale=k, seed=7, first=i))


@pytest.mark.parametrize('k', [0, 1])
def test_edits_that_do_nothing_give_the_reconstruction(k):
    model = untrained()
    sketch = torch.ones(1, 3, 24, 31)
    sketch[..., :10, :9] = -1
    options = dict(num=1, start_scale=k, blending=False)
    for edited in (
        warp(model, [(3, 4)], [(3, 4)], **options),
        retarget(model, (24, 31), 'stretch', **options),
        retarget(model, (24, 31), 'extend', **options),
        transfer_layout(model, sketch, sketch, **options),
    ):
        assert torch.equal(edited.images, model.reconstruct())


def test_duplicate_onto_itself_is_the_reconstruction():
    model = untrained()
    edited = duplicate(model, (4, 3, 9, 8), (0, 0), start_scale=0, num=1, blending=False)
    assert torch.equal(edited.images, model.reconstruct())


# ---------------------------------------------------------------- regions


def test_distance_to_a_box():
    region = Region(box_mask((0, 2, 4, 3), (9, 12)))
    at = torch.tensor([[0.0, 3], [3, 3], [4, 3], [7, 3], [1, 7], [-5, 3]], dtype=torch.float64)
    assert region.distance(at).tolist() == [-1.5, -0.5, 0.5, 3.5, 2.5, 5.5 - 0.5]
    assert region.box == (0, 2, 4, 3)


def test_leaving_and_entering_a_region():
    positions = pixel_positions((20, 30))
    region = Region(box_mask((10, 5, 6, 7), (20, 30)))
    left = region.reflect_out(positions)
    assert bool((region.distance(left) > 0).all())
    assert torch.equal(left[~region.inside], positions[~region.inside])
    assert left[8, 10].tolist() == [8, 8] and left[8, 15].tolist() == [17, 8]
    entered = region.reflect_in(positions)
    assert bool((region.distance(entered) < 0).all())
    assert torch.equal(entered[region.inside], positions[region.inside])


def test_patch_is_the_best_of_all_by_force():
    torch.manual_seed(1)
    picture = F.interpolate(torch.rand(1, 3, 5, 7), (18, 26), mode='bicubic') * 2 - 1
    region = Region(box_mask((9, 6, 4, 5), (18, 26)))
    inside = region.inside.numpy()
    near = distance_transform_edt(~inside) <= 3
    around = np.argwhere(near)
    ring = np.array([p for p in around if not inside[tuple(p)]])
    colors = picture[0].numpy().astype(float)
    best = {}
    for down in range(-18, 19):
        for right in range(-26, 27):
            to = around + (down, right)
            if (to < 0).any() or (to >= (18, 26)).any():
                continue
            if any(inside[tuple(p)] for p in np.argwhere(inside) + (down, right)):
                continue
            a, b = ring.T, (ring + (down, right)).T
            difference = ((colors[:, a[0], a[1]] - colors[:, b[0], b[1]]) ** 2).sum() / len(ring)
            best[right, down] = difference + 1e-3 * math.hypot(down, right)
    sides = [(1, 0), (-1, 0), (0, 1), (0, -1)]
    expected = {min((by for by in best if by[0] * x + by[1] * y > 0), key=best.get) for x, y in sides}
    assert region.patches(picture) == sorted(expected, key=best.get)
    assert region.patches(picture)[0] == min(best, key=best.get)


def test_patch_of_a_flat_picture_is_the_nearest():
    assert Region(box_mask((9, 6, 4, 5), (18, 26))).patches(torch.ones(1, 3, 18, 26))[0] in ((4, 0), (-4, 0))


@pytest.mark.parametrize('side, axis', [(1, 0), (-1, 0), (1, 1), (-1, 1)])
def test_at_start_scale_0_that_cover_is_taken_which_is_drawn(monkeypatch, side, axis):
    """To a network that draws everything as it was, unless it comes from one side."""
    model = untrained(sizes=[(12, 16), (18, 24), (24, 32)])
    middle = torch.tensor([15.5, 11.5])
    offered = []

    def drawn(model, inverse_map, num, start_scale):
        offered.append(inverse_map(middle) - middle)
        asked = sample_image(model.picture, inverse_map(pixel_positions((24, 32))))
        willing = offered[-1][axis] * side > 0
        return Edited((asked if willing else model.picture).expand(num, -1, -1, -1), dict(copied=asked))

    monkeypatch.setattr(covers, 'redraw', drawn)
    region = Region(box_mask((14, 10, 4, 4), (24, 32)))
    taken = covers.cover(model, region, 0)
    assert len(offered) > 4 and (taken(middle) - middle)[axis] * side > 0
    covered = taken(pixel_positions((24, 32)))[region.inside]
    assert (region.distance(covered) > 0).all()


def test_a_region_too_large_for_a_patch_is_mirrored_out():
    model = untrained()
    assert Region(box_mask((3, 0, 25, 24), (24, 31))).patches(model.picture) == []
    assert torch.isfinite(remove(model, (3, 0, 25, 24), num=1).images).all()
    with pytest.raises(InputError, match='the region is the whole picture'):
        remove(model, (0, 0, 31, 24), num=1)


# ---------------------------------------------------------------- moves


@pytest.mark.parametrize('start_scale', [0, 1])
def test_the_whole_picture_can_be_mirrored(start_scale):
    model = untrained()
    edited = mirror(model, (0, 0, 31, 24), 'x', start_scale=start_scale, num=1)
    torch.testing.assert_close(edited.before['copied'], model.picture.flip(-1))


@pytest.mark.parametrize(
    'origin, factor, expected',
    [
        (shift((7, -2)), 1, (13, 3, 6, 5)),
        (zoom((6, 5, 6, 5), 2.0), 2, (3, 2.5, 12, 10)),
        (zoom((6, 5, 6, 5), 2.0, 'bottom'), 2, (3, 0.5, 12, 10)),
        (flip((6, 5, 6, 5), 'x'), 1, (6, 5, 6, 5)),
    ],
)
def test_where_a_region_appears(origin, factor, expected):
    region = Region(box_mask((6, 5, 6, 5), (24, 31)))
    positions = pixel_positions((24, 31))
    shown = transplant(region, origin, identity, factor)(positions)
    left, top, width, height = expected
    x, y = positions.unbind(-1)
    inside = (x > left - 0.5) & (x < left + width - 0.5) & (y > top - 0.5) & (y < top + height - 0.5)
    near = (region.distance(origin(positions)).abs() * factor) < 1
    assert torch.equal(shown[inside & ~near], origin(positions)[inside & ~near])
    assert torch.equal(shown[~inside & ~near], positions[~inside & ~near])


def test_mirrored_coordinates_are_the_mirrored_grid():
    size = (24, 31)
    everything = transplant(Region(torch.ones(1, 1, *size)), flip((0, 0, 31, 24), 'x'), identity)
    positions = pixel_positions(size)
    assert torch.equal(everything(positions), positions.flip(1))
    upside_down = transplant(Region(torch.ones(1, 1, *size)), flip((0, 0, 31, 24), 'y'), identity)
    assert torch.equal(upside_down(positions), positions.flip(0))


def test_a_small_displacement_falls_off_smoothly_and_a_large_one_is_cut():
    region = Region(box_mask((10, 8, 8, 8), (24, 31)))
    positions = pixel_positions((24, 31))
    small = transplant(region, shift((2, 0)), identity, seam=4)(positions) - positions
    row = small[12, 12:26, 0]
    assert row[:8].tolist() == [-2] * 8 and row[-1] == 0
    assert bool((row.diff() >= 0).all()) and 0 < row.diff().max() < 1
    large = transplant(region, shift((12, 0)), identity, seam=4)(positions) - positions
    assert set(large[12, :, 0].tolist()) == {-12.0, 0.0}


@pytest.mark.parametrize('encoding', [CARTESIAN, SINUSOIDAL])
def test_moved_coordinates_and_noise_give_the_moved_image(encoding):
    model = untrained(encoding, DRAWN, sizes=[(40, 60)])
    box, by = (8, 10, 9, 12), (27, 6)
    edited = move(model, box, by, start_scale=0, num=1, blending=False)
    before = model.reconstruct()[..., 10:22, 8:17]
    after = edited.images[..., 16:28, 35:44]
    assert before.std() > 0.01
    torch.testing.assert_close(after, before, rtol=0, atol=1e-5)
    twice = duplicate(model, box, by, start_scale=0, num=1, blending=False).images
    torch.testing.assert_close(twice[..., 16:28, 35:44], before, rtol=0, atol=1e-5)
    torch.testing.assert_close(twice[..., 10:22, 8:17], before, rtol=0, atol=1e-5)


@pytest.mark.parametrize('k', [0, 1])
def test_outside_of_its_reach_the_picture_stays(k):
    model = untrained()
    edited = move(model, (3, 4, 3, 4), (4, 2), start_scale=k, num=3)
    assert 0 < edited.edit_mask.mean() < 1
    assert edited.psnr_outside == math.inf
    outside = (edited.edit_mask == 0).expand(1, 3, -1, -1)
    for image in edited.images.split(1):
        assert torch.equal(image[outside], model.reconstruct()[outside])
    assert not torch.equal(edited.images[1], edited.images[2])
    raw = move(model, (3, 4, 3, 4), (4, 2), start_scale=k, num=3, blending=False)
    assert raw.psnr_outside < math.inf


def test_reach_is_source_and_target_and_what_is_around():
    region = Region(box_mask((4, 5, 4, 4), (40, 50)))
    inverse_map = transplant(region, shift((20, 10)), region.reflect_out)
    edit_mask = moved_mask(inverse_map, (40, 50), radius=3)
    expected = torch.zeros(40, 50)
    y, x = np.mgrid[:40, :50]
    for left, top in ((4, 5), (24, 15)):
        across = np.hypot(x - x.clip(left, left + 3), y - y.clip(top, top + 3))
        expected[torch.from_numpy(across <= 3)] = 1
    assert torch.equal(edit_mask[0, 0], expected)


def test_images_depend_on_seed_and_number_alone():
    model = untrained()
    few, many = (resize_region(model, (8, 8, 6, 6), 1.5, num=n, seed=3, start_scale=0).images for n in (2, 4))
    assert torch.equal(few, many[:2])
    assert not torch.equal(few, resize_region(model, (8, 8, 6, 6), 1.5, num=2, seed=4, start_scale=0).images)


def test_noise_varies_from_the_chosen_scale_on():
    model = untrained(padding=LAYER)
    options = dict(num=2, start_scale=0, edit_mask=torch.ones(1, 1, 24, 31), blending=False)
    edited = redraw(model, identity, vary_from=2, **options)
    assert torch.equal(edited.images[1:], model.sample(1, start_scale=2, seed=0, first=1))


# ---------------------------------------------------------------- another size


def test_extending_keeps_the_old_part():
    positions = pixel_positions((40, 80))
    corner = resized((24, 31), (40, 80), ('extend', 'extend'), 'topleft', 'continue')(positions)
    assert torch.equal(corner, positions)
    centered = resized((24, 31), (40, 80), ('extend', 'extend'), 'center', 'mirror')(positions)
    assert torch.equal(centered[8:32, 24:55], pixel_positions((24, 31)))
    assert torch.equal(centered[8:32, 23], pixel_positions((24, 31))[:, 1])


def test_extended_to_the_bottom_right_the_coarsest_scale_is_the_old_one():
    model = untrained(SINUSOIDAL, DRAWN, sizes=[(21, 31)])
    edited = retarget(model, (30, 50), num=1)
    torch.testing.assert_close(edited.images[..., :16, :26], model.reconstruct()[..., :16, :26], rtol=0, atol=1e-5)


def test_stretching_samples_the_same_space_more_densely():
    shown = resized((24, 31), (47, 31), ('stretch', 'extend'))(pixel_positions((47, 31)))
    assert torch.equal(shown[::2], pixel_positions((24, 31)))
    model = untrained(CARTESIAN, LAYER, sizes=[(24, 31)])
    edited = retarget(model, (47, 70), start_scale=0, num=2, seed=5)
    plain = model.sample(1, (47, 70), seed=5, first=1)
    torch.testing.assert_close(edited.images[1:], plain, rtol=0, atol=1e-5)


def test_defaults_follow_the_encoding():
    stretched = retarget(untrained(CARTESIAN), (48, 31), num=1)
    assert torch.equal(stretched.images, retarget(untrained(), (48, 31), 'stretch', start_scale=1, num=1).images)
    extended = retarget(untrained(SINUSOIDAL), (48, 31), num=1).images
    spelled = retarget(untrained(SINUSOIDAL), (48, 31), 'extend', 'topleft', 'continue', start_scale=0, num=1).images
    assert torch.equal(extended, spelled)
    both = retarget(untrained(), (48, 62), ('stretch', 'extend'), num=1)
    assert both.images.shape == (1, 3, 48, 62) and both.psnr_outside is None


def test_noise_is_never_repeated_in_neighbouring_cells():
    from mmpe.editing.redrawing import _Drawing

    model = untrained(padding=LAYER, sizes=[(24, 31)])
    for mode in ('stretch', 'extend'):
        inverse_map = resized((24, 31), (60, 90), (mode, mode))
        drawing = _Drawing(model, inverse_map, (60, 90), torch.ones(1, 1, 60, 90), 0, 0)
        noise = drawing._noise(0, torch.randn(1, 2, 60, 90), 0)
        assert bool((noise.diff(dim=-1) != 0).all()) and bool((noise.diff(dim=-2) != 0).all())
        assert torch.isin(model.fixed_noise, noise).all()


# ---------------------------------------------------------------- warps


def test_a_warp_hits_its_points():
    rng = np.random.default_rng(0)
    sources, targets = rng.uniform(0, 20, (2, 7, 2))
    inverse_map = thin_plate(sources, targets)
    np.testing.assert_allclose(inverse_map(torch.from_numpy(targets)).numpy(), sources, atol=1e-8)


def test_an_affine_warp_is_exact():
    rng = np.random.default_rng(1)
    targets = rng.uniform(0, 20, (6, 2))
    matrix, offset = np.array([[0.9, 0.2], [-0.1, 1.1]]), np.array([3.0, -2])
    positions = pixel_positions((21, 25))
    shown = thin_plate(targets @ matrix.T + offset, targets)(positions)
    np.testing.assert_allclose(shown.numpy(), positions.numpy() @ matrix.T + offset, atol=1e-8)


def test_one_point_shifts_and_points_on_a_line_turn_and_enlarge():
    positions = pixel_positions((9, 11))
    np.testing.assert_allclose(
        thin_plate([(3, 4)], [(5, 5)])(positions), positions + torch.tensor([-2.0, -1]), atol=1e-9
    )
    turned = thin_plate([(0, 0), (0, 4)], [(2, 3), (4, 3)])(positions)  # a quarter turn, twice as large
    x, y = positions.unbind(-1)
    np.testing.assert_allclose(turned, torch.stack([-2 * (y - 3), 2 * (x - 2)], -1), atol=1e-9)
    line = np.array([(1.0, 1), (2, 2), (5, 5), (7, 7)])
    bent = thin_plate(line + [(0, 0), (1, 0), (0, 2), (0, 0)], line)
    np.testing.assert_allclose(bent(torch.from_numpy(line)), line + [(0, 0), (1, 0), (0, 2), (0, 0)], atol=1e-8)
    assert torch.isfinite(bent(positions)).all()


def test_pinned_corners_stay():
    model = untrained()
    edited = warp(model, [(15, 12)], [(18, 12)], num=1, start_scale=0)
    corners = [0, 0, 0, 0], [0, 1, 2, 0], [0, 0, -1, -1], [0, -1, 0, -1]
    torch.testing.assert_close(edited.before['copied'][corners], model.picture[corners], rtol=0, atol=1e-5)
    assert not torch.allclose(edited.before['copied'], model.picture, atol=0.1)
    assert warp(model, [(15, 12)], [(18, 12)], pin=False, num=1).psnr_outside is None
    assert torch.isfinite(warp(model, [(0, 0)], [(2, 1)], num=1).images).all()


# ---------------------------------------------------------------- layout


def test_areas_are_shown_where_they_are_wanted():
    present, wanted = np.zeros((2, 20, 30), int)
    present[5:15, 3:9] = 1
    wanted[2:7, 12:24] = 1
    wanted[12:18, 2:6] = 1
    shown = rearrange(wanted, present)(pixel_positions((20, 30)))
    x, y = shown.round().long().unbind(-1)
    assert np.array_equal(present[y.numpy(), x.numpy()], wanted)
    # a box half as high and twice as wide
    assert shown[2, 12].tolist() == [2.5 + 0.25, 4.5 + 1] and shown[6, 23].tolist() == [8.5 - 0.25, 14.5 - 1]
    unchanged = rearrange(present, present)(pixel_positions((20, 30)))
    assert torch.equal(unchanged, pixel_positions((20, 30)))


def test_flat_colors_are_found_through_noise():
    picture = torch.full((1, 3, 40, 40), -1.0)
    picture[:, 0, :15] = 1
    picture[:, :, 0, 0] = 0.1  # a blend
    noisy = picture + 0.03 * torch.randn(picture.shape, generator=torch.Generator().manual_seed(0))
    found = flat_colors(noisy.clamp(-1, 1))
    assert len(found) == 2
    np.testing.assert_allclose(found, [[0, 0, 0], [255, 0, 0]], atol=12)


# ---------------------------------------------------------------- what is refused

BLACK, WHITE = torch.full((1, 3, 9, 9), -1.0), torch.ones(1, 3, 9, 9)


@pytest.mark.parametrize(
    'edit, message',
    [
        (lambda m: move(m, (28, 0, 9, 5), (1, 0)), 'does not lie in the picture of 24x31'),
        (lambda m: move(m, (2, 2, 5, 5), (40, 0)), 'nothing of the region would be left'),
        (lambda m: move(m, (2, 2, 5, 5), (4, 0), seam=-1), 'seam=-1 cannot work: it must be from 0'),
        (lambda m: move(m, torch.zeros(1, 1, 24, 31), (4, 0)), 'the region is empty'),
        (lambda m: move(m, torch.ones(1, 1, 9, 9), (4, 0)), r'not one of the picture, \(1, 1, 24, 31\)'),
        (lambda m: resize_region(m, (2, 2, 5, 5), 0), 'factor=0 cannot work: it must be above 0'),
        (lambda m: resize_region(m, (2, 2, 5, 5), 2, anchor='left'), "no anchor 'left'"),
        (lambda m: mirror(m, (2, 2, 5, 5), 'z'), "not 'z'"),
        (lambda m: remove(m, (2, 2, 5, 5), start_scale=3), 'the trained scales are 0 to 2'),
        (lambda m: remove(m, (2, 2, 5, 5), seed=-1), 'seed=-1 cannot work: it must be at least 0'),
        (lambda m: remove(m, (2, 2, 5, 5), vary_from=3), 'start scale 3 does not exist'),
        (
            lambda m: move(m, (2, 2, 5, 5), (4, 0), seam=float('nan')),
            'seam=nan cannot work: it must be a finite number',
        ),
        (lambda m: retarget(m, (200_000, 300_000)), 'GiB are available'),
        (lambda m: retarget(m, (48, 62), 'shrink'), "no mode 'shrink'"),
        (lambda m: retarget(m, (48, 62), ('extend',) * 3), 'not 3'),
        (lambda m: retarget(m, (48, 62), anchor='left'), "no anchor 'left'"),
        (lambda m: retarget(m, (48, 62), beyond='repeat'), "'repeat'"),
        (lambda m: retarget(m, (2, 2)), 'too small'),
        (lambda m: warp(m, [(31, 4)], [(3, 4)]), 'the point 31,4 does not lie in the picture of 24x31'),
        (lambda m: warp(m, [(1, 4)], [(3, 24)]), 'the point 3,24'),
        (lambda m: warp(m, [(1, 4)], []), '1 sources and 0 targets'),
        (lambda m: warp(m, [(1, 4), (2, 5)], [(3, 3), (3, 3)]), 'cannot both be at 3,3'),
        (lambda m: transfer_layout(m, WHITE, BLACK), r'#ffffff \(white\), which the labels have not'),
    ],
)
def test_bad_input_is_refused_in_one_line(edit, message):
    with pytest.raises(InputError, match=message) as error:
        edit(untrained())
    assert '\n' not in str(error.value)


def test_without_an_encoding_start_scale_0_is_refused():
    model = untrained(encoding=None)
    with pytest.raises(InputError, match='no positional encoding.*choose a start scale of 1'):
        move(model, (2, 2, 5, 5), (4, 0), start_scale=0)
    assert move(model, (2, 2, 5, 5), (4, 0)).psnr_outside == math.inf
    assert retarget(model, (24, 62), 'extend', num=1).images.shape[-1] == 62


def test_a_label_that_vanishes_at_the_pictures_size_is_named():
    labels = -torch.ones(1, 3, 480, 620)
    labels[:, 0, :, 300:307] = 1  # 7 of 620 columns, between those that 31 pixels see
    sketch = labels.roll(105, -1)  # where they do see it
    with pytest.raises(InputError, match=r'#ff0000 \(red\) is left of the labels at the size of the picture, 24x31'):
        transfer_layout(untrained(), sketch, labels)
