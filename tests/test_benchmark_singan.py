"""mmpe benchmark singan --finest: the finest scale alone, and how much memory it takes."""

import pytest
from new_process import run_python

from mmpe.cli import benchmark
from mmpe.models.singan import SinGANModel

CONFIGS = ['mmpe::singan/singan_fast.py', 'mmpe::positional_encoding_in_gans/singan_spe_nopad_quickstart.py']


def call(*arguments):
    try:
        benchmark.main(['singan', *arguments])
    except SystemExit as exit_:
        return exit_.code
    return 0


@pytest.mark.parametrize('iterations', [1, 3])
@pytest.mark.parametrize('config', CONFIGS)
def test_only_the_finest_scale_is_trained(monkeypatch, capsys, config, iterations):
    trained, train_step = [], SinGANModel.train_step
    monkeypatch.setattr(
        SinGANModel,
        'train_step',
        lambda model, *args: trained.append(model.numbers('stage')) or train_step(model, *args),
    )
    options = ['--picture', 'skimage://coffee', '--max-size', '39', '--iterations', str(iterations)]
    assert call('--finest', '--config', config, *options) == 0
    assert trained == [2] * (1 + iterations)  # of three scales; the first iteration does not count
    *_, row = capsys.readouterr().out.splitlines()
    size, seconds, cpu_seconds, peak = [cell.strip() for cell in row.strip('|').split('|')]
    assert size == '26x39' and min(map(float, (seconds, cpu_seconds))) > 0 and 0.1 < float(peak) < 20


def test_compiled_networks_are_refused(capsys):
    assert call('--finest', '--compile') == 2
    assert capsys.readouterr().err == (
        'error: --finest times uncompiled networks only: leave out --compile, or --finest\n'
    )


def test_peak_memory_remembers_what_was_freed():
    script = (
        'import torch; from mmpe.memory import peak_memory; cpu = torch.device("cpu"); before = peak_memory(cpu);'
        'taken = b"x" * 2**28; del taken; print(peak_memory(cpu) - before)'
    )
    grown = int(run_python(script))
    assert 0.9 * 2**28 < grown < 1.1 * 2**28
