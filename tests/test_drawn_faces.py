"""The data set of drawn faces."""

import pytest
import torch

from mmpe.datasets import DrawnFaces
from mmpe.errors import InputError


def face(index, **options):
    return DrawnFaces(**dict(dict(num=20, size=48), **options))[index]['inputs']


def test_pictures_are_what_training_takes():
    assert face(0).shape == (3, 48, 48)
    assert face(0).dtype == torch.uint8


def test_a_number_is_the_same_face_in_every_data_set():
    assert torch.equal(face(3), face(3, num=4, flip=True))


def test_a_face_is_the_same_at_every_size():
    large = face(5, size=96).float()
    assert (torch.nn.functional.avg_pool2d(large, 2) - face(5).float()).abs().mean() < 8


def test_numbers_are_different_faces():
    assert len({face(i).float().mean().item() for i in range(20)}) == 20


def test_mirror_images_follow():
    assert torch.equal(face(23, flip=True), face(3).flip(-1))
    assert len(DrawnFaces(20, 8, flip=True)) == 40


def test_eyes_are_where_a_generator_can_expect_them():
    """Over many faces the picture varies least between faces where all have the same part."""
    faces = torch.stack([face(i, num=200) for i in range(200)]).float()
    whites = (faces.min(dim=1).values > 235).float().mean(0)
    row, column = divmod(int(whites.argmax()), 48)
    assert abs(row - 0.48 * 48) <= 2
    assert min(abs(column - (0.5 + side * 0.105) * 48) for side in (-1, 1)) <= 4


@pytest.mark.parametrize('arguments', [dict(num=0), dict(size=0)])
def test_no_faces_are_refused(arguments):
    with pytest.raises(InputError, match='=0 cannot work: it must be from 1'):
        face(0, **arguments)


def test_there_are_no_others():
    with pytest.raises(IndexError):
        face(20)
