"""Injected pictures: what comes out exactly, what stays to the bit, palettes, and what is refused."""

import numpy as np
import pytest
import torch
from PIL import Image
from singan_runs import REPOSITORY, assert_same, checkpoint, run, tiny_config
from tool_runs import run_tool

from mmpe.apis import load
from mmpe.datasets import SinGANDataset
from mmpe.editing import (
    Edited,
    box_mask,
    choose_start_scale,
    compare_start_scales,
    dilate,
    edit,
    harmonise,
    inject,
    paint_to_image,
)
from mmpe.editing.start_scales import start_scale_error
from mmpe.errors import InputError
from mmpe.registry import MODELS

PALETTE = REPOSITORY / 'configs/singan/singan_palette_quickstart.py'
SIZES = [(10, 15), (14, 21), (20, 30)]


def untrained(generator='SinGANGenerator', sizes=SIZES, **settings):
    """A model of random weights that are large enough to be seen, as if all scales were trained."""
    torch.manual_seed(0)
    model = MODELS.build(dict(type='SinGANModel', generator=dict(type=generator, base_channels=4, **settings)))
    model.set_pyramid(sizes)
    for block in model.generator.blocks:
        for layer in block.layers:
            torch.nn.init.normal_(layer.conv.weight, std=0.3)
    model.stage.fill_(len(sizes))
    model.fixed_noise.normal_()
    model.picture.uniform_(-1, 1)
    model.noise_weights[1:] = 0.1
    return model.eval()


@pytest.fixture(scope='module', params=['PadInputOnce', 'PadEachLayer', 'OversizedNoise'])
def model(request):
    return untrained(padding=dict(type=request.param), encoding=dict(type='CartesianGrid'))


@pytest.fixture
def given():
    return torch.rand(1, 3, 20, 30, generator=torch.Generator().manual_seed(1)) * 2 - 1


MASK = box_mask((12, 6, 5, 4), (20, 30))


# -------------------------------------------------------------------- injection


@pytest.mark.parametrize('scale', [1, 2])
def test_the_reconstruction_below_gives_reconstruction_and_samples(model, scale):
    below = model.reconstruct(scale)
    assert torch.equal(inject(model, below, scale, noise=0.0), model.reconstruct())
    drawn = torch.cat([model.sample(1, start_scale=scale, seed=3, first=i) for i in range(2)])
    assert torch.equal(inject(model, below, scale, num=2, seed=3), drawn)


def test_images_depend_on_seed_and_number_alone(model, given):
    images = inject(model, given, 1, num=3, seed=1)
    assert torch.equal(inject(model, given, 1, num=2, seed=1), images[:2])
    assert not torch.equal(images[0], images[1])
    assert not torch.equal(inject(model, given, 1, seed=2), images[:1])


def test_only_the_size_below_counts(model):
    """A checkerboard of single pixels is grey once it is small, so it comes out as grey does: antialiased."""
    board = ((torch.arange(60)[:, None] + torch.arange(90)) % 2 * 2.0 - 1).expand(1, 3, -1, -1)
    grey = torch.zeros(1, 3, 10, 15)
    torch.testing.assert_close(inject(model, board, 1, noise=0), inject(model, grey, 1, noise=0), atol=1e-2, rtol=0)


def test_any_size_of_the_same_shape(model, given):
    assert inject(model, given, 1, size=(40, 60)).shape == (1, 3, 40, 60)
    with pytest.raises(InputError, match='the picture is 20x30 pixels'):
        inject(model, given, 1, size=(40, 40))


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(start_scale=0), 'start scale 0: choose one of 1 to 2'),
        (dict(start_scale=3), 'choose one of 1 to 2'),
        (dict(seed=-1), 'seed=-1 cannot work: it must be at least 0'),
        (dict(noise=-0.5), 'noise=.* cannot work: it must be .*from 0 to 1000'),
        (dict(noise=float('nan')), 'noise=.* cannot work: it must be .*from 0 to 1000'),
        (dict(size=(200_000, 300_000), num=2), 'choose fewer, or a smaller size'),
    ],
)
def test_what_cannot_be_injected_is_refused(given, options, message):
    with pytest.raises(InputError, match=message):
        inject(untrained(), given, **dict(start_scale=1) | options)


def test_a_single_scale_has_nothing_to_inject_into(given):
    with pytest.raises(InputError, match='1 trained scale'):
        inject(untrained(sizes=SIZES[-1:]), given, 1)


# -------------------------------------------------------------------- applications


@pytest.mark.parametrize('application', [harmonise, edit])
@pytest.mark.parametrize('dilation', [0, 3])
def test_outside_the_extended_mask_nothing_changes(model, given, application, dilation):
    edited = application(model, given, MASK, start_scale=1, num=2, dilation=dilation)
    outside = (dilate(MASK, dilation) == 0).expand_as(edited.images)
    assert torch.equal(edited.images[outside], given.expand_as(edited.images)[outside])
    assert edited.psnr_outside == float('inf')
    assert not torch.equal(edited.images[:1], given)


def test_without_softness_the_mask_shows_what_was_injected(model, given):
    edited = harmonise(model, given, MASK, start_scale=2, num=1, dilation=2, softness=0)
    inside = dilate(MASK, 2).expand_as(edited.images) == 1
    assert torch.equal(edited.images[inside], inject(model, given, 2)[inside])


def test_an_edit_reaches_further_than_a_harmonisation(model, given):
    near, far = (a(model, given, MASK, start_scale=1, num=1).edit_mask.sum() for a in (harmonise, edit))
    assert MASK.sum() < near < far


def test_painting_is_injected_at_the_coarsest_scale_by_itself(model, given):
    edited = paint_to_image(model, given, num=2, seed=4)
    assert torch.equal(edited.images, inject(model, given, 1, num=2, seed=4))
    assert edited.captions == ['scale 1, image 0', 'scale 1, image 1']


@pytest.mark.parametrize(
    'mask, options, message',
    [
        (torch.zeros(1, 1, 20, 30), {}, 'the mask is 0 everywhere'),
        (torch.ones(1, 1, 20, 20), {}, 'the mask is 20x20 pixels'),
        (MASK, dict(dilation=-1), 'dilation=-1 cannot work'),
        (MASK, dict(start_scale=9), 'start scale 9'),
    ],
)
def test_bad_masks_and_numbers_are_refused(given, mask, options, message):
    with pytest.raises(InputError, match=message):
        harmonise(untrained(), given, mask, **options)


# -------------------------------------------------------------------- the start scale


def test_a_copy_of_the_photograph_has_no_error_and_a_shift_of_color_has_its_own():
    model = untrained()
    model.picture.clamp_(-0.5, 0.5)
    everywhere = torch.ones(1, 1, 20, 30)
    assert start_scale_error(model, model.picture, everywhere, model.picture) == pytest.approx(0, abs=1e-3)
    flat = torch.zeros_like(model.picture)
    model.picture.zero_()
    assert start_scale_error(model, flat, everywhere, flat + 0.25) == pytest.approx(
        0.75, abs=1e-5
    )  # texture twice, layout once


def test_the_error_is_blind_outside_the_reach():
    model, edit_mask = untrained(), box_mask((8, 8, 6, 6), (20, 30))
    far = model.picture.clone()
    far[..., 24:] = 0
    assert start_scale_error(model, model.picture, edit_mask, far) == pytest.approx(0, abs=1e-3)


def test_the_error_sees_the_last_rows_and_columns():
    """Where the squares of a tenth of the short side leave a rest."""
    model = untrained(sizes=[(10, 15), (14, 21), (21, 31)])
    edit_mask = torch.zeros(1, 1, 21, 31)
    edit_mask[..., -1, -1] = 1
    other = model.picture.clone()
    other[..., -1, -1] += 0.5
    same, moved = (start_scale_error(model, picture, edit_mask, model.picture) for picture in (model.picture, other))
    assert moved - same == pytest.approx(0.5, abs=1e-3)


def test_the_chosen_scale_has_the_least_error_and_is_marked_among_all(model, given):
    edit_mask = dilate(MASK, 1)
    errors = {k: start_scale_error(model, given, edit_mask, inject(model, given, k)) for k in (1, 2)}
    chosen = choose_start_scale(model, given, edit_mask)
    assert errors[chosen] == min(errors.values())
    sheet = compare_start_scales(
        model, lambda scale: harmonise(model, given, MASK, start_scale=scale, num=1, dilation=1)
    )
    assert sheet.captions == [f'scale {k}' + ' (automatic)' * (k == chosen) for k in (1, 2)]
    assert torch.equal(sheet.images[1:], harmonise(model, given, MASK, 2, num=1, dilation=1).images)
    assert sheet.psnr_outside == float('inf')


# -------------------------------------------------------------------- palettes


def test_palette_maps_to_the_nearest_color():
    palette = MODELS.build(dict(type='Palette', num_colors=4))
    palette.colors.copy_(torch.rand(4, 3) * 2 - 1)
    image = torch.rand(2, 3, 6, 7) * 2 - 1
    reduced = palette(image)
    for n, y, x in np.ndindex(2, 6, 7):
        distances = [sum((image[n, c, y, x] - color[c]) ** 2 for c in range(3)) for color in palette.colors]
        assert torch.equal(reduced[n, :, y, x], palette.colors[int(np.argmin(distances))])
    assert torch.equal(palette(reduced), reduced)


def test_palette_finds_the_colors_of_a_flat_picture():
    colors = torch.tensor([[1.0, -1, -1], [-1, 1, 0.5], [0, 0, 0]])
    picture = colors[torch.arange(200) % 3].T.reshape(1, 3, 10, 20)
    palette = MODELS.build(dict(type='Palette', num_colors=3))
    palette.learn(picture)
    torch.testing.assert_close(palette(picture), picture)


def test_only_the_palettes_scale_sees_it():
    model = untrained('SinGANPaletteGenerator', palette=dict(type='Palette', num_colors=2, scale=1))
    model.generator.palette.colors.copy_(torch.tensor([[-0.5] * 3, [0.5] * 3]))
    dark, darker = torch.full((1, 3, 10, 15), -0.2), torch.full((1, 3, 10, 15), -0.9)
    assert torch.equal(inject(model, dark, 1), inject(model, darker, 1))
    dark, darker = torch.full((1, 3, 14, 21), -0.2), torch.full((1, 3, 14, 21), -0.9)
    assert not torch.equal(inject(model, dark, 2), inject(model, darker, 2))
    plain = untrained()
    plain.load_state_dict({k: v for k, v in model.state_dict().items() if 'palette' not in k})
    assert torch.equal(plain.reconstruct(1), model.reconstruct(1))


@pytest.fixture(scope='module')
def with_palette(tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('palette')
    return work_dir, run(tiny_config(work_dir, PALETTE, iters_per_scale=2)).max_iters


def test_training_with_a_palette_resumes_to_the_bit(with_palette, tmp_path):
    work_dir, last = with_palette
    for iteration in (1, 2, 3):  # before, when entering and within the palette's scale
        resumed = tmp_path / str(iteration)
        load_from = str(work_dir / f'iter_{iteration}.pth')
        run(tiny_config(resumed, PALETTE, iters_per_scale=2, resume=True, load_from=load_from))
        for key in ('state_dict', 'optimizer'):
            assert_same(checkpoint(resumed, last)[key], checkpoint(work_dir, last)[key])


def test_a_trained_palette_is_in_the_checkpoint_and_used_by_itself(with_palette):
    work_dir, last = with_palette
    model = load(work_dir / f'iter_{last}.pth')
    real = SinGANDataset('skimage://rocket', min_size=18, max_size=32).reals[1]
    colors = model.palette.colors
    assert len(colors.unique(dim=0)) == 5
    pixels = real[0].flatten(1).T
    nearest = torch.cdist(pixels, colors).argmin(1)
    means = torch.stack([pixels[nearest == i].mean(0) for i in range(5)])  # where k-means stands still
    torch.testing.assert_close(colors, means, atol=0.02, rtol=0)
    left = model.palette(model.generator.enlarge(model.reconstruct(1), real.shape[-2:])) - real
    torch.testing.assert_close(model.noise_weights[1], 0.1 * left.square().mean().sqrt())
    assert paint_to_image(model, model.picture, num=1).captions == ['scale 1']


def test_an_impossible_palette_is_refused():
    with pytest.raises(InputError, match='scale=0 cannot work: it must be from 1'):
        untrained('SinGANPaletteGenerator', palette=dict(type='Palette', scale=0))
    with pytest.raises(InputError, match='the palette is for scale 3, and the scales of this picture are 0 to 2'):
        untrained('SinGANPaletteGenerator', palette=dict(type='Palette', scale=3))
    with pytest.raises(InputError, match='num_colors=0 cannot work'):
        untrained('SinGANPaletteGenerator', palette=dict(type='Palette', num_colors=0))


# -------------------------------------------------------------------- the command line


def test_tool_writes_a_sheet_of_all_start_scales_and_refuses_in_a_line(with_palette, tmp_path):
    work_dir, last = with_palette
    Image.new('RGB', (64, 42), 'red').save(tmp_path / 'picture.png')
    mask = np.zeros((42, 64), np.uint8)
    mask[10:20, 20:40] = 255
    Image.fromarray(mask).save(tmp_path / 'mask.png')
    command = [REPOSITORY / 'tools/edit.py', 'harmonise', work_dir / f'iter_{last}.pth']
    command += ['--picture', tmp_path / 'picture.png', '--mask', tmp_path / 'mask.png', '--sheet']
    done = run_tool(*command, '--out', tmp_path / 'out')
    assert done.returncode == 0 and 'PSNR inf dB' in done.stdout, done.stderr
    assert {path.name for path in (tmp_path / 'out').iterdir()} == {'edited_000.png', 'edited_001.png', 'sheet.png'}
    Image.new('RGB', (50, 50), 'red').save(tmp_path / 'picture.png')
    done = run_tool(*command)
    assert done.returncode == 2 and done.stderr.startswith('error: the picture is 50x50')
    assert done.stderr.count('\n') == 1


def test_edited_is_what_applications_give(given):
    assert isinstance(paint_to_image(untrained(), given, num=1), Edited)
