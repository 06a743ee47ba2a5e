"""The models that the experiments train: small models for two CPU cores, and larger ones for a GPU."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Run:
    """A config with overrides: how one model is trained.

    Attributes:
        config: The path of the config, from configs/ on.
        options: Values by dotted keys, as ``--cfg-options`` takes them.

    >>> from mmpe.claims.training import run_config
    >>> run = Run('singan/singan_quickstart.py', {'model.iters_per_scale': 500})
    >>> run_config(run, 'work_dir').model.iters_per_scale
    500
    """

    config: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Profile:
    """How much is trained and measured.

    Attributes:
        name: Its name on the command line.
        runs: How models are trained, by the names that claims refer to.
        samples: Number of measured images per SinGAN, a multiple of 4.
        faces: Number of measured faces, both real ones and images per model, a multiple of 4.
        sizes: The sides of the images that MS-PIE is trained at, in pixels.
        draws: Number of draws of noise for the position probe.
        device: The device on which models are trained, ``cpu`` or ``cuda``.

    >>> PROFILES['cpu'].runs['singan reflect']
    Run(config='singan/singan_quickstart.py', options={'model.generator.padding.mode': 'reflect'})
    """

    name: str
    runs: dict[str, Run]
    samples: int
    faces: int
    sizes: tuple[int, ...]
    draws: int
    device: str = 'cpu'


_GRID = dict(type='CartesianGrid')
_SINGAN = 'singan/singan_quickstart.py'
_INTERP = 'positional_encoding_in_gans/singan_interp-pad_quickstart.py'
_MSPIE = 'positional_encoding_in_gans/mspie-stylegan2_quickstart_sinusoidal.py'

_PICTURE_MODELS = {
    'singan zero': Run(_SINGAN),
    'singan reflect': Run(_SINGAN, {'model.generator.padding.mode': 'reflect'}),
    'singan interp': Run(_INTERP),
    'singan csg': Run('positional_encoding_in_gans/singan_csg_quickstart.py'),
    'singan csg nopad': Run('positional_encoding_in_gans/singan_csg_nopad_quickstart.py'),
    # eight channels per axis: the released four have only the frequencies 1 and 1/10000, which tell little
    'singan spe nopad': Run(_INTERP, {'model.generator.encoding': dict(type='SinusoidalEncoding', embedding_dim=8)}),
    'singan learned nopad': Run(_INTERP, {'model.generator.encoding': dict(type='LearnableGrid', channels=4, size=8)}),
}


def _face_models(family: str, **head) -> dict[str, Run]:
    """Models with equal cells in the head, so that only padding or an encoding tells places apart."""
    config = f'{family}/{family}_quickstart.py'
    head = dict(_delete_=True, type='PointwiseHead', **head)

    def run(padding: str, **encoding) -> Run:
        return Run(config, {'model.generator.head': {**head, **encoding}, 'model.generator.padding': padding})

    return {
        f'{family} zero': run('zero'),
        f'{family} reflect': run('reflect'),
        f'{family} none': run('none'),
        f'{family} csg nopad': run('none', encoding=_GRID),
    }


def _with(options: dict[str, Any], runs: dict[str, Run]) -> dict[str, Run]:
    return {name: Run(run.config, {**run.options, **options}) for name, run in runs.items()}


_DCGAN = {
    'model.generator.base': 2,  # with 4, zeros would reach only the outer 7 of 32 pixels
    'model.generator.channels': 256,
    'train_cfg.max_iters': 1500,
}
# with one latent per cell, DCGAN's discriminator soon wins, and the generator learns nothing
_DCGAN_MODELS = _with(_DCGAN, _face_models('dcgan', shared_latent=True))
_PGGAN_MODELS = _face_models('pggan')


_SCALES = {32: (0, 0.5), 48: (8, 0.25), 64: (16, 0.25)}
"""The sinusoidal quickstart's scales: the offset of the base grid and the probability, by the side of the images."""


def _scale_models(iterations: int) -> dict[str, Run]:
    """One generator for three sizes, and one generator per size, each with a third of the computation.

    The cost of an iteration is taken to be proportional to the pixels of its images.
    """
    third = iterations * sum(p * side**2 for side, (_, p) in _SCALES.items()) / len(_SCALES)
    models = {'mspie': Run(_MSPIE, {'train_cfg.max_iters': iterations})}
    for side, (offset, _) in _SCALES.items():
        scales = {'model.scales': dict(offsets=(offset,), probabilities=(1.0,))}
        models[f'single {side}'] = Run(_MSPIE, {'train_cfg.max_iters': round(third / side**2), **scales})
    return models


_CPU = Profile(
    'cpu',
    {**_PICTURE_MODELS, **_DCGAN_MODELS, **_PGGAN_MODELS, **_scale_models(3900)},
    samples=32,
    faces=256,
    sizes=(32, 48, 64),
    draws=64,
)
_WIDER = {
    'train_dataloader.batch_size': 16,
    'model.generator.max_channels': 256,
    'model.generator.channel_multiplier': 1 / 4,
}
_GPU = Profile(
    'gpu',
    {
        **_with(
            {
                'model.iters_per_scale': 2000,
                'model.lr_milestones': (1600,),
                'train_dataloader.dataset.max_size': 250,
            },
            _PICTURE_MODELS,
        ),
        **_with({'train_cfg.max_iters': 20_000, 'model.generator.channels': 512}, _DCGAN_MODELS),
        **_with(
            {
                'train_cfg.max_iters': 20_000,
                'model.transition_kimgs': 32,
                'model.kimgs_per_scale': {'4': 32, '8': 64, '16': 64, '32': 80},
            },
            _PGGAN_MODELS,
        ),
        **_with(_WIDER, _scale_models(50_000)),
    },
    samples=64,
    faces=2000,
    sizes=(32, 48, 64),
    draws=256,
    device='cuda',
)
PROFILES = {profile.name: profile for profile in (_CPU, _GPU)}


def add_run(name: str, **by_profile: Run) -> None:
    """Add a model, for a claim that needs one that no other claim trains.

    Args:
        name: The name by which claims refer to it, see :attr:`Profile.runs`.
        **by_profile: How it is trained in each of :data:`PROFILES`.

    Raises:
        ValueError: If a model of that name exists already, or a profile is missing or unknown.

    >>> run = Run('singan/singan_quickstart.py', {'model.generator.base_channels': 64})
    >>> add_run('singan wide', cpu=run, gpu=run)
    >>> PROFILES['cpu'].runs.pop('singan wide') is PROFILES['gpu'].runs.pop('singan wide')
    True
    """
    if set(by_profile) != set(PROFILES):
        raise ValueError(f'{name} must be trained in the profiles {", ".join(PROFILES)}, not {", ".join(by_profile)}')
    for profile, run in by_profile.items():
        if PROFILES[profile].runs.setdefault(name, run) is not run:
            raise ValueError(f'there is a model {name} already: give another name')
