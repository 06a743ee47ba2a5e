"""``mmpe memory``."""

from __future__ import annotations

from typing import Literal

from mmpe.apis import load_config
from mmpe.apis.memory import DTYPES, estimate_memory
from mmpe.arguments import Count, Size

from .from_signatures import command
from .options import ConfigFile, Overrides


@command('configs/positional_encoding_in_gans/mspie-stylegan2_quickstart.py --batch 16 --size 64')
def main(
    config: ConfigFile,
    /,
    *,
    batch: Count | None = None,
    size: list[Size] | None = None,
    amp_dtype: Literal[tuple(DTYPES)] | None = None,
    cfg_options: Overrides | None = None,
) -> None:
    """Estimate how much memory training takes, before any is taken.

    A few training steps run on tensors that have shapes and no numbers. The table has the most that each kind of step
    takes, per size of the images, or per scale of a SinGAN. CUDA's context, what the caching allocator loses, and the
    workspaces of convolutions come on top: leave a GiB or two.

    Args:
        batch: images per batch and process; default: the config's
        size: of the images, one or several; of a SinGAN its finest scale's; default: all that the config trains
        amp_dtype: mixed precision of this type
        cfg_options: overrides, such as model.generator.channel_multiplier=1
    """
    estimate = estimate_memory(load_config(config, dict(cfg_options or [])), batch, size, amp_dtype)
    print(estimate.table())
