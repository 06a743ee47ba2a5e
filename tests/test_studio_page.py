"""The page of mmpe studio, in a real browser, against a real server."""

import contextlib
import io
import re
import shlex

import numpy as np
import pytest
from PIL import Image
from scipy.interpolate import RBFInterpolator

pytest.importorskip('starlette', reason="the studio needs: pip install 'mmpe[studio]'")
pytest.importorskip('uvicorn', reason="the studio needs: pip install 'mmpe[studio]'")
pytest.importorskip('playwright', reason='the page is tested by playwright: pip install playwright')

from playwright.sync_api import expect  # noqa: E402
from studio_browser import TINY, StudioPage, StudioProcess, find_chromium, open_browser  # noqa: E402

from mmpe import cli  # noqa: E402

pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(find_chromium() is None, reason='there is no Chromium: apt-get install chromium'),
]

SPLINE = """async ([sources, targets, points]) => {
    const { thinPlate } = await import('/static/spline.js');
    const map = thinPlate(sources, targets);
    return points.map(([x, y]) => map(x, y));
}"""


@pytest.fixture(scope='module')
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope='module')
def studio(tmp_path_factory):
    studio = StudioProcess(tmp_path_factory.mktemp('studio'))
    yield studio
    studio.kill()


@pytest.fixture
def start_studio(tmp_path):
    """A studio of the test's own, which it may kill."""
    studios = []

    def start_studio(*options):
        studios.append(StudioProcess(tmp_path, options=options))
        return studios[-1]

    yield start_studio
    for studio in studios:
        studio.kill()


@pytest.fixture
def open_page(browser, studio):
    pages = []

    def open_page(address=None, **options):
        pages.append(StudioPage(browser, address or studio.address, **options))
        return pages[-1]

    yield open_page
    for page in pages:
        assert not page.faults
        page.close()


@pytest.fixture(scope='module')
def trained(browser, studio):
    """The address of a model that was trained by dropping its picture."""
    page = StudioPage(browser, studio.address)
    page.drop(picture_file(), 'shore.png')
    expect(page.page.locator('#training')).to_contain_text('Train longer')
    address = page.page.url
    assert not page.faults
    page.close()
    return address


@pytest.fixture
def page(open_page, trained):
    page = open_page(trained)
    page.ready()
    return page


def picture_file(size=(30, 40), seed=0, kind='PNG') -> bytes:
    """A picture with a sky, a shore and a boat."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    colors = np.stack([rows * 4, 90 + columns * 2, 200 - rows * 3], -1)
    colors[size[0] // 2 :, :] = (60, 90, 50)
    colors[10:20, 12:18] = (220, 60, 40)
    noise = np.random.default_rng(seed).integers(-8, 8, colors.shape)
    file = io.BytesIO()
    Image.fromarray((colors + noise).clip(0, 255).astype('uint8')).save(file, kind)
    return file.getvalue()


def pixels_of(path) -> np.ndarray:
    return np.asarray(Image.open(path).convert('RGB'))


def run_edit(studio, command: str) -> None:
    """Run the command that the page shows, as the page says: in the folder of the studio."""
    words = shlex.split(command)
    assert words[:2] == ['mmpe', 'edit']
    with contextlib.chdir(studio.folder):
        cli.main([*words[1:], '--overwrite'])


# -------------------------------------------------------------------- take hold, and drag


def test_a_dragged_point_is_exported_as_mmpe_edit_draws_it(page, studio, tmp_path):
    page.drag((15, 15), (21, 11))
    page.drawn()
    point = page.handle('point-1')
    assert point.get_attribute('aria-label') == 'Point 1, at 21, 11'
    saved = page.save(tmp_path / 'taken.png')
    command = page.command()
    assert re.search(r'edit warp .*--points=?\s?15,15:21,11', command.replace("'", '')), command
    run_edit(studio, command)
    edited = pixels_of(studio.folder / 'edited_warp/edited_000.png')
    assert np.array_equal(pixels_of(saved), edited)
    assert page.page.evaluate(SHOWN) == edited.astype(int).sum()


SHOWN = """() => {
    const canvas = document.querySelector('#stage canvas');
    const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
    return data.reduce((sum, value, i) => sum + (i % 4 === 3 ? 0 : value), 0);
}"""


def test_undo_and_redo_go_through_all_steps(page):
    page.drag((15, 15), (21, 11))
    page.drag((32, 15), (28, 18))
    page.page.keyboard.press('ArrowDown')
    expect(page.handle('point-2')).to_have_attribute('aria-label', 'Point 2, at 28, 19')
    page.page.wait_for_timeout(700)  # keys that follow each other closely are one step
    for left in ('Point 2, at 28, 18', None):
        page.page.keyboard.press('Control+z')
        if left:
            expect(page.handle('point-2')).to_have_attribute('aria-label', left)
        else:
            expect(page.handle('point-2')).to_have_count(0)
    page.page.keyboard.press('Control+z')
    expect(page.handle('point-1')).to_have_count(0)
    expect(page.page.locator('#undo')).to_be_disabled()
    for _ in range(3):
        page.page.click('#redo')
    expect(page.handle('point-2')).to_have_attribute('aria-label', 'Point 2, at 28, 19')
    expect(page.page.locator('#redo')).to_be_disabled()


def test_a_point_is_removed_by_key_and_undone(page):
    page.drag((15, 15), (21, 11))
    page.page.keyboard.press('Delete')
    expect(page.handle('point-1')).to_have_count(0)
    page.page.click('#undo')
    expect(page.handle('point-1')).to_have_count(1)


def test_a_box_is_moved_by_mouse_and_by_keyboard(page, studio):
    page.tool('region')
    page.drag((12, 10), (17, 19))
    expect(page.handle('corner-0')).to_have_count(1)
    page.drag((14, 15), (24, 15))
    expect(page.handle('region')).to_have_attribute('aria-label', 'Region, at 22, 10')
    page.handle('region').focus()
    page.page.keyboard.press('ArrowDown')
    page.page.keyboard.press('Shift+ArrowLeft')
    expect(page.handle('region')).to_have_attribute('aria-label', 'Region, at 14, 11')
    page.page.wait_for_timeout(700)
    page.drawn()
    command = page.command()
    assert '--box=12,10,6,10' in command
    assert '--by=2,1' in command


@pytest.mark.parametrize('action, task', [('Copy', 'duplicate'), ('Mirror', 'mirror'), ('Remove', 'remove')])
def test_a_lassoed_region_is_a_mask_of_the_pixels_inside(page, studio, action, task):
    page.tool('region')
    page.page.get_by_role('button', name='Lasso').click()
    corners = [(9.5, 7.5), (21.5, 7.5), (21.5, 21.5), (9.5, 21.5)]
    page.page.mouse.move(*page.at(*corners[0]))
    page.page.mouse.down()
    for corner in [*corners[1:], corners[0]]:
        page.page.mouse.move(*page.at(*corner), steps=3)
    page.page.mouse.up()
    page.page.get_by_role('button', name=action, exact=True).click()
    expect(page.handle('region')).to_have_count(1)
    if action == 'Copy':
        page.drag((15, 15), (24, 15))
    page.drawn()
    command = page.command()
    assert f'edit {task} ' in command
    mask = pixels_of(studio.folder / re.search(r'--mask=(\S+)', command)[1])[..., 0]
    expected = np.zeros((30, 40))
    expected[8:22, 10:22] = 255  # the pixels whose centers lie in the polygon
    assert np.array_equal(mask, expected)


@pytest.mark.parametrize('finder', ['Its colors', 'Its outline'])
def test_one_click_selects_a_thing(page, studio, finder):
    page.tool('region')
    page.page.get_by_role('button', name='Click', exact=True).click()
    page.page.mouse.click(*page.at(14, 14))
    expect(page.handle('region')).to_have_count(1)
    page.page.get_by_role('button', name=finder).click()
    page.page.get_by_role('button', name='Remove', exact=True).click()
    page.drawn()
    mask = pixels_of(studio.folder / re.search(r'--mask=(\S+)', page.command())[1])[..., 0] > 0
    boat = np.zeros((30, 40), bool)
    boat[10:20, 12:18] = True
    assert (mask & boat).sum() > 0.8 * (mask | boat).sum()


def test_the_right_edge_is_pulled_to_another_width(page):
    page.tool('size')
    edge = page.handle('edge-right').bounding_box()
    x, y = edge['x'] + edge['width'] / 2, edge['y'] + edge['height'] / 2
    width = page.page.locator('#stage canvas').bounding_box()['width']
    page.page.mouse.move(x, y)
    page.page.mouse.down()
    page.page.mouse.move(x + width / 4, y, steps=4)
    page.page.mouse.up()
    page.drawn()
    page.page.get_by_role('group', name='Columns').get_by_role('button', name='Extend').click()
    page.drawn()
    command = page.command()
    assert '--size=30x50' in command
    assert re.search(r'--mode=?\s?stretch (--mode=)?extend', command), command


def test_the_grid_bends_where_it_is_pulled_and_its_frame_stays(page):
    page.tool('grid')
    node = page.handle('node-1,2')
    node.focus()
    for _ in range(3):
        page.page.keyboard.press('ArrowRight')
    page.page.wait_for_timeout(700)
    page.drawn()
    command = page.command()
    pairs = [pair.split(':') for pair in re.findall(r'[\d.,]+:[\d.,]+', command)]
    moved = [pair for pair in pairs if pair[0] != pair[1]]
    assert len(moved) == 1
    source, target = (tuple(map(float, point.split(','))) for point in moved[0])
    assert target == pytest.approx((source[0] + 3, source[1]), abs=0.02)
    assert '--no-pin' in command


@pytest.mark.parametrize('tool, task', [('texture', 'tile'), ('samples', 'samples')])
def test_images_are_drawn_and_locked(page, tool, task):
    page.tool(tool)
    page.page.get_by_role('group', name='Images').get_by_role('button', name='Four').click()
    images = page.page.locator('#film img')
    expect(images).to_have_count(4)
    page.page.get_by_role('button', name='Lock: Image 3').click()
    locked = images.first.get_attribute('src')
    page.page.get_by_role('button', name='Draw new ones').click()
    expect(images).to_have_count(5)
    assert images.first.get_attribute('src') == locked
    page.page.get_by_role('button', name='Locked image 1', exact=True).click()
    command = page.command()
    assert f'edit {task} ' in command
    assert '--seed=0' in command


def test_what_is_painted_is_the_file_that_is_drawn(page, studio):
    page.tool('paint')
    page.page.get_by_role('button', name=re.compile('^Color 1')).click()
    page.drag((8, 15), (32, 15))
    page.drawn()
    command = page.command()
    painted = pixels_of(studio.folder / re.search(r'--painting=(\S+)', command)[1]).astype(int)
    original = pixels_of(next(studio.folder.glob('models/shore/original.png'))).astype(int)
    changed = np.abs(painted - original).max(-1) > 0
    assert changed[14:16, 10:30].mean() > 0.9
    assert not changed[:8].any()


def test_a_pasted_picture_changes_what_is_opaque_of_it_alone(page, studio, tmp_path):
    page.tool('paste')
    picture = Image.new('RGBA', (20, 20))
    picture.paste((250, 250, 20, 255), (0, 0, 10, 20))
    picture.save(tmp_path / 'half.png')
    page.page.set_input_files('#panel input[type=file]', tmp_path / 'half.png')
    expect(page.handle('pasted')).to_have_count(1)
    page.drawn()
    command = page.command()
    mask = pixels_of(studio.folder / re.search(r'--mask=(\S+)', command)[1])[..., 0]
    pasted = pixels_of(studio.folder / re.search(r'--picture=(\S+)', command)[1])
    rows, columns = np.nonzero(mask)
    assert len(rows) == len(set(rows)) * len(set(columns)) == 12 * 6
    assert np.abs(pasted[mask > 0].astype(int) - (250, 250, 20)).max() <= 3


def run_recipe(studio, commands: str) -> np.ndarray:
    """What the commands that the page shows make, one after the other."""
    for command in commands.splitlines():
        run_edit(studio, command)
    out = shlex.split(commands.splitlines()[-1])[-1]
    return pixels_of(studio.folder / out / 'edited_000.png')


def test_tools_start_from_each_others_results_and_undo_goes_back_through_all(page, studio, tmp_path):
    page.drag((15, 15), (21, 11))
    page.drawn()
    bent = page.page.evaluate(SHOWN)
    page.tool('region')
    expect(page.page.locator('#panel .base')).to_be_visible()
    page.drawn()
    assert page.page.evaluate(SHOWN) == bent
    page.drag((2, 20), (8, 27))
    page.drag((5, 23), (28, 22))
    page.drawn()
    page.page.get_by_role('button', name='Keep this, and edit on').click()
    expect(page.handle('region')).to_have_count(0)
    page.drag((30, 2), (36, 8))
    page.page.get_by_role('button', name='Remove', exact=True).click()
    page.drawn()
    commands = page.command()
    assert [shlex.split(line)[2] for line in commands.splitlines()] == ['warp', 'move', 'remove']
    saved = pixels_of(page.save(tmp_path / 'taken.png'))
    assert np.array_equal(run_recipe(studio, commands), saved)
    shown = page.page.evaluate(SHOWN)
    assert shown == saved.astype(int).sum()
    page.page.reload()  # the page forgets nothing of it
    page.ready()
    expect(page.handle('region')).to_have_count(1)
    page.drawn()
    assert page.page.evaluate(SHOWN) == shown
    while page.page.locator('#undo').is_enabled():
        page.page.click('#undo')
    expect(page.page.locator('#panel .base')).to_have_count(0)
    expect(page.page.locator('[data-tool=points]')).to_have_attribute('aria-pressed', 'true')
    while page.page.locator('#redo').is_enabled():
        page.page.click('#redo')
    page.drawn()
    assert page.page.evaluate(SHOWN) == shown
    page.page.get_by_role('button', name='Go back to the picture itself').click()
    expect(page.page.locator('#panel .base')).to_have_count(0)


def test_what_is_kept_is_taken_away_before_anything_else_is_marked(page, studio, tmp_path):
    page.drag((15, 15), (21, 11))
    page.tool('grid')
    expect(page.page.locator('#panel .base')).to_be_visible()
    page.drawn()
    commands = page.command()
    assert [shlex.split(line)[2] for line in commands.splitlines()] == ['warp']
    assert np.array_equal(run_recipe(studio, commands), pixels_of(page.save(tmp_path / 'taken.png')))


def test_of_tools_chosen_quickly_the_last_one_starts_from_the_result(page):
    page.drag((15, 15), (21, 11))
    page.page.evaluate("""() => ['grid', 'paste', 'region'].forEach((name) =>
        document.querySelector(`[data-tool=${name}]`).click())""")
    expect(page.page.locator('#panel .base')).to_be_visible()
    page.drawn()
    expect(page.page.locator('[data-tool=region]')).to_have_attribute('aria-pressed', 'true')
    assert page.command().count('mmpe edit') == 1


def test_a_sample_is_edited_on(page, studio, tmp_path):
    page.tool('samples')
    page.page.locator('#film img').nth(3).wait_for()
    page.page.get_by_role('button', name='Image 3', exact=True).click()
    page.drawn()
    sample = page.page.evaluate(SHOWN)
    page.page.get_by_role('button', name='Edit this image').click()
    expect(page.page.locator('[data-tool=points]')).to_have_attribute('aria-pressed', 'true')
    page.drawn()
    assert page.page.evaluate(SHOWN) == sample
    page.drag((15, 15), (21, 11))
    page.drawn()
    commands = page.command()
    assert '--onto=step_1/edited_002.png' in commands
    assert np.array_equal(run_recipe(studio, commands), pixels_of(page.save(tmp_path / 'taken.png')))


def test_an_enlarged_picture_is_of_what_was_edited_and_stays_apart(page, studio, tmp_path):
    page.drag((15, 15), (21, 11))
    page.tool('enlarge')
    expect(page.page.locator('#panel .base')).to_be_visible()
    page.drawn()
    saved = pixels_of(page.save(tmp_path / 'taken.png'))
    assert saved.shape == (60, 80, 3)
    assert np.array_equal(run_recipe(studio, page.command()), saved)
    page.tool('points')
    expect(page.page.locator('#status')).to_contain_text('not edited on')
    page.drawn()
    assert page.page.evaluate('document.querySelector("#stage canvas").width') == 40


def test_a_painting_is_given_as_a_file_of_any_size(page, studio, tmp_path):
    page.tool('paint')
    painting = Image.new('RGB', (80, 60), (20, 40, 200))
    painting.paste((220, 200, 30), (0, 30, 80, 60))
    painting.save(tmp_path / 'crude.png')
    page.page.set_input_files('#panel input[type=file]', tmp_path / 'crude.png')
    expect(page.page.get_by_text('Another painting …')).to_be_visible()
    page.drawn()
    command = page.command()
    given = pixels_of(studio.folder / re.search(r'--painting=(\S+)', command)[1])
    assert given.shape == (30, 40, 3)
    assert np.abs(given[:13].astype(int) - (20, 40, 200)).max() <= 3
    assert np.abs(given[17:].astype(int) - (220, 200, 30)).max() <= 3
    page.drag((5, 5), (30, 5))  # and painted on
    page.drawn()
    more = pixels_of(studio.folder / re.search(r'--painting=(\S+)', page.command())[1])
    assert np.array_equal(more[20:], given[20:])
    assert not np.array_equal(more[:10], given[:10])


def test_an_animation_plays_and_is_taken_away(page, tmp_path):
    page.tool('animate')
    expect(page.page.locator('#stage > img')).to_be_visible()
    moving = Image.open(page.save(tmp_path / 'walk.gif'))
    assert moving.is_animated
    assert moving.size == (40, 30)


def test_before_is_shown_while_a_key_is_held(page):
    page.drag((15, 15), (24, 12))
    page.drawn()
    edited = page.page.evaluate(SHOWN)
    page.page.keyboard.down('b')
    expect(page.page.locator('#stage.before')).to_have_count(1)
    page.page.wait_for_timeout(100)
    original = pixels_of(io.BytesIO(page.page.request.get(model_url(page) + '/original.png').body()))
    assert page.page.evaluate(SHOWN) == original.astype(int).sum()
    page.page.keyboard.up('b')
    page.page.wait_for_timeout(100)
    assert page.page.evaluate(SHOWN) == edited


def model_url(page) -> str:
    address, model = page.page.url.split('#')
    return f'{address}api/models/{model}'


def test_a_finger_drags_a_point_and_two_pinch(open_page, trained):
    page = open_page(trained, has_touch=True, viewport=dict(width=1024, height=768))
    page.ready()
    touch = page.context.new_cdp_session(page.page)

    def put(kind, *points):
        touch.send('Input.dispatchTouchEvent', dict(type=kind, touchPoints=[dict(x=x, y=y) for x, y in points]))

    (left, top), (right, bottom) = page.at(15, 15), page.at(24, 12)
    put('touchStart', (left, top))
    put('touchMove', ((left + right) / 2, (top + bottom) / 2))
    put('touchMove', (right, bottom))
    put('touchEnd')
    expect(page.handle('point-1')).to_have_attribute('aria-label', 'Point 1, at 24, 12')
    page.drawn()
    before = page.page.locator('#stage canvas').bounding_box()['width']
    put('touchStart', (left, top), (right, top))
    put('touchMove', (left - 50, top), (right + 50, top))
    put('touchEnd')
    page.page.wait_for_timeout(100)
    assert page.page.locator('#stage canvas').bounding_box()['width'] > 1.2 * before
    expect(page.handle('point-2')).to_have_count(0)  # the first finger of a pinch places no point


def test_a_session_opens_again_with_all_steps(page, studio, tmp_path):
    page.drag((15, 15), (21, 11))
    page.tool('paint')
    expect(page.page.locator('#panel .base')).to_be_visible()
    page.drag((8, 15), (32, 15))
    page.drawn()
    shown = page.page.evaluate(SHOWN)
    page.page.click('#open-take-away')
    with page.page.expect_download() as download:
        page.page.get_by_role('button', name='Save the session').click()
    download.value.save_as(tmp_path / 'session.zip')
    page.page.click('#take-away [aria-label=Close]')
    address = page.page.url
    page.page.set_input_files('#strip input[type=file]', tmp_path / 'session.zip')
    expect(page.page).not_to_have_url(address)
    page.ready()
    expect(page.page.locator('[data-tool=paint]')).to_have_attribute('aria-pressed', 'true')
    expect(page.page.locator('#undo')).to_be_enabled()
    # its pictures are fetched, and then it is drawn
    page.page.get_by_role('button', name=re.compile('^Color 1')).wait_for()
    page.drawn()
    assert page.page.evaluate(SHOWN) == shown


def test_one_zooms_in_to_pixels_and_back(page):
    canvas = page.page.locator('#stage canvas')
    fitted = canvas.bounding_box()
    for _ in range(4):
        page.page.keyboard.press('+')
    expect(page.page.locator('#stage canvas.pixels')).to_have_count(1)
    wide = "least => document.querySelector('#stage canvas').getBoundingClientRect().width > least"
    page.page.wait_for_function(wide, arg=2 * fitted['width'])  # the fourth is drawn later than it is pressed
    page.page.keyboard.press('0')
    expect(page.page.locator('#stage canvas.pixels')).to_have_count(0)
    assert canvas.bounding_box() == fitted


# -------------------------------------------------------------------- the spline in the browser


@pytest.mark.parametrize('count', [1, 2, 3, 12])
def test_the_spline_of_the_page_is_that_of_scipy(open_page, count):
    rng = np.random.default_rng(count)
    corners = np.array([(0, 0), (0, 29), (39, 0), (39, 29)], float)
    sources = np.concatenate([rng.uniform(2, 28, (count, 2)), corners])
    targets = np.concatenate([sources[:count] + rng.uniform(-4, 4, (count, 2)), corners])
    points = rng.uniform(0, 40, (50, 2))
    ours = open_page().page.evaluate(SPLINE, [sources.tolist(), targets.tolist(), points.tolist()])
    theirs = points + RBFInterpolator(targets, sources - targets, kernel='thin_plate_spline', degree=1)(points)
    assert np.allclose(ours, theirs, atol=1e-6)


def test_points_on_a_line_turn_the_whole_picture(open_page):
    """A quarter turn about (10, 10): nothing else fits two points with less bending."""
    sources, targets, points = [[10, 10], [20, 10]], [[10, 10], [10, 20]], [[10, 10], [10, 20], [0, 10], [4, 7]]
    shown = open_page().page.evaluate(SPLINE, [sources, targets, points])
    assert np.allclose(shown, [[10 + (y - 10), 10 - (x - 10)] for x, y in points], atol=1e-9)


# -------------------------------------------------------------------- what goes wrong


@pytest.mark.parametrize(
    'content, name, said',
    [
        (b'not a picture at all', 'notes.txt', 'picture'),
        (picture_file()[:200], 'cut_short.png', 'picture'),
        (b'', 'empty.png', 'picture'),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', '<b>drawing</b>.svg', 'picture'),
    ],
)
def test_a_file_that_is_no_picture_is_refused_in_one_line(open_page, studio, content, name, said):
    page = open_page(f'{studio.address}#+')
    page.page.locator('.examples').wait_for()
    page.drop(content, name)
    alert = page.page.locator('#alert')
    expect(alert).to_be_visible()
    assert said in alert.text_content()
    expect(page.page.locator('.drop label .primary')).to_be_visible()  # ready for another one
    page.faults.clear()  # the browser tells refused requests on its console


def test_a_picture_of_200_megapixels_is_refused_in_one_line(open_page, studio):
    file = io.BytesIO()
    Image.new('1', (20000, 10000)).save(file, 'PNG')
    page = open_page(f'{studio.address}#+')
    page.page.locator('.examples').wait_for()
    page.drop(file.getvalue(), 'huge.png')
    expect(page.page.locator('#alert')).to_contain_text(re.compile('pixels'))
    page.faults.clear()


def test_reload_in_mid_training_and_two_tabs_see_the_same(browser, start_studio):
    studio = start_studio(*TINY[1:], 'model.iters_per_scale=200')
    first = StudioPage(browser, studio.address)
    first.drop(picture_file(seed=1), 'slow.png')
    training = '#training'
    expect(first.page.locator(training)).to_contain_text('Scale')
    second = StudioPage(browser, first.page.url)
    expect(second.page.locator(training)).to_contain_text('Scale')
    first.page.reload()
    expect(first.page.locator(training)).to_contain_text('Scale')
    assert len(first.page.request.get(f'{studio.address}api/state').json()['models']) == 1
    second.page.get_by_role('button', name='Stop').click()
    expect(first.page.get_by_role('button', name='Go on')).to_be_visible()
    expect(second.page.get_by_role('button', name='Go on')).to_be_visible()
    assert not first.faults + second.faults
    first.close()
    second.close()


def test_a_killed_server_comes_back_with_what_was_trained(browser, start_studio):
    studio = start_studio(*TINY)
    page = StudioPage(browser, studio.address)
    page.drop(picture_file(seed=2), 'kept.png')
    expect(page.page.locator('#training')).to_contain_text('Train longer')
    page.drag((15, 15), (24, 12))
    page.drawn()
    shown = page.page.evaluate(SHOWN)
    studio.kill()
    expect(page.page.locator('#offline')).to_be_visible()
    studio.start()
    expect(page.page.locator('#offline')).to_be_hidden()
    page.page.click('#undo')
    page.page.click('#redo')
    page.drawn()
    assert page.page.evaluate(SHOWN) == shown
    page.page.reload()
    expect(page.handle('point-1')).to_have_count(1)
    page.drawn()
    assert page.page.evaluate(SHOWN) == shown
    page.close()


# -------------------------------------------------------------------- for all


STATES = ['empty', 'points', 'region', 'size', 'layout', 'paint', 'enlarge', 'samples', 'take-away']


@pytest.mark.parametrize('state', STATES)
def test_nothing_is_wrong_for_assistive_technology(open_page, studio, trained, state):
    axe = pytest.importorskip('axe_playwright_python.sync_playwright', reason='pip install axe-playwright-python').Axe()
    # what axe runs in the page is code from a text, which the page forbids
    page = open_page(f'{studio.address}#+' if state == 'empty' else trained, bypass_csp=True)
    if state == 'empty':
        page.page.locator('.examples').wait_for()
    elif state == 'take-away':
        page.ready()
        page.drag((15, 15), (24, 12))
        page.drawn()
        page.page.click('#open-take-away')
        page.page.locator('#take-away pre').first.wait_for()
    else:
        page.ready()
        page.tool(state)
        if state in ('points', 'region', 'paint'):
            page.drag((12, 9), (24, 18))
        page.drawn()
    for colors in ('light', 'dark'):
        page.page.emulate_media(color_scheme=colors)
        results = axe.run(page.page)
        assert not results.response['violations'], f'{colors}: {results.generate_report()}'


def test_all_can_be_done_by_keyboard(page):
    page.page.get_by_role('button', name='Add a point in the middle').focus()
    page.page.keyboard.press('Enter')
    page.handle('point-1').focus()
    page.page.keyboard.press('Shift+ArrowRight')
    expect(page.handle('point-1')).to_have_attribute('aria-label', re.compile('Point 1, at 28, '))
    page.page.wait_for_timeout(700)
    page.drawn()
    assert 'edit warp' in page.command()
