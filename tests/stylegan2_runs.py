"""Tiny StyleGAN2 runs for the tests: seconds, not minutes."""

from functools import cache

from mmengine.config import Config
from singan_runs import REPOSITORY

from mmpe.apis import load_config

CONFIGS = REPOSITORY / 'configs/positional_encoding_in_gans'
CONFIG_F = CONFIGS / 'mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py'
_NARROW = dict(
    LearnableGrid=dict(channels=8),
    SinusoidalEncoding=dict(embedding_dim=4),
    CosineBasis=dict(num_frequencies=3),
    CartesianGrid={},
    ScaleConsistentGrid={},
)


@cache
def _encodings(config) -> tuple[str, str | None]:
    """The type of a config's encoding, and of the one in it."""
    encoding = load_config(config).model.generator.encoding
    return encoding.type, encoding.get('encoding', {}).get('type')


def tiny_config(work_dir, config=CONFIG_F, iterations=6, **options) -> Config:
    """A config at 16 pixels and eight channels; ``options`` are dotted keys with ``__`` for dots."""
    encoding, inner = _encodings(config)
    narrow = dict(encoding=_NARROW[inner]) if inner else _NARROW[encoding]
    small = {
        'work_dir': str(work_dir),
        'model.generator': dict(
            base=4, out_size=16, max_channels=8, style_channels=8, num_mapping_layers=2, encoding=narrow
        ),
        'model.discriminator': dict(in_size=16, max_channels=8),
        'model.losses.r1.interval': 3,
        'model.losses.path_length.interval': 2,
        'train_cfg.max_iters': iterations,
        'train_dataloader': dict(batch_size=4, num_workers=0),
        'train_dataloader.dataset': dict(_delete_=True, type='DrawnFaces', num=8, size=32, flip=True),
        'default_hooks.logger.interval': 1,
        'default_hooks.checkpoint': dict(interval=1, max_keep_ckpts=-1),
        'custom_hooks.0.interval': 1000,
        'log_level': 'WARNING',
    }
    cfg = load_config(config, small | {key.replace('__', '.'): value for key, value in options.items()})
    for name in ('val_cfg', 'val_dataloader', 'val_evaluator'):  # MMEngine validates after the last iteration too
        cfg.pop(name, None)
    return cfg
