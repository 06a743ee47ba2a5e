"""Scores of a checkpoint."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from pathlib import Path

from mmengine.config import Config
from mmengine.dist import barrier
from mmengine.runner import Runner

from mmpe.checkpoints import read_checkpoint
from mmpe.engine.compilation import as_compilation_error, compilation_options, compile_network
from mmpe.engine.resuming import check_family, load_whole
from mmpe.engine.wrapper import unwrapped
from mmpe.errors import InputError, as_input_error, naming
from mmpe.evaluation.training_pictures import compare_with_training_pictures
from mmpe.files import check_writable
from mmpe.model_config import check_model_config
from mmpe.models.sampled import as_sampled
from mmpe.visualization import markdown_table

from .config_errors import as_config_error
from .processes import join_processes, losses_in_a_line, said_once

_NOT_TESTED = (
    *('train_dataloader', 'train_cfg', 'optim_wrapper', 'param_scheduler', 'auto_scale_lr', 'load_from'),
    *('val_dataloader', 'val_evaluator', 'val_cfg'),
)


def test(config: Config, checkpoint: str | Path, compile: bool | dict = False) -> dict[str, float]:
    """Score a checkpoint in the test loop of a config.

    Args:
        config: A config with ``test_dataloader``, ``test_evaluator`` and ``work_dir``: see :func:`load_config`.
        checkpoint: A checkpoint of the config's model.
        compile: Whether the generator is compiled, or the options of :func:`torch.compile`. What the config says under
            ``compile`` is about training.

    Returns:
        The scores by their names, such as ``256x256/fid``. They are the same in all processes.

    Raises:
        InputError: If something that the config names cannot be used, or the checkpoint does not fit its model.

    >>> from mmpe.apis import load_config
    >>> config = load_config('mmpe::dcgan/dcgan_quickstart.py', {'work_dir': 'work_dirs/scores'})
    >>> scores = test(config, 'work_dirs/dcgan_quickstart/iter_1500.pth')  # doctest: +SKIP
    """
    with said_once(config.get('launcher')):
        return _test(config, checkpoint, compile)


def _test(config: Config, checkpoint: str | Path, compile: bool | dict) -> dict[str, float]:
    options = compilation_options(compile)
    missing = [name for name in ('test_dataloader', 'test_evaluator') if not config.get(name)]
    if missing:
        raise InputError(f'the config does not say how to test its model: it has no {" and no ".join(missing)}')
    loaded = read_checkpoint(checkpoint)
    with naming(checkpoint):
        check_model_config(loaded['meta'].get('model'), config.get('model'))
    check_writable(config.work_dir)
    join_processes(config)
    config = deepcopy(config)
    compare_with_training_pictures(config)
    config.update(dict.fromkeys(_NOT_TESTED), resume=False, test_cfg=config.get('test_cfg') or {})
    with as_input_error('the config cannot be built'):
        runner = Runner.from_cfg(config)
        runner.test_loop  # noqa: B018  (builds it, and so finds what is wrong)
    model = unwrapped(runner.model)
    with naming(checkpoint):
        check_family(model, loaded, config.get('model'))
        load_whole(model, loaded)
    if options is not None:
        compile_network(as_sampled(model).sampled_generator, options)
    with as_compilation_error(compile), as_config_error(runner), losses_in_a_line():
        scores = runner.test()
        barrier()  # those that leave before the first is done would break its connections
    return scores


def score_table(scores: Mapping[str, float]) -> list[str]:
    """The lines of an aligned Markdown table of scores, with one row per size and one column per metric.

    Args:
        scores: The scores by their names. The last ``/`` of a name divides the row from the column.

    >>> print(*score_table({'256x256/fid': 5.5, '256x256/recall': 0.5}), sep='\\n')
    |         |    fid | recall |
    | ------- | -----: | -----: |
    | 256x256 | 5.5000 | 0.5000 |
    """
    split = {name: name.rpartition('/')[::2] for name in scores}
    rows, columns = (list(dict.fromkeys(part)) for part in zip(*split.values()))
    cells = {split[name]: f'{value:.4f}' if isinstance(value, float) else str(value) for name, value in scores.items()}
    return markdown_table(
        [['', *columns], *([row, *(cells.get((row, column), '') for column in columns)] for row in rows)]
    )
