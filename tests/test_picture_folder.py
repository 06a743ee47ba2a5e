"""Folders and LMDBs of pictures: what is read, in which order, and what is said about what cannot be."""

import builtins
import multiprocessing
import os
import pickle

import lmdb
import numpy as np
import pytest
import skimage.data
import tifffile
import torch
from mmengine.runner import Runner
from PIL import Image

import mmpe.datasets.picture_sources as sources
from mmpe.datasets import PictureError, PictureFolder, SampleNumbers
from mmpe.errors import InputError
from mmpe.registry import DATASETS

RED, GREEN, BLUE, GREY = (255, 0, 0), (0, 255, 0), (0, 0, 255), (90, 90, 90)


def save(path, color, size=(8, 8), mode='RGB', **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, color).save(path, **options)


def colors(dataset):
    """The color of each item's center."""
    return [tuple(item[:, item.shape[1] // 2, item.shape[2] // 2].tolist()) for item in items(dataset)]


def items(dataset):
    return [dataset[i]['inputs'] for i in range(len(dataset))]


@pytest.fixture
def folder(tmp_path):
    """Four pictures of other sizes, formats, depths and cases, and what is none."""
    root = tmp_path / 'pictures'
    save(root / 'b/deep/er.BMP', RED, (30, 20))
    save(root / 'c.webp', BLUE, (7, 31), lossless=True)
    save(root / 'a.png', 90, (16, 16), 'L')
    save(root / 'B.PNG', (0, 255, 0, 255), (3, 2), 'RGBA')
    (root / 'notes.txt').write_text('no picture')
    save(root / '.thumbnails/a.png', BLUE)
    save(root / '._a.png', BLUE)
    return root


@pytest.fixture
def broken(tmp_path):
    """good, bad, bad, good."""
    root = tmp_path / 'broken'
    save(root / '0.png', RED)
    (root / '1.png').write_bytes(b'no picture')
    (root / '2.jpg').write_bytes(b'')
    save(root / '3.png', BLUE)
    return root


def make_lmdb(path, pictures, **options):
    with (
        lmdb.open(os.fsencode(path), map_size=2**24, **options) as environment,
        environment.begin(write=True) as transaction,
    ):
        for key, value in pictures.items():
            transaction.put(key, value)
    return path


@pytest.fixture
def database(folder, tmp_path):
    """As mmagic makes them: a folder, keys named after the files, a list of them beside it."""
    pictures = {name.encode(): (folder / name).read_bytes() for name in sources.FolderOfFiles(folder).names}
    path = make_lmdb(tmp_path / 'faces.lmdb', pictures)
    (path / 'meta_info.txt').write_text('a.png (16,16,3) 1\n')
    return path


def test_reads_all_pictures_in_the_order_of_their_names(folder):
    dataset = PictureFolder(str(folder), 8)
    assert dataset.pictures.names == ['B.PNG', 'a.png', 'b/deep/er.BMP', 'c.webp']
    assert colors(dataset) == [GREEN, GREY, RED, BLUE]
    assert {(item.shape, item.dtype, item.is_contiguous()) for item in items(dataset)} == {
        ((3, 8, 8), torch.uint8, True)
    }
    assert dataset.metainfo == dict(num_pictures=4, size=8, flip=False)


def test_order_does_not_depend_on_the_file_system(folder, monkeypatch):
    walk = os.walk

    def another_walk(*args, **options):
        for root, folders, files in walk(*args, **options):
            yield root, folders, sorted(files, key=hash)

    expected = PictureFolder(str(folder), 8).pictures.names
    monkeypatch.setattr(sources.os, 'walk', another_walk)
    assert PictureFolder(str(folder), 8).pictures.names == expected


def test_links_are_followed_but_not_in_circles(folder, tmp_path):
    (tmp_path / 'linked').mkdir()
    (tmp_path / 'linked/part').symlink_to(folder)
    (folder / 'b/back').symlink_to(folder)
    assert len(PictureFolder(str(tmp_path / 'linked'), 8)) == 4


def test_covers_the_square_and_cuts_to_the_center(tmp_path):
    """Left third red, middle green, right blue: of a picture three times as wide as high, green is left."""
    pixels = np.repeat(np.array([[RED, GREEN, BLUE]], dtype=np.uint8), 64, axis=1).repeat(64, axis=0)
    Image.fromarray(pixels).save(tmp_path / 'wide.png')
    Image.fromarray(pixels.transpose(1, 0, 2)).save(tmp_path / 'tall.png')
    green = torch.tensor(GREEN, dtype=torch.uint8)[:, None, None]
    for size in (16, 64, 100):
        edge = 0 if size == 64 else size // 10 + 3  # where a resized pixel still sees red and blue
        for item in items(PictureFolder(str(tmp_path), size)):
            assert item.shape == (3, size, size)
            inner = item[:, edge : size - edge, edge : size - edge]
            assert torch.equal(inner, green.expand_as(inner))


def test_a_picture_of_the_size_is_left_as_it_is(tmp_path):
    pixels = skimage.data.rocket()[:64, 200:264]
    Image.fromarray(pixels).save(tmp_path / 'rocket.png')
    assert torch.equal(items(PictureFolder(str(tmp_path), 64))[0], torch.from_numpy(pixels).permute(2, 0, 1))


def test_shrinks_without_aliasing(tmp_path):
    stripes = np.zeros((128, 128, 3), dtype=np.uint8)
    stripes[:, ::2] = 255
    Image.fromarray(stripes).save(tmp_path / 'stripes.png')
    inner = items(PictureFolder(str(tmp_path), 26))[0][:, :, 2:-2].float()
    assert (inner - 127.5).abs().max() < 12


def test_exif_orientation_is_applied(tmp_path):
    image = Image.new('RGB', (8, 8), GREEN)
    image.paste(RED, (0, 0, 8, 4))
    exif = Image.Exif()
    exif[0x0112] = 6  # seen upright, what is the upper half here is the right one
    image.save(tmp_path / 'turned.png', exif=exif)
    item = items(PictureFolder(str(tmp_path), 8))[0]
    assert item[:, 4, 1].tolist() == list(GREEN) and item[:, 4, 6].tolist() == list(RED)


def test_mirror_images_follow_all_pictures(tmp_path):
    generator = np.random.default_rng(0)
    for i in range(3):
        Image.fromarray(generator.integers(0, 256, (8, 8, 3), dtype=np.uint8)).save(tmp_path / f'{i}.png')
    plain, flipped = items(PictureFolder(str(tmp_path), 8)), items(PictureFolder(str(tmp_path), 8, flip=True))
    assert len(flipped) == 6
    for i in range(3):
        assert torch.equal(flipped[i], plain[i])
        assert np.array_equal(flipped[i + 3].numpy(), plain[i].numpy()[:, :, ::-1])


@pytest.mark.parametrize('index', [-1, 4])
def test_has_no_items_beyond_its_length(folder, index):
    with pytest.raises(IndexError):
        PictureFolder(str(folder), 8)[index]


def test_scikit_images_faces_without_its_backgrounds():
    dataset = PictureFolder('skimage://lfw_subset', 25)
    expected = np.stack(3 * [skimage.data.lfw_subset()[:100] * 255], axis=1)
    assert len(dataset) == 100
    assert np.abs(torch.stack(items(dataset)).numpy() - expected).max() <= 0.5 + 1e-6
    assert PictureFolder('skimage://lfw_subset', 32)[99]['inputs'].shape == (3, 32, 32)


def test_lmdb_gives_what_the_folder_gives(folder, database):
    expected = items(PictureFolder(str(folder), 8, flip=True))
    dataset = DATASETS.build(dict(type='PictureFolder', data_root=str(database), size=8, flip=True))
    assert len(dataset) == 8 and all(map(torch.equal, items(dataset), expected))


def test_lmdb_may_be_one_file(folder, tmp_path):
    path = make_lmdb(tmp_path / 'one.lmdb', {b'x': (folder / 'a.png').read_bytes()}, subdir=False)
    assert path.is_file() and colors(PictureFolder(str(path), 8)) == [GREY]


def test_lmdb_can_be_read_twice_at_once(database):
    first, second = PictureFolder(str(database), 8), PictureFolder(str(database), 16)
    assert torch.equal(first[2]['inputs'][:, 4, 4], second[2]['inputs'][:, 8, 8])
    assert torch.equal(first[2]['inputs'][:, 4, 4], torch.tensor(RED, dtype=torch.uint8))


def load(data_root, workers, **options):
    config = dict(
        dataset=dict(type='mmpe.PictureFolder', data_root=str(data_root), size=8, flip=True),
        sampler=dict(type='DefaultSampler', shuffle=True),
        batch_size=3,
        num_workers=workers,
        **options,
    )
    return [torch.stack(batch['inputs']) for batch in Runner.build_dataloader(config, seed=1)]


@pytest.mark.parametrize('source', ['folder', 'database'])
def test_workers_give_what_one_process_gives(source, request):
    data_root = request.getfixturevalue(source)
    alone = load(data_root, 0)
    assert [len(batch) for batch in alone] == [3, 3, 2]
    assert all(map(torch.equal, load(data_root, 2, persistent_workers=True), alone))


def test_workers_may_be_started_afresh(database):
    """As on systems without fork, where a data set travels pickled."""
    dataset = PictureFolder(str(database), 8)
    copy = pickle.loads(pickle.dumps(dataset))
    assert all(map(torch.equal, items(copy), items(dataset)))
    with multiprocessing.get_context('spawn').Pool(1) as pool:
        assert torch.equal(torch.from_numpy(pool.apply(first_item, [dataset])), dataset[0]['inputs'])


def first_item(dataset):
    return dataset[0]['inputs'].numpy()


@pytest.mark.parametrize('number, name', [(1, '1.png'), (2, '2.jpg')])
def test_an_unreadable_picture_is_named(broken, number, name):
    with pytest.raises(PictureError, match=f'{broken / name} cannot be read as a picture.*skip_unreadable=True'):
        PictureFolder(str(broken), 8)[number]


def test_an_unreadable_picture_of_an_lmdb_is_named(tmp_path):
    path = make_lmdb(tmp_path / 'x.lmdb', {b'some key.png': b'text'})
    with pytest.raises(
        PictureError, match='some key.png of .*x.lmdb cannot be read as a picture: it has no known format'
    ):
        PictureFolder(str(path), 8)[0]


def test_a_picture_that_has_gone_is_named(folder):
    dataset = PictureFolder(str(folder), 8)
    (folder / 'a.png').unlink()
    with pytest.raises(PictureError, match=f'there is no picture at {folder / "a.png"}'):
        dataset[1]


@pytest.mark.parametrize('workers', [0, 2])
def test_an_unreadable_picture_is_one_line_from_any_process(broken, workers):
    with pytest.raises(InputError) as caught:
        load(broken, workers)
    message = str(caught.value)
    assert message.startswith(str(broken)) and '\n' not in message
    caught.value.with_traceback(None)  # whose frames would leave the workers' end to the garbage collector
    del caught


@pytest.mark.filterwarnings('ignore::UserWarning')
@pytest.mark.parametrize('extension', ['.png', '.jpg', '.webp', '.tif', '.bmp'])
def test_whatever_is_broken_is_one_clear_line(tmp_path, extension):
    """Cut short or with bytes changed, a picture is read or refused by name: no other error comes out."""
    path = tmp_path / f'x{extension}'
    Image.fromarray(skimage.data.rocket()[100:140, 300:340]).save(path)
    whole, generator = path.read_bytes(), np.random.default_rng(0)
    dataset = PictureFolder(str(tmp_path), 8)
    for _ in range(60):
        content = bytearray(whole[: generator.integers(len(whole))] if generator.random() < 0.3 else whole)
        for at in generator.integers(len(content), size=5) if content else ():
            content[at] = generator.integers(256)
        path.write_bytes(content)
        try:
            assert dataset[0]['inputs'].shape == (3, 8, 8)
        except PictureError as error:
            assert str(path) in str(error) and '\n' not in str(error)


def test_unreadable_pictures_can_be_passed_over(broken, monkeypatch):
    warnings = []
    monkeypatch.setattr('mmpe.datasets.picture_folder.print_log', lambda message, **options: warnings.append(message))
    dataset = PictureFolder(str(broken), 8, flip=True, skip_unreadable=True)
    assert colors(dataset) == 2 * [RED, BLUE, BLUE, BLUE]
    assert [warning.split(' cannot')[0] for warning in warnings] == [str(broken / '1.png'), str(broken / '2.jpg')]


def test_the_first_takes_the_place_of_an_unreadable_last(broken):
    (broken / '3.png').write_bytes(b'')
    assert colors(PictureFolder(str(broken), 8, skip_unreadable=True)) == 4 * [RED]


def test_nothing_readable_is_an_error(broken):
    for name in ('0.png', '3.png'):
        (broken / name).write_bytes(b'')
    with pytest.raises(InputError, match=f'none of the 4 pictures in {broken} can be read'):
        PictureFolder(str(broken), 8, skip_unreadable=True)[0]


@pytest.mark.parametrize(
    'data_root, message',
    [
        (None, 'data_root must be the path of a folder of pictures or of an LMDB, got None'),
        (3, 'got 3'),
        ('', "got ''"),
        ('nowhere', 'no folder of pictures at nowhere'),
        ('empty', 'no pictures in empty, nor below, that Pillow can read$'),
        ('pictures/a.png', 'a.png is a file'),
        ('skimage://rocket', "no set of pictures 'rocket'; it has lfw_subset"),
        ('bad.lmdb', 'bad.lmdb cannot be read as an LMDB'),
        ('none.lmdb', 'the LMDB .*none.lmdb is empty'),
    ],
)
def test_what_is_no_data_root_is_explained(folder, tmp_path, monkeypatch, data_root, message):
    (tmp_path / 'empty/deeper').mkdir(parents=True)
    (tmp_path / 'bad.lmdb').write_bytes(b'no database' * 1000)
    make_lmdb(tmp_path / 'none.lmdb', {})
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        PictureFolder(data_root, 8)


@pytest.mark.parametrize('size', [0, -4, 2.5, '64', None, True, (64, 64)])
def test_what_is_no_size_is_explained(folder, size):
    with pytest.raises(InputError, match='size=.* cannot work: it must be .*from 1 to 65536'):
        PictureFolder(str(folder), size)


def test_a_folder_that_cannot_be_listed_is_an_error(folder, monkeypatch):
    scandir = os.scandir

    def refuse(path):
        if str(path).endswith('deep'):
            raise PermissionError(13, 'Permission denied', str(path))
        return scandir(path)

    monkeypatch.setattr(sources.os, 'scandir', refuse)
    with pytest.raises(InputError, match='deep cannot be listed: Permission denied'):
        PictureFolder(str(folder), 8)


def test_the_package_that_an_lmdb_takes_is_named(database, monkeypatch):
    import_ = builtins.__import__

    def without_lmdb(name, *args):
        if name == 'lmdb':
            raise ImportError(name)
        return import_(name, *args)

    monkeypatch.setattr(builtins, '__import__', without_lmdb)
    with pytest.raises(InputError, match=r"pip install 'mmpe\[lmdb\]'"):
        PictureFolder(str(database), 8)


def test_numbers_come_to_a_model_as_a_list():
    config = dict(
        dataset=dict(type='mmpe.SampleNumbers', num=5, sizes=[32, (32, 48)]),
        sampler=dict(type='DefaultSampler', shuffle=False),
        batch_size=3,
        num_workers=0,
    )
    batches = [batch['inputs'] for batch in Runner.build_dataloader(config)]
    assert [[request['number'] for request in batch] for batch in batches] == [[0, 1, 2], [3, 4]]
    assert all(request['sizes'] == [(32, 32), (32, 48)] for batch in batches for request in batch)
    assert dict(batches[1][0]) == dict(number=3, sizes=[(32, 32), (32, 48)])


@pytest.mark.parametrize(
    'num, sizes, message',
    [
        (0, [32], 'num=0 cannot work'),
        (2.5, [32], 'num=2.5'),
        (4, [], r'sizes=\[\] must be a list'),
        (4, 32, 'sizes=32 must be a list'),
        (4, '32', "sizes='32' must be a list"),
        (4, [0], r'sizes\[0\]=0 cannot work'),
        (4, [(32, 32, 32)], 'not'),
        (4, [(32, -1)], 'not'),
        (4, ['32x48'], r"sizes\[0\]='32x48' cannot work"),
        (4, [32, (32, 32)], 'a size twice'),
    ],
)
def test_impossible_requests_are_explained(num, sizes, message):
    with pytest.raises(InputError, match=message):
        SampleNumbers(num, sizes)


def test_requests_end():
    with pytest.raises(IndexError):
        SampleNumbers(3, [32])[3]


# -------------------------------------------------------------------- what is a picture, and what is left out


@pytest.fixture
def said(monkeypatch):
    messages = []
    monkeypatch.setattr(sources, 'print_log', lambda message, *_: messages.append(message))
    return messages


def test_every_format_that_pillow_reads_is_found_by_any_extension(tmp_path, said):
    kinds = dict(
        PNG=['png', 'PNG', 'apng'],
        JPEG=['jpg', 'JPE', 'jfif', 'jpeg'],
        GIF=['gif'],
        TGA=['tga'],
        JPEG2000=['jp2', 'j2k'],
    )
    kinds |= dict(AVIF=['avif'], WEBP=['webp'], BMP=['bmp', 'dib'], PPM=['ppm', 'pnm'], TIFF=['tif', 'TIFF'])
    kinds |= dict(ICO=['ico'], PCX=['pcx'], SGI=['sgi', 'rgb'], DDS=['dds'], IM=['im'], QOI=['qoi'])
    count = 0
    Image.init()
    for kind, extensions in kinds.items():
        for extension in extensions:
            if kind in Image.SAVE:
                Image.new('RGB', (32, 32), GREY).save(tmp_path / f'{count:02}.{extension}', kind)
                count += 1
    dataset = PictureFolder(str(tmp_path), 8)
    assert len(dataset) == count >= 20 and said == []
    assert all(np.abs(np.subtract(color, GREY)).max() < 4 for color in colors(dataset))


def test_files_of_unknown_extension_are_pictures_by_their_content(tmp_path, said):
    names = ['none', 'a.jpg.bak', 'b.JPG_large', '2024', 'c.', 'd.tiff64']
    for name in names[:-1]:
        save(tmp_path / name, RED, format='PNG')
    tifffile.imwrite(tmp_path / names[-1], np.arange(64.0).reshape(8, 8))
    others = {
        'notes.txt': b'not a picture',
        'P5.txt': b'P5 is a format, and this is a text',
        'empty': b'',
        'zeros': bytes(100),
        'cut': b'\x89PNG\r\n\x1a\n',
        'x.pdf': b'%PDF-1.7',
        'film.mpg': b'\0\0\1\xba',
        'drawing.eps': b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n',
        'data.h5': b'\x89HDF\r\n\x1a\n',
        'x.json': b'{}',
        'x.py': b'#define x_width 3',
        '.hidden.png': b'',
    }
    for name, content in others.items():
        (tmp_path / name).write_bytes(content)
    os.mkfifo(tmp_path / 'pipe')  # which must not be opened
    save(tmp_path / '.cache/e.png', RED)
    dataset = PictureFolder(str(tmp_path), 8)
    assert dataset.pictures.names == sorted(names)
    assert len(items(dataset)) == len(names)
    passed_over = sorted([*others, 'pipe', '.cache/'])
    assert said == [
        f'{tmp_path} has 6 pictures; 14 left out that cannot be read as pictures or are hidden: '
        + ', '.join(passed_over)
    ]


def test_a_file_of_a_known_extension_is_not_opened_to_find_it(folder, monkeypatch):
    (folder / 'notes.txt').unlink()
    monkeypatch.setattr(builtins, 'open', None)
    monkeypatch.setattr(sources.Image, 'open', None)
    assert len(PictureFolder(str(folder), 8)) == 4


def test_a_long_list_of_what_is_passed_over_ends(tmp_path, said):
    save(tmp_path / 'a.png', RED)
    for i in range(130):
        (tmp_path / f'{i:03}.txt').touch()
    PictureFolder(str(tmp_path), 8)
    assert said[0].endswith('098.txt, 099.txt, and 30 more') and '130 left out' in said[0]


def test_a_folder_without_pictures_says_what_is_there(tmp_path):
    (tmp_path / 'a.txt').touch()
    with pytest.raises(InputError, match='no pictures in .* that Pillow can read: 1 left out .*: a.txt$'):
        PictureFolder(str(tmp_path), 8)


NO_UTF8 = os.fsdecode(b'caf\xe9.png')


def test_names_that_are_not_utf8(tmp_path, said):
    save(tmp_path / NO_UTF8, RED)
    save(tmp_path / 'b.png', BLUE)
    (tmp_path / os.fsdecode(b'\xff.txt')).touch()
    (tmp_path / os.fsdecode(b'\xff.png')).touch()
    dataset = PictureFolder(str(tmp_path), 8)
    assert dataset.pictures.names == ['b.png', NO_UTF8, os.fsdecode(b'\xff.png')]
    assert dataset[1]['inputs'][:, 4, 4].tolist() == list(RED)
    assert said[0].endswith(': \\xff.txt')
    with pytest.raises(PictureError, match=r'\\xff.png cannot be read') as caught:
        dataset[2]
    assert str(caught.value).encode()


@pytest.mark.parametrize('subdir', [True, False])
def test_an_lmdb_passes_over_what_is_no_picture(tmp_path, folder, said, subdir):
    picture = (folder / 'a.png').read_bytes()
    values = {
        b'0': picture,
        b'1.png': picture,
        b'\xe9': picture,
        b'length': b'3',
        b'meta.json': b'{}',
        b'2.png': b'text',
    }
    path = make_lmdb(tmp_path / os.fsdecode(b'\xe9.lmdb'), values, subdir=subdir)
    dataset = PictureFolder(str(path), 8)
    assert [name.encode(errors='surrogateescape') for name in dataset.pictures.names] == [
        b'0',
        b'1.png',
        b'2.png',
        b'\xe9',
    ]
    assert colors(PictureFolder(str(path), 8, skip_unreadable=True)) == [GREY] * 4
    assert said[0].endswith(': length, meta.json') and '4 pictures; 2 left out' in said[0]
    with pytest.raises(PictureError, match='^2.png of .*cannot be read as a picture'):
        dataset[2]


def test_an_lmdb_without_pictures_says_what_is_there(tmp_path):
    path = make_lmdb(tmp_path / 'x.lmdb', {b'length': b'3'})
    with pytest.raises(InputError, match='no pictures in the LMDB .*x.lmdb: 1 left out .*: length'):
        PictureFolder(str(path), 8)
