"""Scores against closed forms, invariances, and numbers from another implementation of the same definitions."""

import math

import numpy as np
import pytest
import torch
from mmengine.evaluator import Evaluator

from mmpe.errors import InputError
from mmpe.evaluation import (
    diversity,
    patch_distance,
    patches,
    rmse,
    single_picture_scores,
    sliced_wasserstein,
    structure,
    texture,
)

NAMES = ['structure', 'diversity', 'swd_3x3', 'swd_7x7', 'swd_5x5_half', 'swd_5x5_quarter', 'reconstruction_rmse']


def uniform(seed, *shape):
    return torch.from_numpy(np.random.RandomState(seed).uniform(-1, 1, shape).astype(np.float32))


def tiles(rows, columns, side):
    """A picture of flat squares, the same with any version of NumPy and PyTorch."""
    colors = np.random.RandomState(0).uniform(-1, 1, (1, 3, rows, columns))
    return torch.from_numpy(np.kron(colors, np.ones((1, 1, side, side))).astype(np.float32))


class TestReferenceNumbers:
    def test_many_samples(self):
        """Enough for a choice among their patches."""
        picture = tiles(8, 9, 8)
        samples = picture + 0.6 * uniform(1, 24, *picture.shape[1:])
        expected = [0.99588656, 0.54485774, 0.05630035, 0.04662445, 0.01751126, 0.02610989, 0.05712067]
        scores = single_picture_scores(samples, picture, 0.9 * picture)
        assert list(scores) == NAMES
        assert list(scores.values()) == pytest.approx(expected, abs=1e-6)

    def test_wide_samples_of_a_tall_picture(self):
        picture = tiles(8, 5, 5)
        samples = torch.cat([picture, picture.flip(3)], 3)[..., 3:] + 0.6 * uniform(1, 5, 3, 40, 47)
        expected = [0.29197195, 0.52500451, 0.06223318, 0.07230736, 0.07207134, 0.15444201, 0.0570116]
        scores = single_picture_scores(samples, picture, 0.9 * picture)
        assert list(scores.values()) == pytest.approx(expected, abs=1e-6)


class TestStructure:
    @pytest.mark.parametrize('shape', [(24, 24), (25, 61), (50, 23)])
    def test_picture_and_negative(self, shape):
        picture = uniform(0, 1, 3, *shape)
        assert structure(picture, picture) == pytest.approx(1, abs=1e-6)
        assert structure(-picture, picture) == pytest.approx(-1, abs=1e-6)
        assert structure(torch.cat([picture, -picture]), picture) == pytest.approx(0, abs=1e-6)

    def test_brightness_and_contrast_do_not_matter(self):
        picture, sample = uniform(0, 1, 3, 32, 48), uniform(1, 1, 3, 32, 48)
        assert structure(0.3 * sample + 0.4, picture) == pytest.approx(structure(sample, picture), abs=1e-6)

    def test_size_does_not_matter(self):
        picture = tiles(8, 12, 3)
        assert structure(tiles(8, 12, 5), picture) == pytest.approx(1, abs=1e-6)

    def test_thumbnail(self):
        """Only means over the cells of an 8 x 12 grid count, as worked out by NumPy."""
        picture, sample = uniform(0, 1, 3, 32, 48), uniform(1, 1, 3, 32, 48)
        a, b = (x.numpy().reshape(3, 8, 4, 12, 4).mean((2, 4)).ravel() for x in (picture, sample))
        assert structure(sample, picture) == pytest.approx(np.corrcoef(a, b)[0, 1], abs=1e-6)


class TestDiversity:
    def test_copies_have_none(self):
        picture = uniform(0, 1, 3, 24, 24)
        assert diversity(picture.expand(4, -1, -1, -1), picture) == 0

    def test_two_apart(self):
        """The unbiased deviation of c and -c is c times the root of 2."""
        picture = uniform(0, 1, 3, 24, 30)
        offset = torch.full_like(picture, 0.25)
        expected = 0.25 * math.sqrt(2) / np.std(picture.numpy(), ddof=1)
        assert diversity(torch.cat([picture + offset, picture - offset]), picture) == pytest.approx(expected, rel=1e-5)

    def test_shuffled_pictures_have_one(self):
        picture = uniform(0, 1, 1, 24, 24)
        rng = np.random.RandomState(0)
        shuffled = np.stack([rng.permutation(picture.numpy().ravel()) for _ in range(400)]).reshape(400, 1, 24, 24)
        assert diversity(torch.from_numpy(shuffled), picture) == pytest.approx(1, abs=0.01)

    def test_one_sample_is_refused(self):
        picture = uniform(0, 1, 3, 24, 24)
        with pytest.raises(InputError, match='at least 2'):
            diversity(picture, picture)


class TestPatches:
    @pytest.mark.parametrize(('side', 'stride'), [(3, 1), (5, 2), (7, 3)])
    def test_each_is_cut_out(self, side, stride):
        images = uniform(0, 2, 3, 11, 14)
        expected = [
            images[n, :, i : i + side, j : j + side].flatten()
            for n in range(2)
            for i in range(0, 11 - side + 1, stride)
            for j in range(0, 14 - side + 1, stride)
        ]
        assert torch.equal(patches(images, side, stride), torch.stack(expected))

    def test_a_choice_is_of_different_patches_and_repeatable(self):
        images = torch.arange(2 * 40 * 50.0).reshape(2, 1, 40, 50)
        chosen = patches(images, 3, at_most=500)
        everything = {tuple(row) for row in patches(images, 3).tolist()}
        assert chosen.shape == (500, 9)
        assert len({tuple(row) for row in chosen.tolist()} & everything) == 500
        assert chosen[:, 0].mean() == pytest.approx(images.mean().item(), rel=0.1)
        assert torch.equal(chosen, patches(images, 3, at_most=500))
        assert torch.equal(patches(images, 3, at_most=2 * 38 * 48), patches(images, 3))


class TestSlicedWasserstein:
    def test_of_a_set_to_itself_is_zero(self):
        points = uniform(0, 300, 27)
        assert sliced_wasserstein(points, points) == 0
        assert sliced_wasserstein(points, points[torch.randperm(300)]) == pytest.approx(0, abs=1e-6)
        assert sliced_wasserstein(points, points.repeat(2, 1)) < 0.005

    def test_shift(self):
        """All quantiles move by the shift's projection, here worked out from the directions that a seed stands for."""
        points, shift = uniform(0, 300, 27), uniform(1, 27)
        directions = torch.randn(27, 512, generator=torch.Generator().manual_seed(3))
        expected = (shift @ (directions / directions.norm(dim=0))).abs().mean().item()
        assert sliced_wasserstein(points + shift, points, seed=3) == pytest.approx(expected, abs=1e-5)

    @pytest.mark.parametrize('dimensions', [3, 27, 75])
    def test_shift_without_knowing_the_directions(self, dimensions):
        """A unit vector's mean projection on the sphere is gamma(n/2) / (sqrt(pi) gamma((n+1)/2))."""
        points, shift = uniform(0, 50, dimensions), torch.zeros(dimensions)
        shift[1] = 2
        expected = 2 * math.exp(math.lgamma(dimensions / 2) - math.lgamma((dimensions + 1) / 2)) / math.sqrt(math.pi)
        assert sliced_wasserstein(points, points + shift, projections=5000) == pytest.approx(expected, rel=0.03)

    @pytest.mark.parametrize('num', [1, 2, 255, 1000])
    @pytest.mark.parametrize('exact', [False, True])
    def test_as_torch_sorts(self, num, exact):
        a, b = uniform(0, num, 12), uniform(1, num, 12) ** 3
        directions = torch.randn(12, 40, generator=torch.Generator().manual_seed(0))
        shadows = [points @ (directions / directions.norm(dim=0)) for points in (a, b)]
        levels = torch.arange(1, 256) / 256
        ordered = [s.sort(dim=0).values if exact else torch.quantile(s, levels, dim=0) for s in shadows]
        expected = (ordered[0] - ordered[1]).abs().mean(0).mean().item()
        assert sliced_wasserstein(a, b, projections=40, exact=exact) == pytest.approx(expected, rel=1e-6)

    def test_points_that_need_gradients_or_have_few_digits(self):
        a, b = uniform(0, 300, 12), uniform(1, 300, 12) ** 3
        expected = sliced_wasserstein(a, b, exact=True)
        for exact in (False, True):
            assert sliced_wasserstein(a.clone().requires_grad_(), b, exact=exact) == pytest.approx(expected, rel=0.05)
        for dtype in (torch.float16, torch.bfloat16):
            assert sliced_wasserstein(a.to(dtype), b.to(dtype), exact=True) == pytest.approx(expected, rel=0.05)

    @pytest.mark.parametrize('exact', [False, True])
    def test_one_point_that_is_no_number(self, exact):
        points = uniform(0, 300, 12)
        broken = points.index_fill(0, torch.tensor([7]), torch.nan)
        assert math.isnan(sliced_wasserstein(points, broken, exact=exact))

    def test_in_parts(self, monkeypatch):
        a, b = uniform(0, 200, 12), uniform(1, 333, 12)
        expected = sliced_wasserstein(a, b)
        for at_once in (1, 7 * 333):
            monkeypatch.setattr(texture, '_MOST_AT_ONCE', at_once)
            assert sliced_wasserstein(a, b) == pytest.approx(expected, abs=1e-6)

    def test_symmetric_and_in_the_points_units(self):
        a, b = uniform(0, 200, 12), uniform(1, 333, 12) ** 3
        distance = sliced_wasserstein(a, b)
        assert sliced_wasserstein(b, a) == pytest.approx(distance, abs=1e-6)
        assert sliced_wasserstein(5 * a, 5 * b) == pytest.approx(5 * distance, rel=1e-4)

    def test_scaled_normal(self):
        """Between N(0, 1) and N(0, 3^2), the distance is 2 E|x| = 2 sqrt(2 / pi); 255 quantiles see a little less."""
        points = torch.from_numpy(np.random.RandomState(0).standard_normal((20000, 4)).astype(np.float32))
        assert sliced_wasserstein(points, 3 * points, 64) == pytest.approx(2 * math.sqrt(2 / math.pi), rel=0.02)


class TestPatchDistance:
    @pytest.mark.parametrize(('side', 'shrink'), [(3, 1), (7, 1), (5, 2), (5, 4)])
    def test_between_flat_pictures(self, side, shrink):
        """Every patch is shifted by the same: about .8 of the shift, as the docstring says."""
        picture, samples = torch.full((1, 3, 24, 28), -0.3), torch.full((2, 3, 24, 28), 0.2)
        directions = torch.randn(3 * side * side, 512, generator=torch.Generator().manual_seed(0))
        expected = 0.5 * (directions / directions.norm(dim=0)).sum(0).abs().mean().item()
        assert patch_distance(samples, picture, side, shrink) == pytest.approx(expected, rel=1e-4)
        assert expected == pytest.approx(0.8 * 0.5, rel=0.1)

    @pytest.mark.parametrize(('side', 'shrink'), [(3, 1), (5, 2)])
    def test_sees_texture_and_not_layout(self, side, shrink):
        picture = tiles(8, 8, 8)
        rolled = picture.roll((16, 32), (2, 3)).repeat(2, 1, 1, 1)
        assert structure(rolled, picture) < 0.5
        assert patch_distance(rolled, picture, side, shrink) < 0.04
        assert patch_distance(uniform(0, 2, 3, 64, 64), picture, side, shrink) > 0.1

    def test_shrunk_images_lose_their_detail(self):
        picture = tiles(8, 8, 8)
        checkers = (torch.arange(64)[:, None] + torch.arange(64)) % 2 - 0.5
        noisy = picture + 0.5 * checkers
        assert patch_distance(noisy, picture, 5, 2) == pytest.approx(0, abs=1e-6)
        assert patch_distance(noisy, picture, 3) > 0.05


class TestSinglePictureScores:
    def test_samples_are_clipped_and_the_reconstruction_is_not(self):
        picture = tiles(8, 9, 3)
        samples = 3 * uniform(0, 3, 3, 24, 27)
        scores = single_picture_scores(samples, picture, picture + 2.5)
        clipped = single_picture_scores(samples.clamp(-1, 1), picture)
        assert scores.pop('reconstruction_rmse') == pytest.approx(2.5, rel=1e-6)
        assert scores == clipped

    @pytest.mark.parametrize('shapes', [((19, 30), (30, 30)), ((30, 30), (30, 19))])
    def test_too_small_is_refused(self, shapes):
        with pytest.raises(InputError, match='20 pixels'):
            single_picture_scores(uniform(0, 2, 3, *shapes[0]), uniform(0, 1, 3, *shapes[1]))
        assert len(single_picture_scores(uniform(0, 2, 3, 20, 20), uniform(0, 1, 3, 20, 20))) == 6

    def test_rmse(self):
        assert rmse(torch.zeros(1, 3, 4, 4), torch.tensor([3.0, 0, 4]).reshape(1, 3, 1, 1).expand(1, 3, 4, 4)) == (
            pytest.approx(math.sqrt(25 / 3))
        )


class TestMetric:
    def evaluate(self, *data_samples):
        evaluator = Evaluator(dict(type='mmpe.SinglePictureScores'))
        for sample in data_samples:
            evaluator.process([sample], data_batch=None)
        return evaluator.evaluate(size=len(data_samples))

    def data_sample(self, seed):
        picture = tiles(8, 8, 3)
        return dict(samples=uniform(seed, 3, 3, 24, 24), picture=picture, reconstruction=0.5 * picture)

    def test_is_the_function(self):
        sample = self.data_sample(0)
        expected = {f'single_picture/{k}': v for k, v in single_picture_scores(**sample).items()}
        assert self.evaluate(sample) == expected
        assert [name.split('/')[1] for name in expected] == NAMES

    def test_mean_over_pictures(self):
        one, two = self.data_sample(0), self.data_sample(1)
        scores = self.evaluate(one, two)
        for name, value in scores.items():
            assert value == pytest.approx((self.evaluate(one)[name] + self.evaluate(two)[name]) / 2)

    def test_without_a_reconstruction(self):
        sample = self.data_sample(0)
        del sample['reconstruction']
        assert len(self.evaluate(sample)) == 6
