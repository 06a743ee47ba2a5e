"""The server of mmpe studio: what it draws, trains, keeps and refuses."""

import asyncio
import io
import json
import os
import re
import shlex
import shutil
import signal
import struct
import subprocess
import sys
import threading
import time
import zipfile
import zlib
from functools import partial
from pathlib import Path

import httpx2
import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw
from singan_runs import run, tiny_config
from starlette.testclient import TestClient

from mmpe import cli
from mmpe.apis import load_config, load_singan
from mmpe.apis.singan import finished_scales
from mmpe.benchmarks.studio import time_studio
from mmpe.cli.studio import main as studio_command
from mmpe.editing import Edited
from mmpe.editing.tasks import TASKS, Draws, task
from mmpe.errors import InputError
from mmpe.progress import tracked
from mmpe.studio import serve as serving
from mmpe.studio.app import create_app
from mmpe.studio.bodies import MOST_BYTES
from mmpe.studio.entries import Entry
from mmpe.studio.jobs import JobQueue, QueuedJob
from mmpe.studio.library import Library
from mmpe.studio.loaded import LoadedModel
from mmpe.studio.selecting import outline, select
from mmpe.studio.studio import Studio
from mmpe.studio.training import Trainer, TrainingPlan

OPTIONS = {
    'model.iters_per_scale': 3,
    'model.generator.base_channels': 4,
    'model.discriminator.base_channels': 4,
    'train_dataloader.dataset.min_size': 18,
}


@pytest.fixture(scope='module')
def trained(tmp_path_factory):
    """A work dir with checkpoints after each iteration of three scales."""
    folder = tmp_path_factory.mktemp('trained') / 'mine'
    run(tiny_config(folder))
    return folder


def new_studio(folder, trained):
    studio = Studio(folder, TrainingPlan(options=OPTIONS, max_size=32))
    studio.library.add_folder(trained)
    return studio


@pytest.fixture(scope='module')
def studio(tmp_path_factory, trained):
    """A studio that no test adds a model to."""
    studio = new_studio(tmp_path_factory.mktemp('studio') / 'studio', trained)
    yield studio
    studio.close()


@pytest.fixture(scope='module')
def client(studio):
    return browser(studio)


@pytest.fixture
def own_studio(tmp_path, trained):
    studio = new_studio(tmp_path / 'studio', trained)
    yield studio
    studio.close()


@pytest.fixture
def own_client(own_studio):
    return browser(own_studio)


def browser(studio, page='a', **options) -> TestClient:
    app = create_app(studio, **options)
    return TestClient(app, 'http://127.0.0.1:8642', headers={'X-Page': page}, raise_server_exceptions=False)


def picture_of(content: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(content)).convert('RGB'))


def png(size, color=0, box=None) -> bytes:
    image = Image.new('RGB', size[::-1], color)
    if box:
        ImageDraw.Draw(image).rectangle(box, 'white')
    file = io.BytesIO()
    image.save(file, 'PNG')
    return file.getvalue()


# -------------------------------------------------------------------- operations

SIZE = (21, 32)  # of the tiny rocket
FILES = dict(
    mask=png(SIZE, box=(12, 4, 18, 16)),
    pasted=png(SIZE, 'navy', box=(12, 4, 18, 16)),
    painting=png((42, 64), 'teal', box=(3, 3, 20, 30)),
)
OPERATIONS = [
    ('samples', dict(size='30x50', num=2, seed=3)),
    ('retarget', dict(size='21x48', mode=['extend'], num=1)),
    ('move', dict(mask='mask', by='-4.5,0', num=2)),
    ('scale', dict(box='10,4,8,12', factor=1.5, num=1)),
    ('duplicate', dict(box='10,4,8,12', by='-8,0', num=1, no_blend=True)),
    ('mirror', dict(box='0,0,16,21', axis='y', num=1)),
    ('remove', dict(mask='mask', num=1)),
    ('warp', dict(points=['-0.4,10:2,10', '20,10:22,8'], num=2, start_scale=0)),
    ('layout', dict(sketch='mask', labels='mask', num=1)),
    ('tile', dict(axes='x', num=1)),
    ('paint', dict(painting='painting', num=1)),
    ('harmonise', dict(picture='pasted', mask='mask', start_scale=1, num=1)),
    ('edit', dict(picture='pasted', mask='mask', num=1)),
    ('superres', dict(factor=2)),
    ('animate', dict(frames=3)),
]


def added(client, options: dict) -> dict:
    """Options whose files were given to the server."""
    names = {name: client.post('/api/files', content=content).json() for name, content in FILES.items()}
    return {key: names.get(value, value) if isinstance(value, str) else value for key, value in options.items()}


@pytest.mark.parametrize('name, options', OPERATIONS, ids=[name for name, _ in OPERATIONS])
def test_what_is_taken_away_is_what_the_command_line_makes_to_the_bit(
    name, options, studio, client, monkeypatch, capsys
):
    operation = dict(task=name, options=added(client, options), image=options.get('num', 1) - 1)
    drawn = client.post('/api/models/mine/draw', json=operation)
    assert drawn.status_code == 200, drawn.text
    taken = client.post('/api/models/mine/export', json=operation)
    recipe = client.post('/api/models/mine/recipe', json=operation).json()
    monkeypatch.chdir(studio.folder)
    cli.main(shlex.split(recipe['command'])[1:])
    written = Path(recipe['file']).read_bytes()
    assert taken.content == written
    if name != 'animate':
        assert drawn.content == written
        assert drawn.headers['X-Images'] == str(options.get('num', 1))
        Path(recipe['file']).unlink()
        exec(recipe['python'], {})
        assert np.array_equal(picture_of(Path(recipe['file']).read_bytes()), picture_of(written))


def kept(client, operation: dict) -> dict:
    answer = client.post('/api/models/mine/keep', json=operation)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize('through', ['command', 'python'])
def test_edits_of_edits_are_what_their_command_lines_make_to_the_bit(through, studio, client, tmp_path, monkeypatch):
    steps, file = [], {}
    for name, options, image in [
        ('samples', dict(num=2, seed=4), 1),
        ('move', dict(box='10,4,8,12', by='6,0', num=1), 0),
        ('remove', dict(box='2,2,6,6', num=2), 1),
        ('warp', dict(points=['10,10:14,8'], num=1), 0),
    ]:
        onto = dict(onto=file) if name != 'samples' else {}
        steps.append(dict(task=name, options=options | onto, image=image))
        file = steps[-1]['file'] = kept(client, steps[-1])
    *earlier, last = steps
    recipe = client.post('/api/models/mine/recipe', json=last | dict(steps=earlier)).json()
    taken = client.post('/api/models/mine/export', json=last).content
    # in a folder that has nothing but the checkpoint
    shutil.copytree(studio.folder / 'models', tmp_path / 'models')
    monkeypatch.chdir(tmp_path)
    if through == 'command':
        for command in recipe['command'].splitlines():
            cli.main(shlex.split(command)[1:])
    else:
        exec(recipe['python'], {})
    assert np.array_equal(picture_of(Path(recipe['file']).read_bytes()), picture_of(taken))
    assert not np.array_equal(
        picture_of(taken), picture_of(studio.library.uploads.file(steps[2]['file']['file']).read_bytes())
    )


@pytest.mark.parametrize(
    'name, options', [('retarget', dict(size='21x48')), ('superres', dict(factor=2)), ('animate', dict(frames=2))]
)
def test_what_has_not_the_size_of_the_picture_is_not_edited_on(name, options, client):
    answer = client.post('/api/models/mine/keep', json=dict(task=name, options=options))
    assert answer.status_code == 400 and 'only an image of the size of the picture, 21x32' in answer.json()['error']


@pytest.mark.parametrize(
    'steps', ['x', [1], [dict(task='warp')], [{}] * 501, [dict(task='tile', file='../x')]], ids=range(5)
)
def test_steps_that_cannot_be_read_are_refused(client, steps):
    operation = dict(task='samples', steps=steps)
    assert client.post('/api/models/mine/recipe', json=operation).status_code == 400


def test_what_is_selected_is_in_the_edited_picture(client):
    drawn = png(SIZE, 'navy', box=(12, 4, 18, 16))
    edited = client.post('/api/files', content=drawn).json()
    answer = client.post('/api/models/mine/select', json=dict(click=[15, 10], how='walker', onto=edited)).json()
    assert answer['box'] == [12, 4, 7, 13]
    for onto in ('x', dict(file='../x.png'), dict(file='0' * 64 + '.png')):
        assert client.post('/api/models/mine/select', json=dict(click=[15, 10], onto=onto)).status_code in (400, 404)


def test_every_task_is_tried():
    assert {name for name, _ in OPERATIONS} == set(TASKS)


def test_scales_that_are_finished_can_be_played_with_and_repeated(tmp_path, trained, monkeypatch):
    (tmp_path / 'begun').mkdir()
    os.symlink(trained / 'iter_7.pth', tmp_path / 'begun/iter_7.pth')
    with pytest.raises(InputError, match='is not finished'):
        load_singan(tmp_path / 'begun/iter_7.pth')
    studio = Studio(tmp_path / 'studio')
    studio.library.add_folder(tmp_path / 'begun')
    client = browser(studio)
    (model,) = client.get('/api/state').json()['models']
    assert (model['trained_scales'], model['scales'], model['trained_size']) == (2, 3, [19, 30])
    assert picture_of(client.get('/api/models/begun/original.png').content).shape == (19, 30, 3)
    operation = dict(task='warp', options=dict(points=['10,10:14,8'], num=1))
    taken = client.post('/api/models/begun/export', json=operation).content
    recipe = client.post('/api/models/begun/recipe', json=operation).json()
    monkeypatch.chdir(studio.folder)
    cli.main(shlex.split(recipe['command'])[1:])
    assert Path(recipe['file']).read_bytes() == taken


def test_the_finished_scales_are_what_training_has_made_of_them(tmp_path, trained):
    """Against the model at the end of its second scale, as training itself would draw with it."""
    torch.save(finished_scales(trained / 'iter_8.pth'), tmp_path / 'two.pth')
    whole, two = LoadedModel.of(trained / 'iter_9.pth', 'cpu').plain, load_singan(tmp_path / 'two.pth')
    assert torch.equal(two.reconstruct(), whole.reconstruct(2))
    assert two.trained_scales == 2 and two.discriminator is None


# -------------------------------------------------------------------- previews


def test_a_preview_is_sharp_where_nothing_moves_and_coarse_where_it_does(trained):
    loaded = LoadedModel.of(trained / 'iter_9.pth', 'cpu')
    from mmpe.editing import move
    from mmpe.studio.loaded import quick_copy

    quick = quick_copy(loaded.plain, work=0)
    quick.reconstruct = loaded.plain.reconstruct
    full = move(loaded.model, (12, 4, 6, 12), (6, 0), num=1)
    preview = move(quick, (12, 4, 6, 12), (6, 0), num=1)
    stays = (full.edit_mask == 0).expand_as(full.images)
    assert stays.any() and torch.equal(full.images[stays], preview.images[stays])
    # of the picture that was moved and enlarged, no scale has made anything
    assert preview.images.shape == full.images.shape and not torch.equal(full.images, preview.images)


def test_a_preview_draws_one_image(client):
    operation = dict(task='warp', options=dict(points=['10,10:14,8'], num=4), preview=True)
    drawn = client.post('/api/models/mine/draw', json=operation)
    assert drawn.headers['X-Images'] == '1' and picture_of(drawn.content).shape == (*SIZE, 3)


@pytest.mark.parametrize('name', ['harmonise', 'edit'])
def test_a_preview_does_not_draw_at_every_start_scale_to_choose_one(name, client, monkeypatch):
    operation = dict(task=name, options=added(client, dict(picture='pasted', mask='mask', sheet=True)))
    middle = dict(operation, options=operation['options'] | dict(start_scale=1))
    monkeypatch.setattr('mmpe.editing.refining.choose_start_scale', None)
    found = [client.post('/api/models/mine/draw', json=one | dict(preview=True)) for one in (operation, middle)]
    assert found[0].status_code == 200 and found[0].content == found[1].content


def test_start_scales_are_shown_side_by_side(client):
    operation = dict(task='warp', options=dict(points=['10,10:14,8'], num=4))
    shown = client.post('/api/models/mine/starts', json=operation).json()
    assert [picture['scale'] for picture in shown['pictures']] == [0, 1, 2] and shown['refused'] == []
    assert all(picture['url'].startswith('data:image/png;base64,') for picture in shown['pictures'])
    inside = dict(task='harmonise', options=added(client, dict(picture='pasted', mask='mask')))
    shown = client.post('/api/models/mine/starts', json=inside).json()
    assert [refused['scale'] for refused in shown['refused']] == [0]


# -------------------------------------------------------------------- one drawing at a time


@pytest.fixture
def slow_task():
    """A task that draws for as long as it is not let go, image by image."""
    begun, go = threading.Semaphore(0), threading.Semaphore(0)

    @task('slow', example='--num 2')
    def slow(model, *, draws: Draws) -> Edited:
        """Draw slowly."""
        images = []
        for _ in tracked(range(draws.num), 'image'):
            begun.release()
            assert go.acquire(timeout=300)
            images.append(model.reconstruct())
        return Edited(torch.cat(images))

    yield begun, go
    del TASKS['slow']


def in_background(function, *args, **kwargs):
    found = []
    thread = threading.Thread(target=lambda: found.append(function(*args, **kwargs)))
    thread.start()
    return lambda: (thread.join(300), found[0])[1]


def slow_operation(seed: int) -> dict:
    return dict(task='slow', options=dict(num=2, seed=seed))


def test_a_newer_request_of_a_page_takes_the_place_of_the_older_ones(own_studio, slow_task):
    begun, go = slow_task
    with browser(own_studio, 'a') as a:
        of_another_page = dict(headers={'X-Page': 'b'})
        drawn = in_background(a.post, '/api/models/mine/draw', json=slow_operation(1))
        assert begun.acquire(timeout=300)
        waiting = in_background(a.post, '/api/models/mine/draw', json=slow_operation(2))
        other = in_background(a.post, '/api/models/mine/draw', json=slow_operation(3), **of_another_page)
        time.sleep(0.3)
        newest = in_background(a.post, '/api/models/mine/draw', json=slow_operation(4))
        time.sleep(0.3)
        for _ in range(5):  # one image of the first, which is left then; two of each of those that are wanted
            go.release()
        for answer in (drawn(), waiting()):
            assert (answer.status_code, answer.json()) == (409, dict(error='superseded'))
        assert other().status_code == newest().status_code == 200
        assert not go.acquire(blocking=False)


def test_a_preview_that_has_begun_is_seen_though_a_newer_one_waits(own_studio, slow_task):
    begun, go = slow_task
    with browser(own_studio) as client:
        preview = partial(client.post, '/api/models/mine/draw')
        first = in_background(preview, json=slow_operation(1) | dict(preview=True))
        assert begun.acquire(timeout=300)
        later = []
        for seed in (2, 3, 4):
            later.append(in_background(preview, json=slow_operation(seed) | dict(preview=True)))
            time.sleep(0.3)
        go.release()
        go.release()
        assert [answer().status_code for answer in (first, *later)] == [200, 409, 409, 200]


def test_a_browser_that_goes_away_cancels_its_drawing(studio, slow_task):
    begun, go = slow_task
    app = create_app(studio)
    body = json.dumps(slow_operation(1)).encode()
    headers = [(b'host', b'127.0.0.1'), (b'content-length', str(len(body)).encode())]
    scope = dict(
        type='http', method='POST', path='/api/models/mine/draw', raw_path=b'', query_string=b'', headers=headers
    )
    scope |= dict(http_version='1.1', scheme='http', server=('127.0.0.1', 80), client=('127.0.0.1', 1), root_path='')

    async def request():
        messages = [dict(type='http.request', body=body)]
        gone, sent = asyncio.Event(), []

        async def receive():
            if messages:
                return messages.pop()
            await gone.wait()
            return dict(type='http.disconnect')

        async def send(message):
            sent.append(message)

        answer = asyncio.ensure_future(app(scope, receive, send))
        assert await asyncio.to_thread(begun.acquire, timeout=300)
        gone.set()
        await asyncio.sleep(0.3)
        go.release()
        await asyncio.wait_for(answer, 300)
        return sent

    sent = asyncio.run(request())
    assert sent[0]['status'] == 409 and not begun.acquire(blocking=False)  # no second image


def test_images_of_the_last_result_cost_nothing(client, slow_task):
    begun, go = slow_task
    go.release()
    go.release()
    for number in (0, 1, 0):
        assert client.post('/api/models/mine/draw', json=slow_operation(1) | dict(image=number)).status_code == 200
    assert client.post('/api/models/mine/draw', json=slow_operation(1) | dict(image=2)).status_code == 404


def test_pictures_are_sent_once(client):
    for path in ('original.png', 'reconstruction.png?scale=1', 'samples/2.png?seed=5&scale=1'):
        first = client.get(f'/api/models/mine/{path}')
        again = client.get(f'/api/models/mine/{path}', headers={'If-None-Match': first.headers['etag']})
        assert (first.status_code, again.status_code, again.content) == (200, 304, b'')


def test_pictures_are_the_models_own(client, trained):
    model = load_singan(trained / 'iter_9.pth')
    sample = model.sample(1, start_scale=1, seed=5, first=2)
    found = picture_of(client.get('/api/models/mine/samples/2.png?seed=5&scale=1').content)
    assert np.array_equal(found, sample[0].clamp(-1, 1).add(1).mul(127.5).round().byte().permute(1, 2, 0).numpy())


# -------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    'headers',
    [
        dict(host='evil.example'),
        dict(host='127.0.0.1.evil.example:8642'),
        dict(host=''),
        dict(host='192.168.1.5:8642'),
        dict(origin='http://evil.example'),
        dict(origin='null'),
        dict(origin='http://127.0.0.1:1'),
        {'sec-fetch-site': 'cross-site'},
        {'sec-fetch-site': 'same-site'},
    ],
    ids=str,
)
@pytest.mark.parametrize('method, path', [('GET', '/api/state'), ('POST', '/api/models/mine/draw')])
def test_other_pages_and_other_names_are_refused(client, method, path, headers):
    answer = client.request(method, path, headers=headers)
    assert answer.status_code == 403 and list(answer.json()) == ['error']


@pytest.mark.parametrize('host', ['127.0.0.1:8642', 'localhost:8642', '[::1]:8642', 'LOCALHOST'])
def test_its_own_page_is_answered(client, host):
    headers = {'host': host, 'origin': f'http://{host}', 'sec-fetch-site': 'same-origin'}
    answer = client.get('/api/state', headers=headers)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers['content-security-policy']
    assert answer.headers['x-content-type-options'] == 'nosniff'


def test_beyond_loopback_a_token_is_needed(studio):
    client = browser(studio, host='0.0.0.0', token='secret')
    for path in ('/', '/api/state', '/?token=wrong', '/static/index.html', '/api/state?token=secret'):
        assert client.get(path, headers=dict(host='192.168.1.5:8642')).status_code == 403
    assert client.get('/api/state', headers={'Authorization': 'Bearer secret'}).status_code == 200
    entered = client.get('/?token=secret', follow_redirects=False)
    cookie = entered.headers['set-cookie']
    assert entered.headers['location'] == '/' and 'HttpOnly' in cookie and 'SameSite=strict' in cookie
    assert client.get('/api/state').status_code == 200
    assert client.get('/api/state', headers=dict(host='evil.example')).status_code == 403


@pytest.mark.parametrize(
    'path',
    [
        '/static/../serve.py',
        '/static/%2e%2e/serve.py',
        '/static//etc/passwd',
        '/api/files/..%2fstudio.json',
        '/api/files/%2e%2e',
        '/api/models/%2e%2e/original.png',
        '/api/models/..%2f..%2fmine/original.png',
        '/api/examples/..%2f..%2frocket.png',
        '/api/models/mine/audit.html',
    ],
)
def test_no_path_leads_out_of_the_studio(client, path):
    answer = client.get(path)
    assert answer.status_code in (403, 404), answer.text


@pytest.mark.parametrize(
    'body, status, said',
    [
        (b'[1]', 400, 'must be a JSON object'),
        (b'{"a":', 400, 'must be a JSON object'),
        (b'[' * 100_000, 400, 'must be a JSON object'),
        (b' ' * (2**20 + 1), 413, 'larger than 1 MiB'),
        ({}, 400, 'there is no task'),
        (dict(task='warp', options=[]), 400, 'warp needs the option points'),
        (dict(task='warp', options='x'), 400, 'options must be a JSON object'),
        (dict(task='warp', options=dict(points=['1,2:3'])), 400, 'a pair of numbers'),
        (dict(task='warp', options=dict(points=['1,2:999,3'])), 400, 'does not lie in the picture'),
        (dict(task='warp', options=dict(points=[['1,2']])), 400, 'it is a text or a number'),
        (dict(task='move', options=dict(mask='/etc/passwd', by='1,0')), 400, 'a file is given as'),
        (dict(task='move', options=dict(mask=dict(file='../studio.json'), by='1,0')), 404, 'no such picture'),
        (dict(task='move', options=dict(mask=dict(file=1), by='1,0')), 400, 'a file is given as'),
        (dict(task='samples', options=dict(num=10**6)), 413, 'draws at most 64'),
        (dict(task='samples', options=dict(size='90000x90000')), 400, 'GiB of memory'),
        (dict(task='animate', options=dict(frames=10**6)), 413, 'draws at most 600'),
        (dict(task='samples', image=-1), 400, 'image=-1'),
        (dict(task='samples', image='x'), 400, "image='x'"),
    ],
    ids=lambda value: None if isinstance(value, int) else str(value)[:60],
)
def test_what_cannot_be_drawn_is_one_line(client, body, status, said):
    given = dict(content=body) if isinstance(body, bytes) else dict(json=body)
    answer = client.post('/api/models/mine/draw', **given)
    assert answer.status_code == status and said in answer.json()['error']


def test_no_answer_has_a_path_of_the_machine(own_client, own_studio, trained):
    client, studio = own_client, own_studio
    black, other = (client.post('/api/files', content=png(SIZE, color)).json() for color in ('black', 'teal'))
    answers = [
        client.get('/api/state'),
        client.post('/api/models/mine/draw', json=dict(task='move', options=dict(mask=black, by='1,0'))),
        client.post('/api/models/mine/draw', json=dict(task='layout', options=dict(sketch=other, labels=black))),
        client.post('/api/models/mine/recipe', json=dict(task='samples')),
        client.post('/api/models/mine/resume'),
        client.post('/api/models/mine/longer'),
        client.post('/api/pictures', content=b'no picture'),
        client.post('/api/session/open', content=b'no session'),
        client.post('/api/trainings', json=dict(picture='none')),
    ]
    (studio.library.entry('mine').checkpoint).unlink()
    (studio.library.folder / 'models/mine/given.pth').write_bytes(b'no checkpoint')
    answers.append(client.get('/api/models/mine/reconstruction.png'))
    assert [answer.status_code for answer in answers] == [200, 400, 400, 200, 400, 400, 415, 400, 404, 400]
    for answer in answers:
        assert not re.search(r'/(tmp|root|home|work|var|usr)\b', answer.text), answer.text


@pytest.mark.parametrize(
    'text, shown',
    [
        ('/home/me/models/x.pth is empty', 'x.pth is empty'),
        ('there is no checkpoint at /mnt/data/x.pth: give one', 'there is no checkpoint at x.pth: give one'),
        ('{folder}/files/a.png is no mask', 'files/a.png is no mask'),
        ('a size is 21x32, and http://127.0.0.1/api is 1/2', 'a size is 21x32, and http://127.0.0.1/api is 1/2'),
    ],
)
def test_a_message_keeps_the_names_of_files_and_not_their_folders(text, shown, studio):
    assert studio.library.shown(text.format(folder=studio.library.folder)) == shown


def test_a_fault_is_said_and_hides_its_traceback(client, monkeypatch, caplog):
    monkeypatch.setattr('mmpe.studio.model_routes.describe', lambda *_: 1 / 0)
    answer = client.get('/api/state')
    assert answer.status_code == 500 and 'fault of mmpe' in answer.json()['error']
    assert 'ZeroDivisionError' in caplog.text


# -------------------------------------------------------------------- pictures that are given


def huge_png(height: int, width: int) -> bytes:
    """A picture of so many pixels, by its header; a decoder would find that the rest of it is missing."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', zlib.crc32(kind + content))

    header = struct.pack('>IIBBBBB', width, height, 8, 2, 0, 0, 0)
    return b'\x89PNG\r\n\x1a\n' + chunk(b'IHDR', header) + chunk(b'IDAT', zlib.compress(bytes(1000)))


@pytest.mark.parametrize(
    'path, content, status, said',
    [
        ('pictures', b'hello', 415, 'cannot be read as a picture'),
        ('pictures', b'', 415, 'cannot be read as a picture'),
        ('pictures', huge_png(10_000, 20_000), 413, 'has 10000x20000 pixels, and 134 megapixels are the limit'),
        ('pictures', huge_png(100, 100), 415, 'cannot be read as a picture'),
        ('files', huge_png(5000, 5000), 413, 'has 5000x5000 pixels, and 17 megapixels are the limit'),
        ('files', b'<svg xmlns="http://www.w3.org/2000/svg"/>', 415, 'cannot be read as a picture'),
    ],
    ids=lambda value: None if isinstance(value, bytes) else str(value),
)
def test_pictures_that_the_studio_does_not_take(client, path, content, status, said):
    answer = client.post(f'/api/{path}', content=content)
    assert answer.status_code == status and said in answer.json()['error']


@pytest.mark.parametrize('declared', [True, False])
def test_a_body_is_read_up_to_its_limit(client, declared):
    sent = []

    def parts():
        for _ in range(MOST_BYTES // 2**20 + 1):
            sent.append(1)
            yield bytes(2**20)

    headers = {'content-length': str(2 * MOST_BYTES)} if declared else {}
    answer = client.post('/api/pictures', content=b'x' if declared else parts(), headers=headers)
    assert answer.status_code == 413 and answer.json() == dict(
        error='that is larger than 64 MiB: give something smaller'
    )


def test_a_file_is_kept_by_its_pixels(client):
    first = client.post('/api/files', content=png((8, 9), 'teal')).json()['file']
    other = io.BytesIO()
    Image.new('RGB', (9, 8), 'teal').save(other, 'PNG', compress_level=0)
    assert client.post('/api/files', content=other.getvalue()).json()['file'] == first
    assert (picture_of(client.get(f'/api/files/{first}').content) == (0, 128, 128)).all()


# -------------------------------------------------------------------- selections


@pytest.mark.parametrize('how', ['grabcut', 'walker'])
@pytest.mark.parametrize(
    'marks',
    [
        dict(click=[30, 25]),
        dict(box=[18, 8, 26, 34]),
        dict(lasso=[[19, 6], [45, 10], [42, 42], [17, 40]]),
        dict(strokes=dict(inside=[[[25, 14], [34, 34]]], outside=[[[5, 5], [60, 5]]])),
    ],
    ids=lambda marks: next(iter(marks)),
)
def test_a_thing_is_found_by_any_mark(how, marks):
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 40, (50, 64, 3)).astype(np.uint8)
    thing = np.zeros((50, 64), bool)
    thing[10:40, 20:42] = True
    picture[thing] += np.array([150, 90, 20], np.uint8)
    found = select(picture, marks, how)
    assert (found & thing).sum() / (found | thing).sum() > 0.97


def test_what_was_selected_is_a_mask_for_operations(client):
    found = client.post('/api/models/mine/select', json=dict(box=[12, 4, 7, 12], how='exact')).json()
    assert found['box'] == [12, 4, 7, 12]
    corners = {tuple(np.round(point)) for point in found['contours'][0]}
    assert min(corners) >= (11, 3) and max(corners) <= (19, 16)
    mask = picture_of(client.get(f'/api/files/{found["file"]}').content)
    assert mask[..., 0].sum() == 255 * 7 * 12
    operation = dict(task='move', options=dict(mask=dict(file=found['file']), by='5,0', num=1))
    by_box = dict(task='move', options=dict(box='12,4,7,12', by='5,0', num=1))
    drawn = [client.post('/api/models/mine/draw', json=one).content for one in (operation, by_box)]
    assert drawn[0] == drawn[1]


@pytest.mark.parametrize(
    'body',
    [
        {},
        dict(click=[1, 2], box=[1, 2, 3, 4]),
        dict(click=[1]),
        dict(click=['a', 2]),
        dict(click=[1e9, 2]),
        dict(click=[500, 500]),
        dict(box=[1, 2, 3]),
        dict(lasso=[]),
        dict(strokes=[]),
        dict(strokes=dict(inside=[])),
        dict(click=[5, 5], how='magic'),
    ],
    ids=str,
)
def test_marks_that_cannot_be_used(client, body):
    answer = client.post('/api/models/mine/select', json=body)
    assert answer.status_code == 400 and answer.json()['error']


def test_an_outline_goes_around_holes_too():
    mask = np.zeros((20, 20), bool)
    mask[3:15, 4:16] = True
    mask[6:9, 7:10] = False
    outer, inner = outline(mask)
    assert outer[0] == outer[-1] and len(outer) > 4
    assert {min(x for x, _ in outer), max(x for x, _ in outer)} == {3.5, 15.5}
    assert {min(y for _, y in inner), max(y for _, y in inner)} == {5.5, 8.5}


# -------------------------------------------------------------------- sessions


def test_a_session_opens_in_another_studio(client, tmp_path):
    options = added(client, dict(mask='mask', by='4,0', num=1))
    operation = dict(task='move', options=options)
    drawn = client.post('/api/models/mine/draw', json=operation).content
    page = dict(history=[operation, dict(zoom=2)])
    saved = client.post('/api/session/save', json=dict(model='mine', page=page))
    assert saved.headers['content-disposition'] == 'attachment; filename="mine.mmpe.zip"'
    other = browser(Studio(tmp_path / 'other'))
    opened = other.post('/api/session/open', content=saved.content).json()
    assert opened['page']['history'][1] == dict(zoom=2)
    answer = other.post(f'/api/models/{opened["model"]}/draw', json=opened['page']['history'][0])
    assert answer.content == drawn
    again = other.post('/api/session/open', content=saved.content).json()
    assert again == opened and len(other.get('/api/state').json()['models']) == 1


def hostile(**parts) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, 'w', zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name.replace('__', '/').replace('_dot_', '.'), content)
    return file.getvalue()


RECORD = json.dumps(dict(version=1, name='../../x', page={}))


@pytest.mark.parametrize(
    'content',
    [
        b'',
        b'PK',
        hostile(a='b'),
        hostile(session_dot_json='{', model_dot_pth=b''),
        hostile(session_dot_json='[]', model_dot_pth=b''),
        hostile(session_dot_json='{"version": 2, "name": "x"}', model_dot_pth=b''),
        hostile(session_dot_json=RECORD, model_dot_pth=b'not a checkpoint'),
        hostile(session_dot_json=RECORD, model_dot_pth=b'', files__a_dot_png=b'no picture'),
        hostile(session_dot_json=bytes(2**24 + 1), model_dot_pth=b''),
    ],
    ids=range(9),
)
def test_what_is_no_session_is_refused(client, studio, content):
    before = set(studio.folder.rglob('*'))
    answer = client.post('/api/session/open', content=content)
    assert answer.status_code in (400, 415) and answer.json()['error']
    assert set(studio.folder.rglob('*')) == before


def test_names_in_a_session_are_no_paths(own_client, own_studio, trained):
    client, studio = own_client, own_studio
    model = io.BytesIO()
    torch.save(finished_scales(trained / 'iter_9.pth'), model)
    content = hostile(
        session_dot_json=json.dumps(dict(version=1, name='../../../evil', page=dict(file='../a.png'))),
        model_dot_pth=model.getvalue(),
        files___dot__dot___dot__dot__evil_dot_png=png((4, 4)),
    )
    opened = client.post('/api/session/open', content=content).json()
    assert opened['model'] == 'evil' and re.fullmatch(r'[0-9a-f]{64}\.png|\.\./a\.png', opened['page']['file'])
    assert not list(studio.folder.parent.glob('*evil*'))


# -------------------------------------------------------------------- jobs


class FakeProcess:
    """A process that ends when it is told to."""

    def __init__(self, code=None):
        self.code, self.stopped, self.scalars = code, False, None

    @property
    def ended(self):
        return self.code is not None

    @property
    def failure(self):
        return None if self.code == 0 else f'exit code {self.code}'

    def note_failure(self):
        pass

    def stop(self):
        self.stopped, self.code = True, 130


def wait_for(condition, seconds=300):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, 'it never came'
        time.sleep(0.02)


def test_a_job_waits_for_what_is_in_its_way_and_can_be_stopped_meanwhile():
    free, asked = threading.Event(), []

    def can_start() -> bool:
        asked.append(free.is_set())
        return free.is_set()

    queue = JobQueue(lambda job: None)
    first, second = (QueuedJob('training', name, lambda: FakeProcess(0), can_start) for name in 'ab')
    queue.add(first)
    queue.add(second)
    wait_for(lambda: len(asked) >= 2)
    assert (first.stage, first.process) == ('waiting', None)
    queue.stop(first)
    assert (first.stage, second.stage) == ('stopped', 'waiting')
    free.set()
    wait_for(lambda: second.stage == 'done')
    assert first.process is None
    queue.close()


def test_jobs_run_one_after_the_other():
    processes = {name: FakeProcess() for name in 'abcd'}
    queue = JobQueue(lambda job: None)
    jobs = {name: QueuedJob('training', name, lambda name=name: processes[name]) for name in 'abc'}

    def fails():
        raise OSError('no space left')

    jobs['d'] = QueuedJob('training', 'd', fails)
    for job in jobs.values():
        queue.add(job)
    wait_for(lambda: jobs['a'].stage == 'running')
    assert [jobs[name].stage for name in 'bcd'] == ['waiting'] * 3
    queue.stop(jobs['b'])
    processes['a'].code = 0
    wait_for(lambda: jobs['c'].stage == 'running')
    assert (jobs['a'].stage, jobs['b'].stage, jobs['b'].process) == ('done', 'stopped', None)
    queue.stop(jobs['c'])
    wait_for(lambda: jobs['d'].is_over)
    assert (jobs['c'].stage, processes['c'].stopped) == ('stopped', True)
    assert (jobs['d'].stage, jobs['d'].failure) == ('failed', 'no space left')
    assert queue.find('training', 'd') is None
    queue.close()


def test_a_model_that_somebody_has_removed_holds_up_no_other(caplog):
    told = []

    def watch(job):
        if job.id == 'removed':
            raise LookupError('there is no such model')
        told.append((job.id, job.stage))

    class Removed(FakeProcess):
        def note_failure(self):
            raise FileNotFoundError('its folder is gone')

    queue = JobQueue(watch)
    queue.add(QueuedJob('training', 'removed', lambda: Removed(1)))
    queue.add(QueuedJob('training', 'other', lambda: FakeProcess(0)))
    wait_for(lambda: ('other', 'done') in told)
    assert 'the training of removed cannot be told of' in caplog.text
    queue.close()


# -------------------------------------------------------------------- training, in real processes


def train_tiny(client, **body) -> str:
    given = client.post('/api/pictures?name=mine', content=png((40, 60), 'navy', box=(10, 10, 30, 30))).json()
    assert given['size'] == [40, 60]
    answer = client.post('/api/trainings', json=dict(picture=given['id'], name='A box', **body))
    assert answer.status_code == 200, answer.text
    return answer.json()['id']


def status(client, id: str) -> dict:
    return next(model for model in client.get('/api/state').json()['models'] if model['id'] == id)


@pytest.fixture
def server(tmp_path):
    """A real server, on a port of its own, and the address that it prints."""
    options = [f'{key}={value}' for key, value in (OPTIONS | {'model.iters_per_scale': 40}).items()]
    command = [sys.executable, '-m', 'mmpe', 'studio', '--no-browser', '--port', '0', '--out', tmp_path / 'studio']
    command += ['--max-size', '32', '--cfg-options', *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, text=True, env=os.environ | dict(OMP_NUM_THREADS='1'), cwd=tmp_path
    )
    line = process.stdout.readline()
    yield process, re.search(r'http://127\.0\.0\.1:\d+', line)[0]
    process.kill()
    process.wait()
    process.stdout.close()


@pytest.mark.slow
def test_a_killed_server_loses_nothing_that_was_trained(server, tmp_path):
    process, address = server
    events = []

    def listen():
        with (
            httpx2.Client(base_url=address, timeout=300) as client,
            client.stream('GET', '/api/events?page=b') as lines,
        ):
            events.extend(line for line in lines.iter_lines() if line and not line.startswith(':'))

    listening = threading.Thread(target=lambda: pytest.raises(httpx2.HTTPError, listen))
    listening.start()
    with httpx2.Client(base_url=address, timeout=300) as client:
        wait_for(lambda: events[:2] == ['event: hello', 'data: {}'])
        id = train_tiny(client)
        wait_for(lambda: any('"stage": "running"' in event and '"iteration": 0' not in event for event in events))
        assert status(client, id)['training']['iterations'] == 40
        assert any(re.search(r'"seconds_left": \d', event) for event in events)
    process.send_signal(signal.SIGKILL)
    listening.join(300)
    work_dir = tmp_path / 'studio/models' / id
    wait_for(lambda: list(work_dir.glob('iter_*.pth')))
    studio = Studio(tmp_path / 'studio')
    client = browser(studio)
    saved = studio.library.entry(id).iteration
    training = status(client, id)['training']
    assert 0 < saved < 120 and (training['stage'], training['iterations']) == ('stopped', 40)
    assert (training['scale'] - 1) * 40 + training['iteration'] == saved
    assert client.post(f'/api/models/{id}/resume').status_code == 200  # also while the old process is still ending
    assert client.post(f'/api/models/{id}/resume').status_code == 400
    wait_for(lambda: status(client, id)['training'] is None)
    assert 'resumed' in (work_dir / 'output.txt').read_text()
    assert studio.library.entry(id).iteration == 120
    assert client.post(f'/api/models/{id}/draw', json=dict(task='samples')).status_code == 200
    studio.close()


def test_one_picture_is_trained_and_another_waits(own_studio, own_client, trained, monkeypatch):
    client, studio = own_client, own_studio
    seen, processes = [], {}
    monkeypatch.setattr(studio.events, 'publish', lambda event, **data: seen.append((event, data)))
    monkeypatch.setattr(studio.trainer, '_process', lambda entry: processes.setdefault(entry.id, FakeProcess()))
    first, second = train_tiny(client), train_tiny(client, schedule='thorough', max_size=30)
    assert (first, second) == ('a-box', 'a-box-2')
    wait_for(lambda: first in processes)
    assert status(client, second)['training'] == dict(
        scale=1, scales=3, iteration=0, iterations=12, seconds_left=None, stage='waiting'
    )
    assert status(client, second)['size'] == [20, 30] and status(client, first)['trained_size'] is None
    assert picture_of(client.get(f'/api/models/{first}/original.png').content).shape == (21, 32, 3)
    assert client.get(f'/api/models/{first}/reconstruction.png').status_code == 400
    assert client.post(f'/api/models/{second}/stop').status_code == 200
    assert status(client, second)['training']['stage'] == 'stopped' and second not in processes
    assert client.post(f'/api/models/{first}/longer').status_code == 400

    shutil.copy(trained / 'iter_9.pth', studio.library.entry(first).folder)
    wait_for(lambda: 'model' in [event for event, _ in seen])
    processes[first].code = 0
    wait_for(lambda: ('training', dict(model=first, stage='done')) in seen)
    model = next(data for event, data in seen if event == 'model')
    assert model == dict(model=first, version=9, trained_scales=3, trained_size=(21, 32))
    assert status(client, first)['training'] is None

    longer = client.post(f'/api/models/{first}/longer').json()['id']
    config = studio.library.entry(longer).record['config']
    assert config['model']['iters_per_scale'] == 6 and config['default_hooks']['checkpoint']['interval'] == 6
    assert config['load_from'] == str(studio.library.entry(first).checkpoint)
    wait_for(lambda: longer in processes)
    processes[longer].code = 1
    wait_for(lambda: 'error' in [event for event, _ in seen])
    assert next(data['name'] for event, data in seen if event == 'error') == f'{status(client, first)["name"]}, longer'


@pytest.mark.parametrize(
    'body, said',
    [
        (dict(max_size=0), 'max_size=0'),
        (dict(max_size='big'), "max_size='big'"),
        (dict(max_size=12), 'max_size'),
        (dict(schedule='never'), "there is no schedule 'never'"),
    ],
    ids=str,
)
def test_trainings_that_cannot_begin(client, studio, body, said):
    given = client.post('/api/pictures', content=png((40, 60))).json()
    answer = client.post('/api/trainings', json=dict(picture=given['id']) | body)
    assert answer.status_code == 400 and said in answer.json()['error']
    assert [entry.id for entry in studio.library.entries()] == ['mine']


# -------------------------------------------------------------------- what it is started with


def test_a_folder_offers_its_sin_gans_and_says_what_it_leaves_out(tmp_path, trained, caplog):
    folder = tmp_path / 'several'
    (folder / 'run').mkdir(parents=True)
    for number in (8, 9):
        os.symlink(trained / f'iter_{number}.pth', folder / f'run/iter_{number}.pth')
    (folder / 'broken.pth').write_bytes(b'nothing')
    studio = Studio(tmp_path / 'studio')
    found, refused = studio.library.add_folder(folder)
    assert [entry.name for entry in found] == ['run'] and found[0].is_finished
    assert list(refused) == [folder / 'broken.pth']
    again = Library(tmp_path / 'studio')
    assert [entry.id for entry in again.entries()] == ['run']
    assert again.add_folder(folder)[0][0].id == 'run' and len(again.entries()) == 1


@pytest.mark.parametrize(
    'arguments, said',
    [
        (['missing.jpg'], 'there is no picture, checkpoint or folder at missing.jpg'),
        (['missing.pth'], 'there is no checkpoint at'),
        (['text.txt'], 'text.txt: the picture cannot be read as a picture'),
        (['skimage://nothing'], 'nothing'),
        (['empty'], 'there is no checkpoint of a SinGAN in empty or below'),
        (['--out', 'text.txt'], 'text.txt cannot be written'),
        (['--config', 'missing.py'], 'missing.py'),
        (['--host', '203.0.113.1'], 'nothing can listen at 203.0.113.1'),
        (['--port', 'x'], '--port'),
    ],
    ids=lambda value: value[0] if isinstance(value, list) else None,
)
def test_what_it_cannot_start_with_is_one_line(arguments, said, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'text.txt').write_text('text')
    (tmp_path / 'empty').mkdir()
    with pytest.raises(SystemExit) as ended:
        studio_command(['--no-browser', *arguments])
    err = capsys.readouterr().err
    assert ended.value.code == 2 and said in err and err.count('\n') == 1


def test_a_folder_has_one_studio(tmp_path, monkeypatch, capsys):
    hold = f'from mmpe.locks import ProcessLock; from pathlib import Path; ProcessLock(Path({str(tmp_path)!r}, "x"))'
    hold = hold.replace('"x"', '".studio.lock"') + '.acquire(); print(flush=True); input()'
    command = [sys.executable, '-c', hold]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        holder.stdout.readline()
        with pytest.raises(SystemExit):
            studio_command(['--no-browser', '--out', str(tmp_path)])
        holder.kill()
    assert f'error: another studio is open in {tmp_path} (process {holder.pid}' in capsys.readouterr().err


def test_a_port_has_one_server():
    with serving.listen('127.0.0.1', 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(InputError, match=f'port {port}: .*choose another --port'):
            serving.listen('127.0.0.1', port)


def test_beyond_loopback_the_address_that_is_printed_has_a_token(studio, monkeypatch, capsys):
    monkeypatch.setattr(serving._Server, 'run', lambda self, sockets: [socket.close() for socket in sockets])
    serving.serve(studio, '0.0.0.0', 0, browser=False)
    serving.serve(studio, '127.0.0.1', 0, browser=False)
    wide, own = (line for line in capsys.readouterr().out.splitlines() if 'http' in line)
    assert len(re.search(r'\?token=([\w-]+)$', wide)[1]) >= 32 and 'token' not in own


def test_the_benchmark_counts_what_is_answered_and_what_is_dropped():
    config = load_config('mmpe::positional_encoding_in_gans/singan_csg_quickstart.py', OPTIONS)
    title, _, _, *rows = time_studio(config, 'skimage://rocket', 32, 4, torch.device('cpu')).splitlines()
    assert '21x32' in title
    counts = [[int(cell) for cell in row.split('|')[2:4]] for row in rows]
    assert counts[0] == counts[2] == [4, 0] and sum(counts[1]) == 4 and counts[1][0] >= 1


@pytest.mark.parametrize(
    ('iteration', 'trained', 'place'), [(4, 0, (1, 4, 6)), (6, 1, (2, 0, 4)), (8, 1, (2, 2, 4)), (14, 4, (4, 2, 2))]
)
def test_scales_with_iterations_of_their_own(tmp_path, iteration, trained, place):
    """By hand: scales of 6, 4, 2 and 2 iterations end after 6, 10, 12 and 14, which share the interval 2."""
    config = TrainingPlan(options={'model.iters_per_scale': [6, 4, 2], 'model.lr_milestones': [0.8, 3]}).read()
    assert config.default_hooks.checkpoint.interval == 2
    (tmp_path / f'iter_{iteration}.pth').touch()
    (tmp_path / 'last_checkpoint').write_text(str(tmp_path / f'iter_{iteration}.pth'))
    record = dict(name='a', pyramid=[(8, 8)] * 4, config=dict(model=dict(iters_per_scale=[6, 4, 2])))
    entry = Entry('a', tmp_path, record)
    assert (entry.trained_scales, entry.is_finished) == (trained, trained == 4)
    library = Library(tmp_path / 'studio')
    found = Trainer(library, TrainingPlan(), torch.device('cpu'), None, None)._place(entry, iteration)
    assert (found['scale'], found['iteration'], found['iterations']) == place


def test_four_times_the_iterations_keep_shares_of_a_scale():
    options = {'model.iters_per_scale': [6, 4, 2], 'model.lr_milestones': [0.8, 3]}
    model = TrainingPlan(options=options).read(times=4).model
    assert (model.iters_per_scale, model.lr_milestones) == ([24, 16, 8], [0.8, 12])
