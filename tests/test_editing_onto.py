"""Edits of an edited picture."""

import re

import pytest
import torch
import torch.nn.functional as F

from mmpe.editing import animate, move, onto, remove, retarget, run_task, warp
from mmpe.editing.example import example_singan
from mmpe.errors import InputError
from mmpe.visualization import save_picture

SIZE = (24, 32)


@pytest.fixture
def model():
    return example_singan()


@pytest.fixture
def picture():
    """Stripes, which the model's picture of noise has not."""
    return torch.linspace(-1, 1, SIZE[1]).sin().mul(0.9).expand(1, 3, *SIZE).contiguous()


@pytest.mark.parametrize('start_scale', [1, 2])
@pytest.mark.parametrize(
    'edit',
    [
        lambda model, **options: move(model, (4, 6, 8, 10), (14, 0), **options),
        lambda model, **options: remove(model, (4, 6, 8, 10), **options),
        lambda model, **options: warp(model, [(12, 12)], [(14, 12)], pin=True, **options),
    ],
    ids=['move', 'remove', 'warp'],
)
def test_where_the_edit_does_not_reach_the_given_picture_stays_to_the_bit(model, picture, edit, start_scale):
    edited = edit(onto(model, picture), num=2, start_scale=start_scale)
    stays = (edited.edit_mask == 0).expand_as(edited.images)
    assert torch.equal(edited.images[stays], picture.expand_as(edited.images)[stays])
    changes = (edited.edit_mask > 0).expand_as(edited.images)
    assert not torch.equal(edited.images[changes], edit(model, num=2, start_scale=start_scale).images[changes])


def test_a_scale_is_shown_the_given_picture_shrunk_on_top_of_its_reconstruction(model, picture):
    """Against the generator itself, with the image below computed here."""
    below = model.reconstruct(1) + F.interpolate(
        picture - model.reconstruct(), model.scaled_sizes()[0], mode='bicubic', antialias=True
    )
    expected = model.generator(model.fixed_noises()[1:], model.noise_weights[1:], image=below, first_scale=1)
    found = warp(onto(model, picture), [(8, 12)], [(8, 12)], num=1, start_scale=1, blending=False)
    assert torch.allclose(found.images, expected, atol=1e-6)


def test_the_reconstruction_changes_nothing(model):
    plain = warp(model, [(8, 12)], [(12, 14)], num=2, start_scale=1)
    assert torch.equal(warp(onto(model, model.reconstruct()), [(8, 12)], [(12, 14)], num=2).images, plain.images)


def test_the_model_itself_stays_as_it_is(model, picture):
    trained, drawn = model.picture.clone(), model.reconstruct()
    copied = onto(model, picture)
    assert torch.equal(copied.picture, picture) and torch.equal(model.picture, trained)
    assert torch.equal(model.reconstruct(), drawn)
    warp(model, [(8, 12)], [(9, 12)], num=1, start_scale=0)


def test_edits_of_edits_go_on(model):
    moved = move(model, (4, 6, 8, 10), (14, 0), num=1)
    removed = remove(onto(model, moved.images), (4, 6, 8, 10), num=1)
    bent = warp(onto(model, removed.images), [(20, 12)], [(22, 12)], num=1)
    assert bent.images.shape == (1, 3, *SIZE)
    stays = (removed.edit_mask == 0).expand_as(removed.images)
    assert torch.equal(removed.images[stays], moved.images[stays])


def test_an_extended_picture_is_refined_where_the_layout_alone_cannot_be_told(model, picture):
    wide = retarget(onto(model, picture), (24, 48), mode='extend', num=1)
    again = retarget(onto(model, picture), (24, 48), mode='extend', num=1, start_scale=1)
    assert torch.equal(wide.images, again.images)


@pytest.mark.parametrize('name, options', [('samples', {}), ('tile', {}), ('animate', dict(frames=2))])
def test_tasks_that_begin_at_scale_0_ask_for_a_later_one(model, picture, name, options, tmp_path):
    save_picture(picture, tmp_path / 'edited.png')
    given = dict(options, onto=str(tmp_path / 'edited.png'))
    said = 'start scale 0 draws a layout, and cannot be shown a picture: choose one of 1 to 2'
    with pytest.raises(InputError, match=re.escape(said)):
        run_task(model, name, **given)
    run_task(model, name, **given, start_scale=2)


def test_an_animation_is_of_the_given_picture(model, picture):
    moving = animate(onto(model, picture), num_frames=2, start_scale=2).frames
    still = warp(onto(model, picture), [(8, 12)], [(8, 12)], num=1, start_scale=2, blending=False).images
    assert torch.allclose(moving[:1], still, atol=1e-6)


@pytest.mark.parametrize(
    'size, said',
    [((24, 24), 'the picture to edit is 24x24 pixels: give one of 24x32'), ((48, 64), None)],
)
def test_a_picture_of_another_shape_is_refused_and_of_another_size_resized(model, size, said):
    picture = torch.zeros(1, 3, *size)
    if said is None:
        assert onto(model, picture).picture.shape == (1, 3, *SIZE)
        return
    with pytest.raises(InputError, match=re.escape(said)):
        onto(model, picture)


def test_one_scale_cannot_be_shown_a_picture(picture):
    with pytest.raises(InputError, match='a picture is injected between two'):
        onto(example_singan((SIZE,)), picture)
