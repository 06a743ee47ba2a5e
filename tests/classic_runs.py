"""What the tests of DCGAN and Progressive GAN share: reference numbers, and runs of seconds."""

import copy
import json
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
import torch.multiprocessing as mp
from mmengine.config import Config
from singan_runs import REPOSITORY, assert_same, checkpoint, run
from stylegan2_models import batch, optimisers

from mmpe.apis import load, load_config
from mmpe.engine import SynchronisedModel
from mmpe.models.padding import modes

DATA = Path(__file__).parent / 'data'
GOLDENS = {**np.load(DATA / 'classic.npz'), **np.load(DATA / 'classic_variants.npz')}
SHAPES = json.loads((DATA / 'classic_state_dicts.json').read_text())
TOLERANCE = 1e-3
IID = dict(type='PointwiseHead')
GRID = dict(IID, encoding=dict(type='CartesianGrid'))
HEADS = [dict(type='DenseHead'), IID, GRID]
PADDINGS = [*modes(), dict(type='interp', mode='bicubic')]


def golden(name):
    return torch.from_numpy(GOLDENS[name])


def assert_near(actual, expected, deviation=None):
    assert actual.shape == expected.shape
    deviation = expected.std() if deviation is None else deviation
    assert (actual.detach() - expected).abs().max() < TOLERANCE * deviation


def shapes(module):
    return {name: list(value.shape) for name, value in module.state_dict().items()}


def configs(family):
    return sorted((REPOSITORY / 'configs' / family).glob('*.py'))


@torch.no_grad()
def moves_with_its_latents(generator) -> bool:
    """Whether a generator of 16 pixels, given its latents one cell further down, gives its image four pixels so."""
    generator = generator.double()
    z = torch.randn(1, generator.latent_channels, 12, 11, dtype=torch.float64)
    one, other = generator(z[..., :-1, :]), generator(z[..., 1:, :])
    return torch.allclose(one[..., 4:, :], other[..., :-4, :], atol=1e-10)


@torch.no_grad()
def check_sizes_and_coordinates(generator):
    """Of a generator of 16 pixels with an encoding and one latent for all cells."""
    z = torch.randn(2, generator.latent_channels)
    wide = generator(z, base_size=(8, 6))
    assert wide.shape == (2, 3, 32, 24) and generator.image_size((8, 6)) == (32, 24)
    own = generator.head.encoding.coordinates(generator.head_size((8, 6)))
    assert torch.equal(generator(z, coordinates=own), wide)
    assert not torch.allclose(generator(z, coordinates=own.flip(1)), wide)


def tiny_config(work_dir, config, model, iterations=4, **options) -> Config:
    """A config with a smaller model, on a few drawn faces; ``options`` are dotted keys with ``__`` for dots."""
    side = model['generator']['out_size']
    settings = {
        'work_dir': str(work_dir),
        'model': model,
        'train_cfg.max_iters': iterations,
        **dict.fromkeys(('val_cfg', 'val_dataloader', 'val_evaluator')),  # which would end every run
        'train_dataloader': dict(batch_size=4, num_workers=0),
        'train_dataloader.dataset': dict(_delete_=True, type='DrawnFaces', num=16, size=side, flip=True),
        'default_hooks.logger.interval': 1,
        'default_hooks.checkpoint': dict(interval=1, max_keep_ckpts=-1),
        'custom_hooks.0.interval': 1000,
        'log_level': 'WARNING',
    }
    settings |= {key.replace('__', '.'): value for key, value in options.items()}
    return load_config(config, copy.deepcopy(settings))  # merging takes `_delete_` out of it


def check_run(tmp_path, config, model, iterations=4, resume_at=2, **options):
    """Train, resume in the middle, compare bit for bit, and sample from the file alone; gives what was loaded."""
    run(tiny_config(tmp_path / 'whole', config, model, iterations, **options))
    resumed = dict(options, resume=True, load_from=str(tmp_path / f'whole/iter_{resume_at}.pth'))
    run(tiny_config(tmp_path / 'resumed', config, model, iterations, **resumed))
    for key in ('state_dict', 'optimizer'):
        assert_same(checkpoint(tmp_path / 'resumed', iterations)[key], checkpoint(tmp_path / 'whole', iterations)[key])
    loaded = load(tmp_path / f'whole/iter_{iterations}.pth')
    side = loaded.generator.out_size
    images = loaded.sample(3)
    assert images.shape == (3, 3, side, side) and images.isfinite().all()
    assert torch.allclose(loaded.sample(2, first=1), images[1:], atol=1e-5)
    return loaded


def state_of(model, optim_wrapper):
    """All that a checkpoint holds, of its own memory."""
    return copy.deepcopy(dict(model=model.state_dict(), optimizer=optim_wrapper.state_dict()))


def one_of_two(rank, folder, build, iterations):
    """A process of two that train what ``build`` makes, with its share of the joined batch."""
    torch.set_num_threads(1)
    dist.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    torch.manual_seed(rank)
    model = build()
    wrapper, optim_wrapper = SynchronisedModel(model), optimisers(model)
    for i in range(iterations):
        wrapper.train_step(batch(i, 2, rank, 2, side=16), optim_wrapper)
    torch.save(state_of(model, optim_wrapper), f'{folder}/{rank}.pth')
    dist.barrier()
    dist.destroy_process_group()


def train_on_two(folder, build, iterations):
    """What each of two processes holds in the end."""
    # forked, so that they need not import PyTorch again
    mp.start_processes(one_of_two, (str(folder), build, iterations), 2, start_method='fork')
    return [torch.load(folder / f'{rank}.pth') for rank in range(2)]
