"""StyleGAN2 trained by MMEngine's runner and the tools: resumed, killed, on two processes, sampled, asked wrongly."""

import os
import random
import re
import runpy
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from singan_runs import REPOSITORY, assert_same, checkpoint, run, train_in_two_processes
from stylegan2_runs import CONFIGS, tiny_config

from mmpe.apis import load
from mmpe.visualization import to_picture

TOOLS = REPOSITORY / 'tools'
CONSTANT = CONFIGS / 'mspie-stylegan2-config-c_c2_8xb3-1100kiters_ffhq-256-512.py'
ITERATIONS = 6  # of four images: one and a half epochs


@pytest.fixture(scope='module')
def unbroken(tmp_path_factory):
    """The work dir of a whole run, all checkpoints kept."""
    work_dir = tmp_path_factory.mktemp('unbroken')
    run(tiny_config(work_dir, iterations=ITERATIONS, custom_hooks__0__interval=4))
    return work_dir


@pytest.fixture(scope='module')
def tool():
    """Run a tool of the folder in this process, as the shell would."""

    def call(name, *arguments):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, 'argv', [name, *map(str, arguments)])
            runpy.run_path(str(TOOLS / name), run_name='__main__')

    return call


def state(work_dir, iteration):
    saved = checkpoint(work_dir, iteration)
    return {key: saved[key] for key in ('state_dict', 'optimizer')}


def pixels(path):
    with Image.open(path) as picture:
        return np.asarray(picture).astype(float)


# -------------------------------------------------------------------- one run


def test_several_scales_are_trained(unbroken):
    """Of the six iterations, each with its own draw."""
    model = load(unbroken / f'iter_{ITERATIONS}.pth')
    drawn = {model.scales.draw(int(model.seed), i) for i in range(ITERATIONS)}
    assert len(drawn) > 1 and int(model.iteration) == ITERATIONS and int(model.images_seen) == 4 * ITERATIONS


@pytest.mark.parametrize(('iteration', 'workers'), [(1, 0), (2, 0), (3, 2), (5, 0)])
def test_resumes_to_the_bit(unbroken, tmp_path, iteration, workers):
    torch.manual_seed(iteration)  # whatever the new process has drawn before
    cfg = tiny_config(
        tmp_path,
        iterations=ITERATIONS,
        resume=True,
        load_from=str(unbroken / f'iter_{iteration}.pth'),
        train_dataloader__num_workers=workers,
    )
    run(cfg)
    assert_same(state(tmp_path, ITERATIONS), state(unbroken, ITERATIONS))


def test_another_seed_gives_other_bits(unbroken, tmp_path):
    run(tiny_config(tmp_path, iterations=1, randomness__seed=1))
    ours, theirs = (state(folder, 1)['state_dict'] for folder in (tmp_path, unbroken))
    assert not torch.equal(ours['generator.first.layer.conv.weight'], theirs['generator.first.layer.conv.weight'])


def test_a_picture_of_the_same_z_at_all_sizes_is_drawn_now_and_at_the_end(unbroken):
    """Rows are images, columns sizes; the smallest is enlarged to 128 pixels, and so the others by as much."""
    names = sorted(path.name for path in (unbroken / 'pictures').iterdir())
    assert names == ['iter_4.png', 'iter_6.png']
    sheet = pixels(unbroken / 'pictures/iter_6.png')
    model = load(unbroken / 'iter_6.pth')
    times, gap, cell = 4, 6, 32 * 4
    for column, size in enumerate([(16, 16), (24, 24), (32, 32)]):
        image = np.asarray(to_picture(model.sample(1, size)[0])).astype(float)
        left = gap + column * (cell + gap)
        drawn = sheet[gap : gap + size[0] * times : times, left : left + size[1] * times : times]
        assert np.array_equal(drawn, image)


def test_log_says_where_training_stands(tmp_path):
    run(tiny_config(tmp_path, iterations=3, log_level='INFO'))
    log = next(tmp_path.glob('*/*.log')).read_text()
    line = next(line for line in log.splitlines() if 'Iter(train) [2/3]' in line)
    for what in ('eta: ', 'loss_generator: ', 'loss_real: ', 'loss_fake: ', 'scale: '):
        assert what in line
    assert {float(scale) for scale in re.findall(r'scale: ([\d.]+)', log)} <= {16, 24, 32}


# -------------------------------------------------------------------- other processes


def start(command, **environment):
    """A command in a process group of its own; networks are too small for threads, which would sum in other parts."""
    path = f'{Path(sys.executable).parent}{os.pathsep}{os.environ["PATH"]}'
    return subprocess.Popen(
        [str(part) for part in command],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env=os.environ | {'OMP_NUM_THREADS': '1', 'PATH': path} | environment,
        start_new_session=True,
    )


def start_training(work_dir, *options, processes=1, **settings):
    """tools/train.py, or tools/dist_train.sh on several processes, on a config of its own."""
    work_dir.mkdir(exist_ok=True)
    config = work_dir / 'config.py'
    tiny_config(work_dir, log_level='INFO', **settings).dump(config)
    if processes == 1:
        return start([sys.executable, TOOLS / 'train.py', config, '--work-dir', work_dir, *options])
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        port = free.getsockname()[1]
    command = ['bash', TOOLS / 'dist_train.sh', config, processes, '--work-dir', work_dir, *options]
    return start(command, PORT=str(port))


def wait_for(work_dir, iteration, process):
    deadline = time.monotonic() + 120
    while not (work_dir / f'iter_{iteration}.pth').exists():
        assert process.poll() is None and time.monotonic() < deadline, process.communicate()[0]
        time.sleep(0.01)


def finished(process, timeout=90):
    """(exit code, output) of a process that must end in time."""
    try:
        output = process.communicate(timeout=timeout)[0]
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        raise
    return process.returncode, output


def checkpoints(work_dir):
    return sorted(int(path.stem[5:]) for path in work_dir.glob('iter_*.pth'))


def test_killed_run_loses_nothing_that_was_saved(tmp_path):
    iterations, last = 14, random.randint(1, 6)
    process = start_training(tmp_path / 'killed', iterations=iterations)
    wait_for(tmp_path / 'killed', last, process)
    process.kill()
    process.communicate()
    saved = checkpoints(tmp_path / 'killed')
    assert last in saved and iterations not in saved
    run(tiny_config(tmp_path / 'killed', iterations=iterations, resume=True))
    run(tiny_config(tmp_path / 'whole', iterations=iterations))
    assert_same(state(tmp_path / 'killed', iterations), state(tmp_path / 'whole', iterations))


def test_a_signal_to_data_workers_too_does_not_break_the_last_iteration(tmp_path):
    """As Slurm and torchrun send it. PyTorch's workers end at SIGTERM, which fails the training that waits for them."""
    process = start_training(tmp_path, iterations=10**6, train_dataloader__num_workers=2)
    wait_for(tmp_path, 3, process)
    os.killpg(process.pid, signal.SIGTERM)
    code, output = finished(process)
    assert code == 143 and 'Traceback' not in output, output
    assert f'saved {tmp_path / f"iter_{checkpoints(tmp_path)[-1]}.pth"}' in output


def test_an_error_in_a_data_worker_ends_the_run(tmp_path):
    """With exit code 2, named, and without waiting for workers that wait themselves."""
    folder = tmp_path / 'pictures'
    write_pictures(folder)
    (folder / '3.png').write_bytes((folder / '3.png').read_bytes()[:300])
    dataset = dict(_delete_=True, type='PictureFolder', data_root=str(folder), size=32)
    settings = dict(train_dataloader__dataset=dataset, train_dataloader__num_workers=2)
    code, output = finished(start_training(tmp_path / 'work', **settings), timeout=60)
    assert code == 2 and 'Traceback' not in output, output
    assert output.splitlines()[-1].startswith(f'error: {folder / "3.png"} cannot be read as a picture')


def test_two_processes_train_as_one_and_one_goes_on(tmp_path):
    """Minibatch statistics of four images are those of each process's four: of eight, every second one."""
    (tmp_path / 'two').mkdir()
    tiny_config(tmp_path / 'two', iterations=3).dump(tmp_path / 'two/config.py')
    train_in_two_processes(tmp_path / 'two/config.py')
    run(tiny_config(tmp_path / 'one', iterations=3, train_dataloader__batch_size=8))
    assert_close(checkpoint(tmp_path / 'two', 3)['state_dict'], checkpoint(tmp_path / 'one', 3)['state_dict'])
    for folder in ('two', 'one'):  # with the next four pictures
        last = str(tmp_path / folder / 'iter_3.pth')
        run(tiny_config(tmp_path / f'{folder}_on', iterations=4, resume=True, load_from=last))
    two, one = (checkpoint(tmp_path / f'{folder}_on', 4)['state_dict'] for folder in ('two', 'one'))
    assert int(two['images_seen']) == 3 * 8 + 4
    assert_close(two, one)


def assert_close(two, one):
    assert two.keys() == one.keys()
    for name in one:
        assert torch.allclose(two[name], one[name], rtol=1e-4, atol=1e-4), name


def children(process):
    found = subprocess.run(['pgrep', '-P', str(process.pid)], capture_output=True, text=True)
    return [int(pid) for pid in found.stdout.split()]


def is_running(pid):
    """Not dead, nor a dead one that nobody has waited for."""
    found = subprocess.run(['ps', '-o', 'stat=', '-p', str(pid)], capture_output=True, text=True)
    return not found.stdout.strip().startswith('Z') and bool(found.stdout.strip())


def test_a_killed_process_ends_the_job(tmp_path):
    process = start_training(tmp_path, iterations=10**6, processes=2)
    wait_for(tmp_path, 2, process)
    ranks = children(process)
    assert len(ranks) == 2
    os.kill(ranks[1], signal.SIGKILL)
    code, output = finished(process)
    assert code != 0, output
    assert not any(map(is_running, ranks))
    assert load(tmp_path / f'iter_{checkpoints(tmp_path)[-1]}.pth').sample(1).isfinite().all()


def test_ctrl_c_saves_once_and_ends_all_processes(tmp_path):
    process = start_training(tmp_path, iterations=10**6, processes=2)
    wait_for(tmp_path, 2, process)
    ranks = children(process)
    os.killpg(process.pid, signal.SIGINT)
    code, output = finished(process)
    assert code != 0 and not any(map(is_running, ranks)), output
    last = tmp_path / f'iter_{checkpoints(tmp_path)[-1]}.pth'
    assert output.count(f'saved {last}; --resume continues there') == 1, output
    assert load(last).sample(1).isfinite().all()


# -------------------------------------------------------------------- starting processes


@pytest.fixture
def recorded(tmp_path):
    """Run a script with a stand-in for a program, which notes its arguments; returns them."""

    def call(program, script, *arguments, **environment):
        stand_in = tmp_path / 'bin' / program
        stand_in.parent.mkdir(exist_ok=True)
        stand_in.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/arguments\nexit 7\n')
        stand_in.chmod(0o755)
        path = f'{stand_in.parent}{os.pathsep}{os.environ["PATH"]}'
        done = subprocess.run(
            ['bash', TOOLS / script, *arguments], env=os.environ | dict(PATH=path) | environment, capture_output=True
        )
        assert done.returncode == 7, done.stderr  # the program's own
        return (tmp_path / 'arguments').read_text().splitlines()

    return call


def options(arguments):
    """``--name value`` and ``--name=value`` pairs as a dict."""
    words = [word for argument in arguments for word in argument.split('=', 1)]
    return {name: value for name, value in zip(words, words[1:]) if name.startswith('--')}


@pytest.mark.parametrize(('gpus', 'per_node', 'expected'), [('16', '4', '4'), ('16', None, '8'), ('2', None, '2')])
def test_slurm_starts_a_process_a_gpu(recorded, gpus, per_node, expected):
    environment = dict(SRUN_ARGS='--time 10 --exclusive') | ({} if per_node is None else dict(GPUS_PER_NODE=per_node))
    arguments = recorded('srun', 'slurm_train.sh', 'part', 'job', 'my config.py', gpus, '--amp', **environment)
    asked = options(arguments)
    assert (asked['--partition'], asked['--job-name']) == ('part', 'job')
    assert (asked['--ntasks'], asked['--ntasks-per-node'], asked['--gres']) == (gpus, expected, f'gpu:{expected}')
    assert asked['--time'] == '10' and '--exclusive' in arguments
    at = arguments.index('python')
    assert Path(arguments[at + 2]).resolve() == TOOLS / 'train.py'
    assert arguments[at + 3 :] == ['my config.py', '--launcher', 'slurm', '--amp']


@pytest.mark.parametrize(('per_node', 'expected'), [(None, None), ('2', '2')])
def test_slurm_starts_processes_without_gpus(recorded, per_node, expected):
    environment = dict(GPUS_PER_NODE='0') | ({} if per_node is None else dict(TASKS_PER_NODE=per_node))
    asked = options(recorded('srun', 'slurm_train.sh', 'part', 'job', 'my config.py', '6', **environment))
    assert '--gres' not in asked
    assert (asked['--ntasks'], asked.get('--ntasks-per-node')) == ('6', expected)


@pytest.mark.parametrize(
    ('environment', 'port'), [({}, None), (dict(NNODES='2'), '29500'), (dict(PORT='29501'), '29501')]
)
def test_one_machine_takes_any_free_port(recorded, environment, port):
    arguments = recorded('python', 'dist_train.sh', 'my config.py', '2', **environment)
    assert options(arguments).get('--master_port') == port and ('--standalone' in arguments) == (port is None)


def test_several_machines(recorded):
    environment = dict(NNODES='3', NODE_RANK='1', MASTER_ADDR='10.0.0.1', PORT='29501')
    arguments = recorded('python', 'dist_train.sh', 'my config.py', '4', '--resume', **environment)
    asked = options(arguments)
    assert arguments[:2] == ['-m', 'torch.distributed.run']
    assert (asked['--nnodes'], asked['--node_rank'], asked['--nproc_per_node']) == ('3', '1', '4')
    assert (asked['--master_addr'], asked['--master_port']) == ('10.0.0.1', '29501')
    assert arguments[-4:] == ['my config.py', '--launcher', 'pytorch', '--resume']


@pytest.mark.parametrize(
    'command',
    [
        ['dist_train.sh'],
        ['dist_train.sh', 'config.py'],
        ['dist_train.sh', 'config.py', '0'],
        ['dist_train.sh', 'config.py', '--amp'],
        ['slurm_train.sh', 'part', 'job', 'config.py'],
        ['slurm_train.sh', 'part', 'job', 'config.py', 'many'],
    ],
)
def test_scripts_explain_themselves(command):
    done = subprocess.run(['bash', TOOLS / command[0], *command[1:]], capture_output=True, text=True)
    assert done.returncode == 2 and done.stdout == ''
    assert done.stderr.startswith('usage: ') and command[0] in done.stderr


# -------------------------------------------------------------------- bad input


def write_pictures(folder):
    folder.mkdir()
    for i in range(5):
        noise = np.random.default_rng(i).integers(0, 255, (40, 36, 3), dtype=np.uint8)
        Image.fromarray(noise).save(folder / f'{i}.png')


@pytest.fixture
def train(tool, capsys, tmp_path):
    """Call tools/train.py in this process; returns (exit code, stderr)."""

    def call(*arguments, iterations=2, **settings):
        config = tmp_path / 'config.py'
        tiny_config(tmp_path / 'work', iterations=iterations, **settings).dump(config)
        try:
            tool('train.py', config, '--work-dir', tmp_path / 'work', *arguments)
            code = 0
        except SystemExit as error:
            code = error.code
        return code, capsys.readouterr().err

    return call


def check(result, message):
    code, err = result
    errors = [line for line in err.splitlines() if line.startswith('error: ')]
    assert code == 2 and 'Traceback' not in err, err
    assert len(errors) == 1 and err.endswith(f'{errors[0]}\n') and message in errors[0], err


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('model.scales.probabilities=[.5,.5]', '3 scales, [0, 2, 4], but 2 probabilities, [0.5, 0.5]: give every'),
        ('model.scales.probabilities=[.5,.5,.5]', 'sum to 1: [0.5, 0.5, 0.5] sum to 1.5'),
        ('model.scales.probabilities=[a,b,c]', "probabilities[0]='a' cannot work: it must be a finite number"),
        ('model.scales.offsets=2', 'offsets=2 cannot work: it must be a list of numbers'),
        ('model.scales.offsets=[0,-4,1]', 'offsets[1]=-4 cannot work: it must be at least -3'),
        ('model.generator.channel_multiplier=0', 'channel_multiplier=0 cannot work: it must be above 0'),
        ('model.generator.out_size=100', 'out_size=100 cannot work: it must be a power of 2'),
        ('model.generator.num_mapping_layers=0', 'num_mapping_layers=0 cannot work'),
        ('model.generator.style_channels=0', 'style_channels=0'),
        ('model.generator.encoding.type=SPEE', 'SPEE is not in the'),
        ('model.generator.encoding.embedding_dim=5', 'embedding_dim must be even and at least 2, got 5'),
        ('model.generator.encoding.channels=512', "unexpected keyword argument 'channels'"),
        ('model.generator.padding=zeros', "padding='zeros' cannot work"),
        (
            'model.discriminator.in_size=256',
            'is trained at 16x16, which a discriminator with in_size=256',
        ),
        (
            'model.discriminator.pool_size=None',
            'at 24x24, which a discriminator with in_size=16 and pool_size=None',
        ),
        ('train_dataloader.sampler.type=InfiniteSampler', 'needs sampler=dict(type="ResumableSampler")'),
        ('train_dataloader.dataset.num=0', 'num=0 cannot work'),
    ],
)
def test_wrong_settings(train, option, message):
    check(train('--cfg-options', option), message)


@pytest.mark.parametrize(
    ('changes', 'entry'),
    [
        (dict(model__generator__max_channels=6), 'generator.first.bias is 8 there and 6 here'),
        (dict(model__generator__encoding__embedding_dim=6), 'conv.weight is 8x8x3x3 there and 8x12x3x3 here'),
        (dict(model__generator__out_size=32), 'is not there and 1x1x32x32 here'),
        (dict(model__ema=None), 'generator_ema.noise_0 is 1x1x4x4 there and not here'),
        (dict(model__discriminator__pool_size=3), 'discriminator.hidden.weight is 8x32 there and 8x72 here (1 entries'),
    ],
)
def test_resuming_another_model(unbroken, train, tmp_path, changes, entry):
    result = train('--resume', str(unbroken / 'iter_1.pth'), **changes)
    check(result, 'the checkpoint is of another model than the config: ')
    assert entry in result[1]
    assert checkpoints(tmp_path / 'work') == []


def test_resuming_with_another_optimiser(unbroken, train):
    sgd = dict(type='SGD', lr=0.1, momentum=0.9, _delete_=True)
    result = train('--resume', str(unbroken / 'iter_1.pth'), optim_wrapper__discriminator__optimizer=sgd)
    check(result, 'of another optimizer than the config: that of discriminator has no dampening, momentum')


def test_weights_of_a_model_that_is_alike_can_be_a_start(unbroken, train, tmp_path):
    settings = dict(model__discriminator__pool_size=3, load_from=str(unbroken / 'iter_6.pth'))
    assert train(iterations=1, **settings)[0] == 0
    assert int(load(tmp_path / 'work/iter_1.pth').images_seen) == 4  # of the new run


@pytest.mark.parametrize(
    ('launcher', 'message'),
    [('pytorch', 'started by torchrun'), ('slurm', 'started by srun'), ('mpi', 'started by mpirun')],
)
def test_a_launcher_that_has_not_launched(train, monkeypatch, launcher, message):
    for variable in ('RANK', 'SLURM_PROCID', 'OMPI_COMM_WORLD_RANK'):
        monkeypatch.delenv(variable, raising=False)
    check(train('--launcher', launcher), message)


def test_losses_that_are_not_finite_end_the_run(train, tmp_path):
    """A generator's step of 1e30 shows in the next iteration."""
    result = train('--cfg-options', 'optim_wrapper.generator.optimizer.lr=1e30', iterations=5)
    check(result, 'training has diverged at iteration 2: ')
    assert f'the last good checkpoint is {tmp_path / "work/iter_1.pth"}' in result[1]
    assert checkpoints(tmp_path / 'work') == [1]


def folder_of(root, **settings):
    return dict(_delete_=True, type='PictureFolder', data_root=str(root), size=32, **settings)


def test_folders_without_pictures(train, tmp_path):
    (tmp_path / 'empty').mkdir()
    check(train(train_dataloader__dataset=folder_of(tmp_path / 'empty')), f'no pictures in {tmp_path / "empty"}')
    check(train(train_dataloader__dataset=folder_of(tmp_path / 'none')), f'folder of pictures at {tmp_path / "none"}')


def test_pictures_that_cannot_be_read(train, tmp_path):
    folder = tmp_path / 'pictures'
    write_pictures(folder)
    (folder / '3.png').write_bytes((folder / '3.png').read_bytes()[:300])
    check(train(train_dataloader__dataset=folder_of(folder)), f'{folder / "3.png"} cannot be read as a picture')
    assert train(train_dataloader__dataset=folder_of(folder, flip=True, skip_unreadable=True))[0] == 0
    assert checkpoints(tmp_path / 'work') == [1, 2]


def test_a_data_folder_is_named_once(train, tmp_path):
    """On a released name's config, with everything else as it is but the widths."""
    write_pictures(tmp_path / 'pictures')
    named = 'train_dataloader.dataset.data_root=' + str(tmp_path / 'pictures')
    dataset = dict(_delete_=True, type='PictureFolder', data_root='data/ffhq/images', size=32, flip=True)
    assert train('--cfg-options', named, config=CONSTANT, train_dataloader__dataset=dataset)[0] == 0


def test_mixed_precision(train, tmp_path):
    assert train('--amp')[0] == 0
    saved = state(tmp_path / 'work', 2)
    numbers = [t for t in tensors(saved) if t.is_floating_point()]
    assert {t.dtype for t in numbers} == {torch.float32} and all(t.isfinite().all() for t in numbers)
    assert train(iterations=2)[0] == 0  # into the same work dir, in full precision
    assert not torch.equal(*(s['state_dict']['generator.first.bias'] for s in (saved, state(tmp_path / 'work', 2))))


def tensors(data):
    if isinstance(data, torch.Tensor):
        yield data
    elif isinstance(data, (dict, list, tuple)):
        for value in data.values() if isinstance(data, dict) else data:
            yield from tensors(value)


# -------------------------------------------------------------------- sampling


@pytest.fixture(scope='module')
def constant(tmp_path_factory):
    """A checkpoint of config c, whose head stretches with the size."""
    work_dir = tmp_path_factory.mktemp('constant')
    run(tiny_config(work_dir, CONSTANT, iterations=2))
    return work_dir / 'iter_2.pth'


def draw(tool, checkpoint, out, *options):
    tool('sample.py', checkpoint, '--out', out, *options)
    return {path.stem: pixels(path) for path in sorted(out.iterdir())}


def test_samples_of_any_size(tool, constant, tmp_path):
    some = '--size', '16x24', '--num', 3, '--truncation', 0.7
    drawn = draw(tool, constant, tmp_path / 'a', *some, '--seed', 1)
    assert sorted(drawn) == ['sample_000', 'sample_001', 'sample_002', 'samples']
    assert all(drawn[f'sample_00{i}'].shape == (16, 24, 3) for i in range(3))
    again, other = (draw(tool, constant, tmp_path / str(seed), *some, '--seed', seed) for seed in (1, 2))
    assert all(np.array_equal(again[name], drawn[name]) for name in drawn)
    assert not any(np.array_equal(other[name], drawn[name]) for name in drawn)


def test_one_z_at_several_sizes(tool, constant, tmp_path):
    """Reduced to four pixels a side, images of one number are alike, as far as two iterations can make them."""
    drawn = draw(tool, constant, tmp_path / 'out', '--size', '16', '32x48', '--num', 8)

    def reduced(size):
        images = [Image.fromarray(drawn[f'sample_00{i}_{size}'].astype(np.uint8)) for i in range(8)]
        return np.stack([np.asarray(image.resize((4, 4), Image.Resampling.BOX)).astype(float) for image in images])

    difference = np.abs(reduced('16x16')[:, None] - reduced('32x48')[None]).mean((2, 3, 4))
    own = np.eye(8, dtype=bool)
    assert difference[own].mean() < 0.8 * difference[~own].mean()
    height, width, _ = drawn['samples'].shape
    assert height > 2 * width  # eight rows of two


def test_sizes_that_cannot_be(tool, constant, tmp_path, capsys):
    with pytest.raises(SystemExit, match='2'):
        tool('sample.py', constant, '--out', tmp_path / 'out', '--size', '17x17')
    err = capsys.readouterr().err
    assert err == 'error: an image of 17x17 cannot be made: sides must be multiples of 4; take 16x16 or 16x20\n'
    assert not (tmp_path / 'out').exists()


def test_truncated_to_nothing_all_images_are_the_mean(tool, constant, tmp_path):
    """But for the injected noise, which two iterations have hardly let in."""
    spread = {}
    for truncation in (0, 1):
        drawn = draw(tool, constant, tmp_path / str(truncation), '--num', 4, '--truncation', truncation)
        spread[truncation] = np.stack([drawn[f'sample_00{i}'] for i in range(4)]).std(0).mean()
    assert spread[0] < 0.1 * spread[1]
