"""Training on several shapes: which pictures and which scale meet, with what pictures become, resumed to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from mmengine.runner import Runner
from PIL import Image, ImageOps
from stylegan2_models import batch, optimisers, small_model
from stylegan2_runs import tiny_config

from mmpe.apis import load
from mmpe.errors import InputError
from mmpe.evaluation import RealPictures
from mmpe.evaluation.quantized import resized
from mmpe.models.adversarial import AdversarialModel
from mmpe.registry import DATASETS

SHAPES = dict(offsets=[0, (0, 4), (4, 0)], probabilities=[0.4, 0.3, 0.3])
BUCKETS = dict(sizes=[16, (16, 32), (32, 16)], size=None)


def shaped_config(work_dir, iterations=6, **options):
    cfg = tiny_config(work_dir, iterations=iterations, **options)
    cfg.model.scales = SHAPES | dict(by_aspect=True)
    cfg.train_dataloader.dataset.update(BUCKETS | dict(num=24))
    cfg.train_dataloader.batch_sampler = dict(type='BucketBatchSampler')
    return cfg


@pytest.fixture
def seen(monkeypatch):
    """(H, W) of the pictures of each step, and of what they became."""
    steps, begin = [], AdversarialModel._begin_update

    def record(model, pictures=None):
        update = begin(model, pictures)
        steps.append((pictures, update.size))
        return update

    monkeypatch.setattr(AdversarialModel, '_begin_update', record)
    return steps


def state(path):
    return torch.load(path, weights_only=True)['state_dict']


def test_pictures_of_a_shape_train_the_scale_of_that_shape_and_resume_to_the_bit(tmp_path, seen):
    Runner.from_cfg(shaped_config(tmp_path / 'unbroken')).train()
    assert {(16, 32), (32, 16)} <= {pictures for pictures, _ in seen} <= {(16, 16), (16, 32), (32, 16)}
    assert all(pictures == trained for pictures, trained in seen)
    cfg = shaped_config(tmp_path / 'resumed')
    cfg.load_from, cfg.resume = str(tmp_path / 'unbroken/iter_3.pth'), True
    Runner.from_cfg(cfg).train()
    assert seen[6:] == seen[3:6]
    one, other = state(tmp_path / 'unbroken/iter_6.pth'), state(tmp_path / 'resumed/iter_6.pth')
    assert one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)
    assert load(tmp_path / 'unbroken/iter_6.pth').sizes == [(16, 16), (16, 32), (32, 16)]


def test_all_batches_of_an_update_are_of_one_shape(tmp_path, monkeypatch):
    shapes, step = [], AdversarialModel.train_step

    def record(model, data, optim_wrapper):
        shapes.append(data['inputs'][0].shape[-2:])
        return step(model, data, optim_wrapper)

    monkeypatch.setattr(AdversarialModel, 'train_step', record)
    options = {
        'optim_wrapper__generator__accumulative_counts': 3,
        'optim_wrapper__discriminator__accumulative_counts': 3,
    }
    Runner.from_cfg(shaped_config(tmp_path, 12, **options)).train()
    assert len(shapes) == 12 and all(len(set(shapes[i : i + 3])) == 1 for i in range(0, 12, 3)) and len(set(shapes)) > 1


def test_a_picture_of_every_shape_is_drawn(tmp_path):
    Runner.from_cfg(shaped_config(tmp_path, 1)).train()
    with Image.open(tmp_path / 'pictures/iter_1.png') as sheet:
        assert sheet.width > 16 + 32 + 16


def test_pictures_of_several_shapes_need_batches_of_one(tmp_path):
    cfg = shaped_config(tmp_path)
    del cfg.train_dataloader['batch_sampler']
    with pytest.raises(InputError, match="3 shapes, and a batch must have one: give .*'BucketBatchSampler'"):
        Runner.from_cfg(cfg).train()


@pytest.mark.parametrize('drop_last', [True, False])
def test_what_a_batch_sampler_makes_needless_is_said(tmp_path, drop_last):
    """PyTorch refuses it, and a base config may have it."""
    Runner.from_cfg(shaped_config(tmp_path, 1, train_dataloader__drop_last=drop_last, log_level='INFO')).train()
    (log,) = tmp_path.glob('*/*.log')
    said = 'drop_last=True of the train_dataloader has no effect: its batch_sampler makes the batches'
    assert log.read_text().count(said) == drop_last


@pytest.mark.parametrize('fit', ['crop', 'letterbox'])
def test_the_discriminator_sees_real_pictures_fitted_to_the_scale(fit):
    model = small_model(scales=dict(offsets=[(0, 4)], probabilities=[1]), resize=dict(fit=fit, mode='nearest'))
    seen, pictures = [], batch(0, num=2, side=32)
    model.discriminator.register_forward_pre_hook(lambda module, args: seen.append(args[0].detach().clone()))
    model.train_step(pictures, optimisers(model))
    real = torch.stack(pictures['inputs']) / 127.5 - 1
    if fit == 'crop':  # half of the rows as they are
        expected = real[..., 8:24, :]
    else:  # every other pixel, in the middle half
        expected = torch.full((2, 3, 16, 32), -1.0)
        expected[..., 8:24] = real[..., ::2, ::2]
    assert any(x.shape == expected.shape and torch.allclose(x, expected, atol=1e-6) for x in seen)


def test_squares_train_as_ever():
    """Pairs of equal numbers, and a data set of one shape that chooses among all scales, change no bit."""
    plain = small_model(scales=dict(offsets=(0, 2, 4), probabilities=(0.5, 0.25, 0.25)))
    pairs = small_model(
        scales=dict(offsets=[(0, 0), (2, 2), [4, 4]], probabilities=(0.5, 0.25, 0.25), by_aspect=True),
        resize=dict(mode='bicubic', antialias=True, fit='crop'),
    )
    pairs.load_state_dict(plain.state_dict())
    for model in (plain, pairs):
        optim = optimisers(model)
        torch.manual_seed(0)
        for iteration in range(4):
            model.seed.fill_(3)
            model.train_step(batch(iteration), optim)
    assert int(plain.seed) != 0
    states = plain.state_dict(), pairs.state_dict()
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0] if name != 'seed')


@pytest.mark.parametrize(
    ('settings', 'message'),
    [
        (dict(resize=dict(fit='squeeze')), 'fit=.*squeeze.*one of stretch, crop, letterbox'),
        (dict(critic=dict(in_size=32), scales=dict(offsets=[(0, -3)])), 'the generator is trained at 16x4'),
        (dict(scales=dict(offsets=dict(low=3, high=1))), 'there is no offset from low=3 to high=1'),
    ],
)
def test_shapes_that_cannot_be_trained_are_refused_in_one_line(settings, message):
    with pytest.raises(InputError, match=message) as error:
        small_model(**settings)
    assert '\n' not in str(error.value)


# ---------------------------------------------------------------- scores


def measured(sizes, dataset, num=None, fit='stretch', tmp_path=None):
    real = RealPictures(dataset, num, tmp_path, num_workers=0, fit=fit)
    return real.measure(sizes, lambda pictures, numbers: pictures, 'pixels')


def test_a_size_is_compared_with_the_pictures_of_its_shape(tmp_path):
    dataset = dict(type='DrawnFaces', num=40, sizes=[16, (16, 32), (32, 16)])
    faces = DATASETS.build(dataset)
    found = measured([(16, 16), (16, 32), (20, 38), (48, 24)], dataset, 5, tmp_path=tmp_path)
    for size, bucket in {(16, 16): 0, (16, 32): 1, (20, 38): 1, (48, 24): 2}.items():
        items = [item for item, own in enumerate(faces.buckets) if own == bucket]
        chosen = torch.stack([faces[items[i * len(items) // 5]]['inputs'] for i in range(5)])
        assert found[size].shape == (5, 3, *size)
        assert torch.equal(found[size], resized(chosen, size))
    again = measured([(16, 32)], dataset, 5, tmp_path=tmp_path)
    assert torch.equal(again[16, 32], found[16, 32])


@pytest.mark.parametrize(('fit', 'reference'), [('crop', ImageOps.fit), ('letterbox', ImageOps.pad)])
def test_real_pictures_of_another_shape_are_fitted_as_they_were_in_training(tmp_path, fit, reference):
    dataset = dict(type='DrawnFaces', num=3, size=64)
    found = measured([(16, 32)], dataset, fit=fit, tmp_path=tmp_path)[16, 32]
    assert not torch.equal(found, measured([(16, 32)], dataset, tmp_path=tmp_path)[16, 32])
    for picture, item in zip(found, DATASETS.build(dataset)):
        image = Image.fromarray(item['inputs'].permute(1, 2, 0).numpy())
        expected = torch.from_numpy(np.array(reference(image, (32, 16), Image.Resampling.BICUBIC))).permute(2, 0, 1)
        off = (picture.int() - expected.int()).abs()
        assert off.float().mean() < 0.2 and off.max() < 10  # Pillow rounds between its two passes
    with pytest.raises(InputError, match='one of stretch, crop, letterbox'):
        measured([(16, 32)], dataset, fit='squeeze')
