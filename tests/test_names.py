"""Names as they are typed and as they are printed: on command lines, in configs, folders, pages and on terminals."""

import argparse
import os
import re
import runpy
import subprocess
import sys
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path, PurePosixPath
from urllib.parse import unquote_to_bytes

import pytest
from markdown_it import MarkdownIt
from mmengine.config import DictAction
from PIL import Image
from singan_runs import CSG, REPOSITORY, tiny_config

from mmpe.apis.cfg_options import parse_value, read_option
from mmpe.apis.config import load_config
from mmpe.apis.many_pictures import find_pictures, picture_config
from mmpe.apis.one_picture import is_done, read_result, train_picture
from mmpe.apis.picture_index import write_index
from mmpe.datasets import PictureFolder, SinGANDataset
from mmpe.errors import InputError
from mmpe.names import locate, printable
from mmpe.visualization import markdown_table
from mmpe.visualization.page import Entry, write_page

NAMES = [
    'plain.png',
    'with space é ü 図.png',
    ' leading and trailing ',
    'a,b.png',
    'a, b',
    '2024',
    '0012.png',
    '1e5',
    'None',
    'true',
    '[a,b].png',
    '[a',
    '(1).png',
    '(1,2)',
    'dict(a=1)',
    '{a}',
    '=x.png',
    '-x.png',
    '--resume',
    "it's.png",
    '"quoted".png',
    "'a,b'",
    '100%.png',
    '#1?.png',
    'a&b<i>.png',
    'back\\slash.png',
    '{{fileDirname}}.png',
    '{{ _base_.model }}.png',
    '{{$HOME:x}}',
    '$HOME.png',
    '*.png',
    'new\nline.png',
    'tab\t.png',
    'cafe\u0301.png',
    '\U0001f308.png',
    os.fsdecode(b'caf\xe9.png'),
    os.fsdecode(b'\xff\xfe'),
]


def parse(*arguments):
    return dict(map(read_option, arguments))


def parse_as_mmengine(argument):
    p = argparse.ArgumentParser()
    p.add_argument('--cfg-options', nargs='+', action=DictAction)
    return p.parse_args(['--cfg-options', argument]).cfg_options


# -------------------------------------------------------------------- as typed


@pytest.mark.parametrize('name', NAMES)
@pytest.mark.parametrize('key', ['data_root', 'img_path'])
def test_a_picture_is_named_exactly_as_typed(tmp_path, monkeypatch, name, key):
    monkeypatch.chdir(tmp_path)
    Image.new('RGB', (40, 40), 'red').save(name, 'PNG')
    options = parse(f'train_dataloader.dataset.{key}={name}')
    assert options == {f'train_dataloader.dataset.{key}': name}
    if key == 'data_root':
        assert load_config(CSG, options).train_dataloader.dataset.data_root == name
        assert SinGANDataset(name).reals[-1][0, :, 0, 0].tolist() == [1, -1, -1]


@pytest.mark.parametrize('key', ['work_dir', 'load_from', 'test_evaluator.0.network', 'cache_dir', 'x.ann_file'])
def test_other_files_are_named_as_typed_and_may_be_none(key):
    assert parse(f'{key}=a, [b] 2024') == {key: 'a, [b] 2024'}
    assert parse(f'{key}=2024') == {key: '2024'} and parse(f'{key}=None') == {key: None}


def test_quotes_around_a_name_are_not_of_it_unless_a_file_is_called_so(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert parse_value('data_root', "'a,b.png'") == 'a,b.png'
    Path("'a,b.png'").touch()
    assert parse_value('data_root', "'a,b.png'") == "'a,b.png'"


@pytest.mark.parametrize(
    'text',
    [
        *('1', '1.5', '-3', '1e-3', 'true', 'False', 'None', 'a', 'nan', '.5', 'x=1', '1,2', 'a,b', '[1,2]', '(1,2)'),
        *('[(1,2),[a,b],c]', '[]', '()', '(1,)', '(.5,.25)', '[[1],[2,3]]'),
    ],
)
def test_other_values_are_those_of_mmengine(text):
    assert repr(parse(f'a.b={text}')) == repr(parse_as_mmengine(f'a.b={text}'))


@pytest.mark.parametrize(
    'text, value',
    [
        ("dict(mode='bilinear',align_corners=True)", dict(mode='bilinear', align_corners=True)),
        ("dict(a=dict(b=[1, 2]), data_root='a,b.png')", dict(a=dict(b=[1, 2]), data_root='a,b.png')),
        ("{'a': 1, b: 'x,y'}", dict(a=1, b='x,y')),
        ('my run', 'my run'),
        ("it's", "it's"),
        ("['a,b', c d]", ['a,b', 'c d']),
        ("'5'", '5'),
        ('[a,b].png', '[a,b].png'),
        ('(1,2', '(1,2'),
        ('', ''),
    ],
)
def test_values_that_mmengine_cannot_read(text, value):
    assert parse(f'a={text}') == dict(a=value)


@pytest.mark.parametrize('text', ['b.png', '=1', '', 'a=' + '[' * 1500 + ']' * 1500])
def test_what_is_no_option_is_one_line(text):
    with pytest.raises(InputError, match='takes KEY=VALUE|nested too deeply') as refusal:
        parse('a=1', text)
    assert '\n' not in str(refusal.value)


def test_a_home_folder_is_expanded_unless_a_file_is_called_so(tmp_path, monkeypatch):
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    (tmp_path / 'home').mkdir()
    monkeypatch.chdir(tmp_path)
    Image.new('RGB', (40, 40), 'red').save('home/x.png')
    assert SinGANDataset('~/x.png').sizes and len(PictureFolder('~', 8)) == 1
    assert find_pictures(['~/x.png'], 'out') == {'x.png': str(tmp_path / 'home/x.png')}
    Path('~').mkdir()
    assert locate('~/x.png') == tmp_path / 'home/x.png' and locate('~') == Path('~')
    with pytest.raises(InputError, match='no picture at ~nobody/x.png'):
        SinGANDataset('~nobody/x.png')


@pytest.mark.parametrize('data_root', [2024, None, True, ['a.png'], b'a.png', ''])
def test_what_is_no_name_is_refused(data_root):
    for dataset in (SinGANDataset, lambda name: PictureFolder(name, 8)):
        with pytest.raises(InputError, match='data_root must be the path of'):
            dataset(data_root)


def test_a_config_may_name_a_picture_by_a_path(tmp_path):
    name = 'a b, [c].png'
    Image.new('RGB', (40, 40)).save(tmp_path / name)
    (tmp_path / 'config.py').write_text(
        f'_base_ = {str(CSG)!r}\n'
        f"train_dataloader = dict(dataset=dict(data_root=__import__('pathlib').Path({str(tmp_path)!r}) / {name!r}))\n"
    )
    config = load_config(tmp_path / 'config.py')
    config.dump(tmp_path / 'dumped.py')
    for path in (config, load_config(tmp_path / 'dumped.py')):
        assert path.train_dataloader.dataset.data_root == str(tmp_path / name)
    assert SinGANDataset(tmp_path / name).sizes


@pytest.mark.parametrize(
    'name', ['a,b.py', '1 2.py', '[x].py', 'ü 図.py', 'a.b.c.py', '{{x}}.py', os.fsdecode(b'\xe9.py')]
)
def test_a_config_may_have_any_name(tmp_path, name):
    (tmp_path / name).write_text('a = 1')
    assert load_config(tmp_path / name, {'b': 2}).to_dict() == dict(a=1, b=2)


# -------------------------------------------------------------------- --picture, --pictures

MSPIE = REPOSITORY / 'configs/positional_encoding_in_gans/mspie-stylegan2_quickstart.py'
FFHQ = REPOSITORY / 'configs/positional_encoding_in_gans/mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py'


@pytest.mark.parametrize('name', ['a, [b] 図.png', '2024', 'None'])
def test_options_name_pictures(name):
    assert load_config(CSG, picture=name).train_dataloader.dataset.data_root == name
    ffhq = load_config(FFHQ, pictures=name)
    assert ffhq.train_dataloader.dataset.data_root == name
    assert {metric.real.data_root for metric in ffhq.test_evaluator if 'real' in metric} == {name}


def test_drawn_faces_give_way_to_pictures_of_the_same_size():
    drawn = load_config(MSPIE).train_dataloader.dataset
    dataset = load_config(MSPIE, pictures='faces').train_dataloader.dataset
    assert dataset == dict(type='mmpe.PictureFolder', data_root='faces', size=drawn.size, flip=drawn.flip)


def test_an_older_name_gives_way(tmp_path):
    (tmp_path / 'old.py').write_text(
        "train_dataloader = dict(dataset=dict(type='RepeatDataset', times=2, dataset=dict("
        "type='SinGANDataset', img_path='old.png')))"
    )
    config = load_config(tmp_path / 'old.py', picture='new.png')
    assert config.train_dataloader.dataset.dataset == dict(type='SinGANDataset', data_root='new.png')


@pytest.mark.parametrize(
    'config, option, message',
    [
        (FFHQ, 'picture', r'--picture x: this config trains on many pictures: give a folder by --pictures DIR'),
        (MSPIE, 'picture', r'--picture x: this config trains on many'),
        (
            CSG,
            'pictures',
            '--pictures x: this config trains on one picture: .*--picture FILE, or .*train-folder',
        ),
        ('a = 1', 'pictures', r'the config has no train_dataloader.dataset'),
        ("train_dataloader = dict(dataset=dict(type='SampleNumbers'))", 'pictures', 'SampleNumbers has no data_root'),
    ],
)
def test_an_option_for_the_other_kind_of_model_is_refused(tmp_path, config, option, message):
    if isinstance(config, str):
        (tmp_path / 'x.py').write_text(config)
        config = tmp_path / 'x.py'
    with pytest.raises(InputError, match=message):
        load_config(config, **{option: 'x'})


def run_tool(monkeypatch, name, *arguments):
    monkeypatch.setattr(sys, 'argv', [name, *map(str, arguments)])
    try:
        runpy.run_path(str(REPOSITORY / 'tools' / name), run_name='__main__')
    except SystemExit as exit_:
        return exit_.code
    return 0


def test_train_takes_either(tmp_path, monkeypatch, capsys):
    config = tmp_path / 'config.py'
    tiny_config(tmp_path / 'work', iters_per_scale=1).dump(config)
    Image.new('RGB', (40, 40), 'red').save(tmp_path / 'a,b.png')
    assert run_tool(monkeypatch, 'train.py', config, '--picture', tmp_path / 'a,b.png') == 0
    assert (tmp_path / 'work/iter_3.pth').exists() or list((tmp_path / 'work').glob('iter_*.pth'))
    for arguments in (
        ['--picture', 'x', '--pictures', 'y'],
        ['--pictures', tmp_path],
        ['--picture', tmp_path / 'no.png'],
    ):
        assert run_tool(monkeypatch, 'train.py', config, *arguments) == 2
        assert 'picture' in capsys.readouterr().err.splitlines()[-1]


# -------------------------------------------------------------------- as printed


@pytest.mark.parametrize(
    'name, text',
    [
        ('a b é 図.png', 'a b é 図.png'),
        (os.fsdecode(b'caf\xe9.png'), 'caf\\xe9.png'),
        ('new\nline\x1b[31m.png', 'new\\nline\\x1b[31m.png'),
        (PurePosixPath('a/b.png'), 'a/b.png'),
    ],
)
def test_a_name_is_printed_on_one_line_of_valid_text(name, text):
    assert printable(name) == text and text.encode()


def test_errors_name_pictures_on_one_line(tmp_path):
    for name in NAMES:
        with pytest.raises(InputError) as caught:
            SinGANDataset(str(tmp_path / name))
        assert '\n' not in str(caught.value) and str(caught.value).encode()


def test_an_ascii_terminal_costs_an_escape(tmp_path):
    """In a process of its own: a stream's encoding is decided when Python starts."""
    name = os.fsdecode(b'caf\xe9 \xe5\x9b\xb3.png')
    Image.new('RGB', (40, 40), 'red').save(tmp_path / name)
    tiny_config(tmp_path / 'work', iters_per_scale=1, log_level='INFO').dump(tmp_path / 'config.py')
    environment = {**os.environ, 'PYTHONIOENCODING': 'ascii', 'LC_ALL': 'C'}
    arguments = ['config.py', '--picture', name, '--work-dir', f'out/{name}']
    command = [sys.executable, REPOSITORY / 'tools/train.py', *arguments]
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True)
    assert done.returncode == 0 and b'Error' not in done.stderr + done.stdout
    assert b'out/caf\\udce9 \\u56f3.png' in done.stdout
    log = next((tmp_path / 'out' / name).rglob('*.log')).read_text(encoding='utf-8')
    assert 'out/caf\\udce9 図.png' in log
    last = (tmp_path / 'out' / name / 'last_checkpoint').read_bytes()
    assert os.path.exists(last)


def test_a_picture_of_any_name_has_a_result_and_an_entry(tmp_path):
    name = os.fsdecode(b'caf\xe9 {{fileDirname}} "\\\'\n#1?%.png')
    Image.new('RGB', (40, 40), 'red').save(tmp_path / name, 'PNG')
    picture_config(tiny_config('x', iters_per_scale=1), str(tmp_path / name), tmp_path / 'out' / name).dump(
        tmp_path / 'config.py'
    )
    config = load_config(tmp_path / 'config.py')
    train_picture(config)
    assert read_result(config.work_dir)['picture'] == str(tmp_path / name) and is_done(config)
    page = write_index(tmp_path / 'out', [name]).read_bytes()
    assert '1 of 1 pictures are trained' in page.decode('utf-8')
    links = {unquote_to_bytes(link) for link in re.findall(rb'(?:href|src)="([^"]*)"', page)}
    missing = {link for link in links if not os.path.exists(os.path.join(os.fsencode(tmp_path), b'out', link))}
    assert len(links) == 11 and {os.path.basename(link) for link in missing} <= {b'output.txt'}  # a child process's


def test_a_page_links_to_files_of_any_name(tmp_path):
    for name in NAMES:
        write_page(
            tmp_path / 'page.html', name, name, [Entry(name, {name: name}, {name: name}, {name: name})], {name: name}
        )
        page = (tmp_path / 'page.html').read_bytes()
        page.decode('utf-8')
        links = re.findall(rb'(?:href|src)="([^"]*)"', page)
        assert {unquote_to_bytes(link) for link in links} == {os.fsencode(name)} and len(links) == 3
        assert b'<i>' not in page


@pytest.mark.parametrize('name', [*NAMES, '{{ 7 * 7 }}', '{% raw %}', '</style><script>', '&amp;', "' onerror='x"])
def test_a_page_shows_names_as_text(tmp_path, name):
    entries = [Entry(name, {name: name}, {name: name}, {name: name})]
    write_page(tmp_path / 'page.html', name, name, entries, {name: name}, {name: name})
    read = _PageReader()
    read.feed((tmp_path / 'page.html').read_text(encoding='utf-8'))
    assert Counter(read.texts)[printable(name).strip()] >= 7  # title, heading, failure, section, caption, table, link
    assert read.attributes == {'lang', 'charset', 'name', 'content', 'id', 'class', 'href', 'alt', 'src', 'loading'}


@pytest.mark.parametrize('name', ['a|b.png', '|', 'a||b|', 'plain.png'])
def test_a_table_keeps_names_in_their_cells(name):
    table = '\n'.join(markdown_table([['file', name], [name, '1.5']]))
    cells = [token.content for token in MarkdownIt().enable('table').parse(table) if token.type == 'inline']
    assert cells == ['file', name, name, '1.5']


class _PageReader(HTMLParser):
    """What a browser makes of a page."""

    def __init__(self):
        super().__init__()
        self.texts, self.attributes = [], set()

    def handle_data(self, data):
        self.texts.append(data.strip())

    def handle_starttag(self, tag, attrs):
        assert tag != 'script'
        self.attributes |= {name for name, _ in attrs}


@pytest.mark.parametrize('name', NAMES)
def test_a_dumped_config_is_read_back_as_it_was(tmp_path, name):
    config = picture_config(load_config(CSG), name, tmp_path / 'out' / name)
    config.dump(tmp_path / 'config.py')
    again = load_config(tmp_path / 'config.py')
    assert again.train_dataloader.dataset.data_root == name
    assert again.work_dir == str(tmp_path / 'out' / name)
    assert again.to_dict() == config.to_dict()


@pytest.mark.parametrize('name', ['contact_sheet.png', 'contact_sheet_2.png', 'index.html', 'index.html/a.png'])
def test_a_picture_may_not_have_the_name_of_a_result(tmp_path, name):
    (tmp_path / name).parent.mkdir(exist_ok=True)
    Image.new('RGB', (40, 40)).save(tmp_path / name, 'PNG')
    with pytest.raises(InputError, match=f'{name} has the name of a file that is written to out: rename it'):
        find_pictures([str(tmp_path)], 'out')
