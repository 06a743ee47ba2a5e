"""Super-resolution: sizes, steps, and the pyramid that it is trained on."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from PIL import Image
from singan_runs import edit_tool
from test_editing_injection import untrained

from mmpe.datasets.singan_dataset import SinGANDataset, SuperResolutionDataset
from mmpe.editing import super_resolve
from mmpe.editing.edits.super_resolve import enlarged_sizes, fitting_strength
from mmpe.errors import InputError

ROOT = 0.5 ** (1 / 3)


def model_of(finest, ratio=ROOT, **settings):
    return untrained(sizes=[tuple(round(n * ratio**k) for n in finest) for k in (2, 1, 0)], **settings)


@pytest.mark.parametrize('factor, steps', [(2, 3), (4, 6), (2.5, 4), (1.1, 1)])
def test_as_many_steps_as_the_trained_ratio_needs(factor, steps):
    sizes = enlarged_sizes(model_of((200, 300)), factor)
    assert len(sizes) == steps and sizes[-1] == pytest.approx((200 * factor, 300 * factor))
    ratios = [b[1] / a[1] for a, b in zip([(200, 300), *sizes], sizes)]
    assert max(ratios) / min(ratios) < 1.02


@pytest.mark.parametrize('padding', ['PadInputOnce', 'PadEachLayer', 'OversizedNoise'])
@pytest.mark.parametrize('factor', [1.3, 4])
def test_the_size_is_exact(padding, factor):
    edited = super_resolve(model_of((21, 30), padding=dict(type=padding)), factor=factor, num=2)
    assert edited.images.shape == (2, 3, round(21 * factor), round(30 * factor))
    assert edited.before['bicubic'].shape == edited.images[:1].shape


def test_a_last_scale_that_adds_nothing_enlarges_in_place():
    """The middle of a spot stays at a quarter of the width; aligned corners would shift it by a hundredth."""
    model = model_of((24, 24))
    torch.nn.init.zeros_(model.generator.blocks[-1].tail.conv.weight)
    spot = torch.exp(-((torch.arange(24) + 0.5 - 6) ** 2) / 4).expand(1, 3, 24, 24)
    found = super_resolve(model, spot, 4).images[0, 0, 48]
    middle = (found * (torch.arange(96) + 0.5) / 96).sum() / found.sum()
    assert middle.item() == pytest.approx(0.25, abs=1e-3)


def test_back_projection_keeps_the_picture():
    """Means over squares of 4 pixels say what is left of it, whatever the last scale adds."""
    model = model_of((24, 24))
    held, free = (super_resolve(model, strength=1, back_projection=held).images for held in (True, False))
    errors = [(F.avg_pool2d(images, 4) - model.picture).square().mean().sqrt() for images in (held, free)]
    assert errors[0] < errors[1] / 3


def test_the_strength_that_fits_gives_the_least_error():
    """Of all, in the first step from the picture made smaller."""
    model = model_of((24, 24))
    small = F.interpolate(model.picture, model.scaled_sizes()[-2], mode='bicubic', antialias=True)
    blurred = F.interpolate(small, (24, 24), mode='bicubic')
    still = torch.zeros(1, *model.generator.noise_shape(2, (24, 24)))
    detail = model.generator.refine(2, still, 0.0, blurred) - blurred
    tried = torch.linspace(0, 0.1, 1001)
    errors = [(blurred + strength * detail - model.picture).square().sum() for strength in tried]
    best = tried[torch.stack(errors).argmin()].item()
    assert 0.001 < best < 0.099
    assert fitting_strength(model, model.picture) == pytest.approx(best, abs=1e-4)


def test_strength():
    model = model_of((24, 24))
    own = fitting_strength(model, model.picture)
    assert torch.equal(super_resolve(model).images, super_resolve(model, strength=own).images)
    none, half, whole = (
        super_resolve(model, factor=1.2, strength=share, back_projection=False) for share in (0, 0.5, 1)
    )
    assert torch.equal(none.images, none.before['bicubic'])
    torch.testing.assert_close(half.images, (none.images + whole.images) / 2)
    assert (whole.images - none.images).abs().max() > 0.01


def test_noise_is_off_by_itself_and_numbered_when_on():
    model = model_of((21, 30))
    still = super_resolve(model, num=2).images
    assert torch.equal(still[0], still[1])
    noisy = super_resolve(model, num=2, noise=1.0).images
    assert not torch.equal(noisy[0], noisy[1])
    assert torch.equal(super_resolve(model, num=1, noise=1.0).images, noisy[:1])


def test_the_trained_picture_is_what_is_enlarged_unless_another_is_given():
    model = model_of((21, 30))
    assert torch.equal(super_resolve(model).images, super_resolve(model, model.picture).images)
    assert not torch.equal(super_resolve(model).images, super_resolve(model, -model.picture).images)


@pytest.mark.parametrize('factor', [1, 0, -2, float('nan'), float('inf')])
def test_bad_factors_are_refused(factor):
    with pytest.raises(InputError, match='cannot work: it must be .*above 1'):
        super_resolve(model_of((21, 30)), factor=factor)


def test_other_bad_input_is_refused():
    model = model_of((21, 30))
    with pytest.raises(InputError, match='40x40 pixels, and the model was trained on 21x30'):
        super_resolve(model, torch.zeros(1, 3, 40, 40))
    with pytest.raises(InputError, match='at least 0'):
        super_resolve(model, seed=-1)
    with pytest.raises(InputError, match='strength=-1 cannot work'):
        super_resolve(model, strength=-1)
    with pytest.raises(InputError, match='one scale only'):
        super_resolve(untrained(sizes=[(21, 30)]))


def test_the_pyramid_has_the_exact_ratio_and_as_many_scales():
    exact = SuperResolutionDataset('skimage://rocket', max_size=128)
    plain = SinGANDataset('skimage://rocket', max_size=128, scale_factor_init=ROOT)
    assert len(exact.sizes) == len(plain.sizes) and exact.sizes[-1] == plain.sizes[-1] == (85, 128)
    for steps, (height, width) in enumerate(reversed(exact.sizes)):
        assert abs(height - 85 * ROOT**steps) <= 0.5 and abs(width - 128 * ROOT**steps) <= 0.5
    assert [tuple(real.shape[-2:]) for real in exact.reals] == exact.sizes
    assert torch.equal(exact.reals[-1], plain.reals[-1])


@pytest.fixture
def superres(monkeypatch, tmp_path):
    generator = dict(type='SinGANGenerator', base_channels=4)
    return edit_tool(monkeypatch, tmp_path, 'superres', model_of((24, 24)), generator)


def test_task_says_how_close_it_came(superres, tmp_path, capsys):
    """A truth that is the result in some levels darker: PSNR by hand."""
    with Image.open(superres('--factor', 2, '--strength', 0.5) / 'edited_000.png') as image:
        darker = np.asarray(image) // 2
    Image.fromarray(darker).save(tmp_path / 'truth.png')
    capsys.readouterr()
    with Image.open(superres('--factor', 2, '--strength', 0.5, '--truth', tmp_path / 'truth.png') / 'sheet.png'):
        rows = [line.split('|') for line in capsys.readouterr().out.splitlines() if line.startswith('|')]
    assert [row[1].strip() for row in rows[2:]] == ['bicubic', 'image 0']
    error = np.square(darker.astype(float) - np.asarray(Image.open(tmp_path / 'out/edited_000.png'))).mean()
    assert float(rows[3][2]) == pytest.approx(10 * np.log10(255**2 / error), abs=0.05)
    assert float(rows[3][3]) > 0


@pytest.mark.parametrize(
    'options, message',
    [
        (('--strength', -1), '--strength: -1.0 cannot work'),
        (('--truth', 'none.png'), 'none.png'),
        (('--factor', 1), 'factor=1.0 cannot work'),
    ],
)
def test_task_refuses(superres, capsys, options, message):
    with pytest.raises(SystemExit, match='2'):
        superres(*options)
    assert message in capsys.readouterr().err
