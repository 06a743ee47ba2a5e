"""Which process this is, where all of them meet, and what a launcher must not get away with."""

import multiprocessing
import os
import signal
import socket
import sys

import mmengine.dist.utils as dist_utils
import pytest
import torch.distributed as dist
from mmengine.config import Config

import mmpe  # noqa: F401  (adapts MMEngine)
from mmpe.apis import processes, rendezvous
from mmpe.apis.launchers import Rank, expand_counts, find_rank, find_variables, without_launcher
from mmpe.apis.rendezvous import first_host, meeting_point, slurm_port
from mmpe.boundary import boundary
from mmpe.cli import train_folder
from mmpe.errors import InputError

FORKS = 'fork' in multiprocessing.get_all_start_methods()
forking = pytest.mark.skipif(not FORKS, reason='processes are forked, which is fast')

# Noted down in processes that Slurm 22.05, Open MPI 4.1 and MPICH 4.0 had started.
SLURM_JOB = dict(
    SLURM_JOB_ID='3',
    SLURM_JOB_NODELIST='node[1-2]',
    SLURM_LOCALID='0',
    SLURM_NNODES='2',
    SLURM_NODEID='0',
    SLURM_NODELIST='node[1-2]',
    SLURM_NTASKS='2',
    SLURM_PROCID='0',
    SLURM_TASKS_PER_NODE='1(x2)',
)
SLURM_STEP = SLURM_JOB | dict(
    SLURM_STEP_ID='0',
    SLURM_STEPID='0',
    SLURM_STEP_NODELIST='node[1-2]',
    SLURM_STEP_NUM_NODES='2',
    SLURM_STEP_NUM_TASKS='2',
    SLURM_STEP_TASKS_PER_NODE='1(x2)',
)
UNEVEN_STEP = SLURM_STEP | dict(
    SLURM_LOCALID='1',
    SLURM_NODEID='1',
    SLURM_NTASKS='5',
    SLURM_PROCID='4',
    SLURM_STEP_NUM_TASKS='5',
    SLURM_STEP_TASKS_PER_NODE='3,2',
)
OPEN_MPI = dict(
    OMPI_COMM_WORLD_LOCAL_RANK='1',
    OMPI_COMM_WORLD_LOCAL_SIZE='2',
    OMPI_COMM_WORLD_NODE_RANK='1',
    OMPI_COMM_WORLD_RANK='1',
    OMPI_COMM_WORLD_SIZE='2',
    PMIX_NAMESPACE='504823809',
    PMIX_RANK='1',
)
MPICH = dict(HYDI_CONTROL_FD='7', MPI_LOCALNRANKS='2', MPI_LOCALRANKID='1', PMI_FD='6', PMI_RANK='1', PMI_SIZE='2')
MVAPICH = {f'MV2_COMM_WORLD_{k}': v for k, v in dict(RANK='3', SIZE='4', LOCAL_RANK='1', LOCAL_SIZE='2').items()}
TORCHRUN = dict(RANK='3', WORLD_SIZE='4', LOCAL_RANK='1', LOCAL_WORLD_SIZE='2', MASTER_ADDR='x', MASTER_PORT='1')
# mpirun starts a daemon on each node with srun
DAEMON = SLURM_STEP | dict(SLURM_PROCID='1', SLURM_NODEID='1')

ENVIRONMENTS = {
    'nothing': ({}, Rank()),
    'torchrun': (TORCHRUN, Rank(3, 4, 1, 2)),
    'torchrun in a step': (SLURM_STEP | TORCHRUN, Rank(3, 4, 1, 2)),
    'srun': (SLURM_STEP, Rank(0, 2, 0, 1)),
    'srun, uneven': (UNEVEN_STEP, Rank(4, 5, 1, 2)),
    'srun --mpi=pmi2': (UNEVEN_STEP | dict(PMI_RANK='4', PMI_SIZE='5', PMI_JOBID='2.0'), Rank(4, 5, 1, 2)),
    'srun --mpi=pmix': (UNEVEN_STEP | dict(PMIX_RANK='4', PMIX_NAMESPACE='slurm.pmix.2.0'), Rank(4, 5, 1, 2)),
    'sbatch': (SLURM_JOB, Rank()),
    'sbatch, its step said': (SLURM_JOB | dict(SLURM_STEP_ID='4294967291'), Rank()),
    'sbatch, its step by name': (SLURM_JOB | dict(SLURM_STEP_ID='batch'), Rank()),
    'interactive': (SLURM_JOB | dict(SLURM_STEP_ID='4294967290'), Rank()),
    'sbatch from within a step': (SLURM_STEP | dict(SLURM_STEP_NUM_TASKS='1', SLURM_STEP_TASKS_PER_NODE='1'), Rank()),
    'salloc': (dict(SLURM_JOB_ID='7', SLURM_NTASKS='2', SLURM_NNODES='1'), Rank()),
    'mpirun': (OPEN_MPI, Rank(1, 2, 1, 2)),
    'mpirun in sbatch': (SLURM_JOB | OPEN_MPI, Rank(1, 2, 1, 2)),
    'mpirun in sbatch, on the other node': (DAEMON | OPEN_MPI, Rank(1, 2, 1, 2)),
    'mpich': (MPICH, Rank(1, 2, 1, 2)),
    'mpich in sbatch': (SLURM_STEP | MPICH, Rank(1, 2, 1, 2)),
    'mvapich': (MVAPICH, Rank(3, 4, 1, 2)),
    'pmi alone': (dict(PMI_RANK='3', PMI_SIZE='4'), Rank(3, 4, 3, 4)),
}


@pytest.mark.parametrize('name', ENVIRONMENTS)
def test_which_process_this_is(name):
    environment, expected = ENVIRONMENTS[name]
    assert find_rank(environment) == expected
    assert find_rank(without_launcher(environment)) == Rank()


@pytest.mark.parametrize(
    ('launcher', 'environment', 'expected'),
    [
        ('slurm', SLURM_STEP, Rank(0, 2, 0, 1)),
        ('slurm', SLURM_STEP | dict(RANK='0', WORLD_SIZE='1'), Rank(0, 2, 0, 1)),
        ('slurm', SLURM_STEP | dict(PMI_RANK='0', PMI_SIZE='2'), Rank(0, 2, 0, 1)),
        ('mpi', SLURM_JOB | MPICH, Rank(1, 2, 1, 2)),
        ('mpi', UNEVEN_STEP | dict(PMIX_RANK='4'), Rank(4, 5, 1, 2)),
        ('pytorch', SLURM_STEP | TORCHRUN, Rank(3, 4, 1, 2)),
    ],
)
def test_the_launcher_that_is_named_is_asked(launcher, environment, expected):
    assert find_rank(environment, launcher) == expected


@pytest.mark.parametrize(
    ('launcher', 'environment', 'message'),
    [
        ('slurm', SLURM_JOB, 'started by srun.*batch script itself.*write srun before'),
        ('slurm', SLURM_JOB | OPEN_MPI, 'batch script|mpirun'),
        ('slurm', DAEMON | OPEN_MPI | dict(OMPI_COMM_WORLD_SIZE='4'), 'started by mpirun.*--launcher mpi'),
        ('slurm', {}, 'started by srun.*SLURM_PROCID is not set'),
        ('mpi', SLURM_JOB, 'started by mpirun.*is not set'),
        ('pytorch', dict(RANK='1'), 'WORLD_SIZE is not set'),
        ('pytorch', dict(WORLD_SIZE='2'), 'RANK is not set'),
        ('pytorch', dict(RANK='2', WORLD_SIZE='2'), 'RANK=2 and WORLD_SIZE=2 contradict.*0 to 1'),
        ('pytorch', dict(RANK='-1', WORLD_SIZE='2'), "RANK='-1'.*whole number"),
        ('pytorch', dict(RANK='0', WORLD_SIZE='two'), "WORLD_SIZE='two'.*whole number"),
        ('pytorch', dict(RANK='0', WORLD_SIZE='0'), 'contradict'),
        ('pytorch', TORCHRUN | dict(LOCAL_RANK='2'), 'LOCAL_RANK=2 is not possible: this machine has 2'),
    ],
)
def test_a_launcher_that_has_not_launched_or_contradicts_itself(launcher, environment, message):
    with pytest.raises(InputError, match=message):
        find_rank(environment, launcher)


@pytest.mark.parametrize(
    ('nodes', 'first'),
    [
        ('node1', 'node1'),
        ('node[1-2]', 'node1'),
        ('gpu[003-005,9],login1', 'gpu003'),
        ('a.cluster.org,b', 'a.cluster.org'),
        ('rack[2-3]n[07-10]-ib,x', 'rack2n07-ib'),
    ],
)
def test_first_host_of_a_node_list(nodes, first):
    assert first_host(nodes) == first


@pytest.mark.parametrize('nodes', ['', 'node[1-', 'node[a-b]', 'node]1[', 'a b', '(null)', 'node[]', ',,$(x)'])
def test_a_node_list_that_cannot_be_read(nodes):
    with pytest.raises(InputError, match='node list.*MASTER_ADDR') as error:
        first_host(nodes)
    assert repr(nodes) in str(error.value)


def test_counts():
    assert expand_counts('2(x3),1') == [2, 2, 2, 1]


def test_steps_and_jobs_do_not_collide():
    ports = {slurm_port(str(job), str(step)) for job in range(10_000, 11_000) for step in range(16)}
    assert len(ports) == 16_000 and min(ports) > 1023 and max(ports) < 32768


def meet(environment, launcher):
    variables = find_variables(environment, launcher)
    with meeting_point(find_rank(environment, launcher), variables, environment, 1) as point:
        return point


def test_where_slurms_tasks_meet(monkeypatch):
    monkeypatch.setattr(rendezvous, '_resolves', lambda host: True)
    assert meet(SLURM_STEP, 'slurm') == ('node1', slurm_port('3', '0'))
    one = SLURM_STEP | dict(SLURM_STEP_TASKS_PER_NODE='2', SLURM_STEP_NODELIST='node2', SLURM_STEP_NUM_NODES='1')
    assert meet(one, 'slurm') == ('127.0.0.1', slurm_port('3', '0'))
    assert meet(SLURM_STEP | dict(MASTER_ADDR='10.0.0.1', MASTER_PORT='29501'), 'slurm') == ('10.0.0.1', 29501)


def test_a_node_whose_name_only_slurm_knows(monkeypatch, tmp_path):
    program = tmp_path / 'scontrol'
    program.write_text('#!/bin/sh\necho "NodeName=$4 Arch=x86_64 NodeAddr=127.0.0.2 NodeHostName=host"\n')
    program.chmod(0o755)
    monkeypatch.setenv('PATH', str(tmp_path), prepend=os.pathsep)
    monkeypatch.setattr(rendezvous, '_resolves', lambda host: host[0].isdigit())
    assert meet(SLURM_STEP, 'slurm')[0] == '127.0.0.2'


@pytest.mark.parametrize(
    ('environment', 'message'),
    [
        (OPEN_MPI | dict(OMPI_COMM_WORLD_SIZE='4'), 'several machines.*MASTER_ADDR'),
        (OPEN_MPI | dict(MASTER_ADDR='no.such.host.invalid'), 'no.such.host.invalid.*cannot be resolved'),
        (OPEN_MPI | dict(MASTER_ADDR='127.0.0.1', MASTER_PORT='port'), "MASTER_PORT must be a port.*'port'"),
        (OPEN_MPI | dict(MASTER_ADDR='127.0.0.1', MASTER_PORT='70000'), 'MASTER_PORT must be a port.*70000'),
        (OPEN_MPI, 'process 0 has not started within 1 s'),
    ],
)
def test_processes_that_cannot_know_where_to_meet(environment, message):
    with pytest.raises(InputError, match=message):
        meet(environment, 'mpi')


# -------------------------------------------------------------------- processes that really meet


def start(folder, environments, do):
    """Fork a process for each environment; returns their exit codes and what they wrote to stderr."""

    def child(number, environment):
        os.environ.clear()
        os.environ.update(environment)
        os.environ.update(PATH='/usr/bin', TMPDIR=str(folder))
        sys.stderr = open(folder / f'{number}.txt', 'w', buffering=1)  # noqa: SIM115
        boundary(do)()
        processes._leave()

    context = multiprocessing.get_context('fork')
    started = [context.Process(target=child, args=arguments) for arguments in enumerate(environments)]
    for process in started:
        process.start()
    for process in started:  # as a launcher does, end all when one has failed
        process.join(2 if any(other.exitcode for other in started) else 60)
    for process in started:
        process.kill()
        process.join()
    return [process.exitcode for process in started], [(folder / f'{n}.txt').read_text() for n in range(len(started))]


def ranks(count, **more):
    return [
        dict(RANK=str(n), WORLD_SIZE=str(count), LOCAL_RANK=str(n), LOCAL_WORLD_SIZE=str(count), **more)
        for n in range(count)
    ]


def started_by(launcher):
    """Environments of two processes of one machine, as each launcher makes them, without MASTER_ADDR."""
    step = dict(SLURM_STEP_TASKS_PER_NODE='2', SLURM_STEP_NUM_NODES='1', SLURM_JOB_ID=str(os.getpid()))
    return {
        'pytorch': ranks(2),
        'torchrun --master-port=0': ranks(2, MASTER_PORT='0', TORCHELASTIC_USE_AGENT_STORE='True'),
        'slurm': [SLURM_STEP | step | dict(SLURM_PROCID=n, SLURM_LOCALID=n) for n in '01'],
        'mpi': [OPEN_MPI | dict(OMPI_COMM_WORLD_RANK=n, OMPI_COMM_WORLD_LOCAL_RANK=n) for n in '01'],
    }[launcher]


def config(launcher, **more):
    return Config(dict(launcher=launcher, env_cfg=dict(dist_cfg=dict(backend='nccl', timeout=60)), **more))


@forking
@pytest.mark.parametrize('started', ['pytorch', 'torchrun --master-port=0', 'slurm', 'mpi'])
@pytest.mark.parametrize('way', ['mmpe', 'mmengine'])
def test_processes_of_one_machine_find_each_other(started, way, tmp_path):
    """By ``train()``, and by MMEngine's ``init_dist``, which any ``Runner`` calls: one imported before mmpe, too."""

    launcher = started if started in ('slurm', 'mpi') else 'pytorch'

    def do():
        if way == 'mmpe':
            processes.join_processes(config(launcher))
        else:
            dist_utils.init_dist(launcher, backend='nccl', timeout=60)
        numbers = [None, None]
        dist.all_gather_object(numbers, (dist.get_rank(), os.environ['LOCAL_RANK'], dist.get_backend()))
        print(sorted(numbers), file=sys.stderr)

    codes, said = start(tmp_path, started_by(started), do)
    assert codes == [0, 0], said
    assert said == ["[(0, '0', 'gloo'), (1, '1', 'gloo')]\n"] * 2
    assert not list(tmp_path.glob('*.port*'))


@forking
def test_different_configs_are_named_once(tmp_path):
    environments = started_by('mpi')

    def do():
        processes.join_processes(config('mpi', model=dict(type='X', width=int(os.environ['OMPI_COMM_WORLD_RANK']))))

    codes, said = start(tmp_path, environments, do)
    assert codes == [2, 2]
    assert said[1] == '' and said[0].count('\n') == 1
    assert 'model.width is 0 for process 0, and 1 for process 1' in said[0]


@forking
def test_different_sizes_of_the_world(tmp_path):
    where = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port())
    environments = [ranks(2, **where)[0], ranks(3, **where)[1]]
    codes, said = start(tmp_path, environments, lambda: processes.join('pytorch', {}))
    assert codes == [2, 2] and 'WORLD_SIZE is 2 for process 0, and 3 for process 1' in said[0] and not said[1]


def free_port():
    with socket.socket() as free:
        free.bind(('127.0.0.1', 0))
        return str(free.getsockname()[1])


@forking
def test_what_an_earlier_start_has_left_in_torchruns_store_is_not_read(tmp_path):
    """Addresses of processes that are gone, and other facts."""
    store = dist.TCPStore('127.0.0.1', 0, is_master=True, wait_for_workers=False)
    where = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(store.port), TORCHELASTIC_USE_AGENT_STORE='True')

    def do():
        processes.join('pytorch', dict(start=os.environ['START']))
        dist.barrier()

    for number in range(3):
        codes, said = start(tmp_path, ranks(2, START=str(number), **where), do)
        assert codes == [0, 0], said


@forking
def test_a_port_in_use(tmp_path):
    with socket.create_server(('127.0.0.1', 0)) as server:
        where = dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=str(server.getsockname()[1]))
        codes, said = start(tmp_path, ranks(2, **where)[:1], lambda: processes.join('pytorch', {}))
    assert codes == [2] and said[0].count('\n') == 1
    assert f'127.0.0.1:{where["MASTER_PORT"]} is in use by another program: set MASTER_PORT' in said[0]


@forking
@pytest.mark.parametrize('alone', [0, 1])
def test_a_process_that_waits_in_vain_says_so(alone, tmp_path, monkeypatch):
    monkeypatch.setattr(processes, '_PATIENCE', 1)
    environment = ranks(2, MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port())[alone] | dict(LOCAL_RANK='0')
    codes, said = start(tmp_path, [environment], lambda: processes.join('pytorch', {}))
    assert codes == [2]
    assert said[0].splitlines()[-1].startswith(f'error: process {alone} of 2 has not found the others at 127.0.0.1:')


@forking
def test_an_unknown_address_is_said_once_per_machine(tmp_path):
    environments = ranks(2, MASTER_ADDR='no.such.host.invalid', MASTER_PORT='29500')
    codes, said = start(tmp_path, environments, lambda: processes.join('pytorch', {}))
    assert codes == [2, 2] and 'no.such.host.invalid' in said[0] and said[1] == ''


@forking
@pytest.mark.parametrize('how', ['ends', 'hangs'])
def test_a_lost_process_ends_the_others_in_a_line(how, tmp_path):
    def do():
        processes.join('mpi', {}, timeout=2)
        with processes.losses_in_a_line():
            if dist.get_rank() == 1:
                os.kill(os.getpid(), signal.SIGKILL if how == 'ends' else signal.SIGSTOP)
            while True:
                dist.barrier()

    codes, said = start(tmp_path, started_by('mpi'), do)
    assert codes == [2, -signal.SIGKILL]
    assert said[0].startswith('error: process 0 of 2 waits for another one that has ended or hangs')


@forking
@pytest.mark.parametrize('joined', [True, False])
def test_what_all_find_wrong_is_said_once(joined, tmp_path):
    def do():
        if joined:
            processes.join('slurm', {})
        with processes.said_once('slurm'):
            raise InputError('there is no picture')

    codes, said = start(tmp_path, started_by('slurm'), do)
    assert codes == [2, 2] and sorted(said) == ['', 'error: there is no picture\n']


@forking
def test_what_one_process_alone_finds_wrong_is_said(tmp_path):
    def do():
        processes.join('mpi', {})
        with processes.said_once('mpi'):
            if dist.get_rank() == 1:
                raise InputError('its disk is full')

    codes, said = start(tmp_path, started_by('mpi'), do)
    assert codes == [0, 2] and said == ['', 'error: its disk is full\n']


def test_what_describes_a_config_is_the_same_everywhere():
    values = dict(a=[1, dict(b=None)], c=print, d=object(), e=(), f={})
    described = processes.described(Config(values))
    assert described == {'a.0': '1', 'a.1.b': 'None', 'c': 'print', 'd': 'object', 'e': '()', 'f': '{}'}


def test_tools_that_share_pictures_ask_the_same():
    assert train_folder.find_rank is find_rank
