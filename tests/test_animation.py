"""The random walk through the noise, and the files of it."""

from itertools import islice

import numpy as np
import pytest
import torch
from PIL import Image
from test_editing_injection import untrained
from tool_runs import run_tool

from mmpe.editing import Animation, animate
from mmpe.editing.animation import check_format
from mmpe.editing.edits.animate import noise_walk
from mmpe.errors import InputError


def steps(alpha, beta, frames, seed=0, start_scale=0, model=None):
    return [noises[-1] for noises in islice(noise_walk(model or untrained(), alpha, beta, start_scale, seed), frames)]


@pytest.mark.parametrize('start_scale', [0, 1, 2])
def test_first_frame_is_the_reconstruction(start_scale):
    model = untrained(encoding=dict(type='CartesianGrid'))
    animation = animate(model, 3, start_scale=start_scale)
    assert torch.equal(animation.frames[:1], model.reconstruct())
    assert not torch.equal(animation.frames[1:2], model.reconstruct())


@pytest.mark.parametrize('alpha, beta', [(1, 0.5), (0.3, 1)])
def test_nothing_moves_where_all_is_drawn_back_or_nothing_is_new(alpha, beta):
    model = untrained()
    frames = animate(model, 4, alpha, beta).frames
    torch.testing.assert_close(frames, model.reconstruct().expand_as(frames), atol=1e-5, rtol=0)


def test_fewer_frames_are_the_first_of_more_and_seeds_differ():
    model = untrained()
    assert torch.equal(animate(model, 5).frames[:3], animate(model, 3).frames)
    assert not torch.equal(animate(model, 3, seed=1).frames, animate(model, 3).frames)


def test_without_smoothness_and_pull_it_is_a_sum_of_independent_steps():
    """z(n) - z* has variance n."""
    model = untrained(sizes=[(60, 80), (90, 120)])
    walk = steps(0, 0, 10, model=model)
    for n in (1, 4, 9):
        assert walk[n].var().item() == pytest.approx(n, rel=0.05)


def test_with_pull_it_is_an_autoregression():
    """z' - z* = (1 - a) (z - z* + u): variance r (1 - r^n) / (1 - r), where r = (1 - a)^2."""
    model = untrained(sizes=[(60, 80), (90, 120)])
    walk, r = steps(0.4, 0, 12, model=model), 0.36
    for n in (1, 3, 11):
        assert walk[n].var().item() == pytest.approx(r * (1 - r**n) / (1 - r), rel=0.05)


def test_smoothness_carries_a_step_on():
    """The formula's first two steps by hand, from the same draws as a walk without smoothness."""
    a, b = 0.2, 0.7
    _, free1, free2 = steps(0, 0, 3)  # at the finest scale z* is 0: free1 = u1, free2 = u1 + u2
    u1, u2 = free1, free2 - free1
    _, z1, z2 = steps(a, b, 3)
    torch.testing.assert_close(z1, (1 - a) * (1 - b) * u1)
    torch.testing.assert_close(z2, (1 - a) * (z1 + b * z1 + (1 - b) * u2))


def test_scales_below_the_start_stay():
    model = untrained()
    small = model.reconstruct(2)
    for noises in islice(noise_walk(model, 0.1, 0.9, 2), 3):
        assert len(noises) == 1
    moved = animate(model, 2, start_scale=2).frames[1:]
    steps_of_last = list(islice(noise_walk(model, 0.1, 0.9, 2), 2))[1]
    with torch.no_grad():
        expected = model.generator(steps_of_last, model.noise_weights[2:], image=small, first_scale=2)
    assert torch.equal(moved, expected)


# -------------------------------------------------------------------- files

RAMP = torch.linspace(-1, 1, 6)[:, None, None, None].expand(-1, 3, 21, 33)


@pytest.mark.parametrize('name', ['new/walk.gif', 'walk.webp', 'WALK.GIF'])
def test_file_has_the_frames_and_starts_over(tmp_path, name):
    (file,) = Animation(RAMP, fps=20).save(tmp_path / name)
    with Image.open(file) as image:
        assert (image.n_frames, image.size, image.info['loop']) == (6, (33, 21), 0)
        for i, value in enumerate(np.linspace(0, 255, 6)):
            image.seek(i)
            assert np.abs(np.asarray(image.convert('RGB'), float) - value).max() <= 3
            assert image.info['duration'] == 50


def test_mp4_has_the_frames(tmp_path):
    pytest.importorskip('imageio_ffmpeg')
    import imageio.v2 as imageio

    (file,) = Animation(RAMP, fps=20).save(tmp_path / 'walk.mp4')
    with imageio.get_reader(file) as video:
        frames = [frame for frame in video]  # noqa: C416  (its length is infinite, which list() asks for)
        assert video.get_meta_data()['fps'] == 20
    assert len(frames) == 6 and frames[0].shape == (22, 34, 3)
    assert np.abs(np.stack(frames).mean((1, 2, 3)) - np.linspace(0, 255, 6)).max() < 8


def test_mp4_without_ffmpeg_says_what_to_install(monkeypatch, tmp_path):
    monkeypatch.setattr('mmpe.editing.animation.importlib.util.find_spec', lambda name: None)
    with pytest.raises(InputError, match=r"pip install 'mmpe\[video\]', or choose .gif or .webp"):
        Animation(RAMP).save(tmp_path / 'walk.mp4')


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match='it ends in one of .gif, .webp, .mp4'):
        check_format(tmp_path / 'walk.avi')


@pytest.mark.parametrize(
    'options, message',
    [
        (dict(num_frames=0), 'num_frames=0 cannot work: it must be at least 1'),
        (dict(alpha=1.5), 'cannot work: it must be from 0 to 1'),
        (dict(beta=-0.1), 'cannot work: it must be from 0 to 1'),
        (dict(start_scale=3), 'start scale 3 does not exist'),
        (dict(seed=-1), 'seed=-1 cannot work: it must be at least 0'),
        (dict(fps=0), 'fps=.* cannot work'),
        (dict(fps=100), 'fps=.* cannot work'),
        (dict(fps=0.001), 'fps=0.001 cannot work: it must be from 0.01 to 50'),
    ],
)
def test_bad_numbers_are_refused(options, message):
    with pytest.raises(InputError, match=message):
        animate(untrained(), **options)


def test_tool_writes_one_file(tmp_path):
    from singan_runs import REPOSITORY, run, tiny_config

    runner = run(tiny_config(tmp_path, iters_per_scale=1))
    checkpoint = tmp_path / f'iter_{runner.max_iters}.pth'
    out = tmp_path / 'moving/walk.gif'
    done = run_tool(REPOSITORY / 'tools/edit.py', 'animate', checkpoint, '--frames', 3, '--out', out)
    assert done.returncode == 0 and done.stdout.strip() == f'wrote {out}', done.stderr
    assert list(out.parent.iterdir()) == [out]
