"""Scores of many images against closed forms, other implementations, and what must hold for equal sets."""

import contextlib
import io
import math
import os
import pickle
import time
import warnings

import numpy as np
import pytest
import scipy.linalg
import scipy.ndimage
import scipy.stats
import torch
import torch.distributed
import torch.multiprocessing
from mmengine.evaluator import Evaluator
from PIL import Image
from prdc import compute_prdc
from pytorch_msssim import ms_ssim
from torch import nn
from torchmetrics.image.fid import FrechetInceptionDistance

from mmpe.errors import InputError
from mmpe.evaluation import (
    FeatureMetrics,
    MultiScaleSimilarity,
    SlicedWasserstein,
    build_network,
    frechet_distance,
    frechet_distance_of_moments,
    kernel_distance,
    laplacian_pyramid,
    multiscale_similarity,
    precision_recall,
    pyramid_distance,
    pyramid_neighbourhoods,
    sliced_wasserstein,
)
from mmpe.evaluation.quantized import quantized
from mmpe.registry import METRICS, MODELS


def normal(seed, *shape):
    return torch.from_numpy(np.random.RandomState(seed).standard_normal(shape))


def with_moments(mean, covariance, num, seed=0):
    """Points whose mean and covariance are exactly these."""
    points = normal(seed, num, len(mean))
    points = points - points.mean(0)
    whitened = points @ torch.linalg.inv(torch.linalg.cholesky(torch.cov(points.T))).T
    return whitened @ torch.linalg.cholesky(covariance).T + mean


def pictures(seed, num, size):
    values = np.random.RandomState(seed).uniform(0, 256, (num, 3, *size))
    return torch.from_numpy(values.astype(np.uint8))


class TestFrechetDistance:
    def test_diagonal_covariances(self):
        """|m - n|^2 + sum (s_i - t_i)^2."""
        m, n = torch.tensor([1.0, -2, 0.5]).double(), torch.tensor([0.0, 1, 0.5]).double()
        s, t = torch.tensor([1.0, 2, 3]).double(), torch.tensor([2.0, 0.5, 3]).double()
        expected = ((m - n) ** 2).sum() + ((s - t) ** 2).sum()
        found = frechet_distance(with_moments(m, torch.diag(s**2), 50), with_moments(n, torch.diag(t**2), 70, seed=1))
        assert found == pytest.approx(expected.item(), rel=1e-10)
        assert frechet_distance_of_moments(m, torch.diag(s**2), n, torch.diag(t**2)) == pytest.approx(expected.item())

    @pytest.mark.parametrize('num', [40, 400], ids=['fewer samples than features', 'more'])
    def test_equals_scipys_matrix_root(self, num):
        a, b = normal(0, num, 64) @ normal(1, 64, 64), normal(2, num + 10, 64) @ normal(3, 64, 64) + 1
        (mean_a, cov_a), (mean_b, cov_b) = (
            (x.mean(0).numpy(), np.cov(x.numpy(), rowvar=False) + 1e-9 * np.eye(64)) for x in (a, b)
        )
        root = scipy.linalg.sqrtm(cov_a @ cov_b).real
        expected = ((mean_a - mean_b) ** 2).sum() + np.trace(cov_a + cov_b - 2 * root)
        assert frechet_distance(a, b) == pytest.approx(expected, rel=1e-5)
        moments = map(torch.from_numpy, (mean_a, cov_a, mean_b, cov_b))
        assert frechet_distance_of_moments(*moments) == pytest.approx(expected, rel=1e-5)

    def test_equals_torchmetrics(self):
        a, b = normal(0, 500, 32).float(), (normal(1, 300, 32) * 1.3 + 0.2).float()
        network = nn.Identity()
        network.num_features = 32
        metric = FrechetInceptionDistance(network)
        metric.update(a, real=True)
        metric.update(b, real=False)
        assert frechet_distance(a, b) == pytest.approx(metric.compute().item(), rel=1e-4)

    @pytest.mark.parametrize('num', [2, 20, 1000])
    def test_equal_sets(self, num):
        a = normal(0, num, 128).relu()
        assert frechet_distance(a, a) == pytest.approx(0, abs=1e-9)
        assert frechet_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-9)

    def test_one_picture_is_refused(self):
        with pytest.raises(InputError, match='at least 2'):
            frechet_distance(normal(0, 1, 4), normal(0, 9, 4))


class TestKernelDistance:
    @staticmethod
    def naive(a, b):
        def kernel(x, y):
            return (float(x @ y) / len(x) + 1) ** 3

        n, m = len(a), len(b)
        same_a = sum(kernel(a[i], a[j]) for i in range(n) for j in range(n) if i != j) / (n * (n - 1))
        same_b = sum(kernel(b[i], b[j]) for i in range(m) for j in range(m) if i != j) / (m * (m - 1))
        return same_a + same_b - 2 * sum(kernel(x, y) for x in a for y in b) / (n * m)

    def test_equals_a_double_loop(self):
        a, b = normal(0, 30, 8), normal(1, 30, 8) + 0.5
        assert kernel_distance(a, b) == pytest.approx(self.naive(a, b), rel=1e-9)

    def test_mean_over_subsets(self):
        a, b = normal(0, 60, 8), normal(1, 40, 8) + 0.5
        assert kernel_distance(a, b, 400, 20) == pytest.approx(self.naive(a, b), rel=0.1)

    def test_repeatable_and_leaves_the_global_generator(self):
        a, b = normal(0, 60, 8), normal(1, 40, 8)
        state = torch.get_rng_state()
        assert kernel_distance(a, b, 5, 20) == kernel_distance(a, b, 5, 20)
        assert torch.equal(state, torch.get_rng_state())

    def test_of_one_distribution_is_around_zero(self):
        found = [kernel_distance(normal(2 * i, 100, 8), normal(2 * i + 1, 100, 8)) for i in range(20)]
        assert min(found) < 0 < max(found)
        assert abs(np.mean(found)) < 3 * np.std(found) / math.sqrt(20)


class TestPrecisionRecall:
    @pytest.mark.parametrize('at_once', [2**25, 500])
    def test_equals_prdc(self, monkeypatch, at_once):
        monkeypatch.setattr('mmpe.evaluation.features._DISTANCES_AT_ONCE', at_once)
        real, fake = normal(0, 120, 10).float(), (0.7 * normal(1, 90, 10) + 0.3).float()
        with contextlib.redirect_stdout(io.StringIO()):
            expected = compute_prdc(real.numpy(), fake.numpy(), nearest_k=3)
        assert 0.2 < expected['recall'] < expected['precision'] < 1
        assert precision_recall(real, fake) == pytest.approx((expected['precision'], expected['recall']))

    def test_equal_sets(self):
        a = normal(0, 50, 16).float() + 100
        assert precision_recall(a, a.flip(0)) == (1, 1)
        assert precision_recall(a, a[:1].expand(50, -1)) == (1, 1 / 50)  # balls without extent

    def test_sets_far_apart(self):
        assert precision_recall(normal(0, 50, 4), normal(1, 50, 4) + 100) == (0, 0)

    def test_half_of_the_modes(self):
        real, fake = normal(0, 200, 4), normal(1, 100, 4)
        real[::2] += 100
        precision, recall = precision_recall(real, fake)
        assert precision > 0.8 and 0.4 < recall <= 0.5

    def test_too_few_are_refused(self):
        with pytest.raises(InputError, match='more than 3 pictures'):
            precision_recall(normal(0, 3, 4), normal(0, 9, 4))


class TestPyramid:
    @pytest.mark.parametrize('size', [(64, 64), (37, 70)])
    def test_equals_scipys_filters(self, size):
        picture = pictures(0, 1, size).double()
        levels = laplacian_pyramid(picture)
        kernel = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
        rest = picture[0, 1].numpy()
        for level in levels[:-1]:
            smaller = scipy.ndimage.convolve(rest, kernel, mode='mirror')[::2, ::2]
            spread = np.zeros_like(rest)
            spread[::2, ::2] = smaller
            detail = rest - scipy.ndimage.convolve(spread, 4 * kernel, mode='mirror')
            assert np.abs(level[0, 1].numpy() - detail).max() < 1e-4
            rest = smaller
        assert np.abs(levels[-1][0, 1].numpy() - rest).max() < 1e-4

    def test_levels_go_down_to_16(self):
        shapes = [tuple(level.shape[-2:]) for level in laplacian_pyramid(torch.zeros(1, 3, 128, 96))]
        assert shapes == [(128, 96), (64, 48), (32, 24)]
        assert len(laplacian_pyramid(torch.zeros(1, 3, 256, 256))) == 5
        with pytest.raises(InputError, match='16 pixels'):
            laplacian_pyramid(torch.zeros(1, 3, 15, 40))

    def test_neighbourhoods_are_cut_out_of_the_levels(self):
        both = pictures(0, 2, (32, 40))
        found = pyramid_neighbourhoods(both, [5, 6], count=9)
        assert found.shape == (2, 2, 9, 7, 7, 3)
        level = laplacian_pyramid(both.float())[0][1].half()
        everything = {
            level[:, i : i + 7, j : j + 7].permute(1, 2, 0).contiguous().numpy().tobytes()
            for i in range(26)
            for j in range(34)
        }
        cut = {patch.contiguous().numpy().tobytes() for patch in found[1, 0]}
        assert cut <= everything and len(cut) > 5

    def test_a_pictures_number_alone_decides_where(self):
        three = pictures(0, 3, (32, 32))
        together = pyramid_neighbourhoods(three, [4, 5, 6], 8)
        assert torch.equal(together[1:2], pyramid_neighbourhoods(three[1:2], [5], 8))
        assert not torch.equal(together[1:2], pyramid_neighbourhoods(three[1:2], [7], 8))

    def test_distance_equals_scipys_on_every_direction(self):
        a, b = (pyramid_neighbourhoods(pictures(i, 6, (32, 32)) // (i + 1), range(6), 16) for i in (0, 1))
        b = b * torch.linspace(0.5, 2, 7)[:, None].half()
        directions = torch.randn(147, 512, generator=torch.Generator().manual_seed(0)).double().numpy()
        directions /= np.linalg.norm(directions, axis=0)

        def points(neighbourhoods):
            values = neighbourhoods.double().numpy().reshape(-1, 49, 3)
            return ((values - values.mean((0, 1))) / values.std((0, 1))).reshape(-1, 147)

        expected = np.mean(
            [
                scipy.stats.wasserstein_distance(x, y)
                for level in range(2)
                for x, y in zip((points(a[:, level]) @ directions).T, (points(b[:, level]) @ directions).T)
            ]
        )
        assert pyramid_distance(a, b) == pytest.approx(1000 * expected, rel=1e-3)

    def test_equal_sets(self):
        a = pyramid_neighbourhoods(pictures(0, 6, (32, 32)), range(6), 16)
        assert pyramid_distance(a, a) == 0
        assert pyramid_distance(a, a.flip(0)) == pytest.approx(0, abs=1e-3)

    def test_color_and_contrast_do_not_matter_and_texture_does(self):
        some = pictures(0, 20, (32, 32))
        blurred = pictures(0, 20, (32, 34)).unfold(3, 3, 1).float().mean(-1).byte()
        a, b, c = (pyramid_neighbourhoods(x, range(20), 32) for x in (some, some // 2 + 60, blurred))
        assert pyramid_distance(a, b) < 20 < 60 < pyramid_distance(a, c)

    def test_exact_distance_is_what_many_quantiles_tend_to(self):
        a, b = normal(0, 4000, 5), normal(1, 4000, 5) ** 3
        assert sliced_wasserstein(a, b, 32, exact=True) == pytest.approx(sliced_wasserstein(a, b, 32), rel=0.1)
        shift = torch.full((5,), 0.3)
        assert sliced_wasserstein(a, a + shift, 32, exact=True) == pytest.approx(
            sliced_wasserstein(a, a + shift, 32), rel=1e-6
        )


class TestMultiScaleSimilarity:
    def test_equals_pytorch_msssim(self):
        smooth = scipy.ndimage.gaussian_filter(np.random.RandomState(0).uniform(0, 255, (6, 3, 180, 200)), (0, 0, 4, 4))
        some = torch.from_numpy(smooth - smooth.mean()) * 8 + 128
        some[1::2] = 0.5 * some[::2] + 0.5 * some[1::2]
        some = some.clamp(0, 255).byte()
        expected = ms_ssim(some[::2].float(), some[1::2].float(), data_range=255, size_average=True).item()
        assert 0.2 < expected < 0.9
        assert multiscale_similarity(some) == pytest.approx(expected, abs=0.01)

    @pytest.mark.parametrize('size', [(16, 16), (32, 48), (64, 64), (128, 100), (180, 180)])
    def test_copies_are_alike_at_any_size(self, size):
        some = pictures(0, 2, size)
        assert multiscale_similarity(some[[0, 0, 1, 1]]) == pytest.approx(1, abs=1e-4)
        assert multiscale_similarity(some) < 0.3

    def test_one_without_a_partner_is_left_out(self):
        some = pictures(0, 3, (16, 16))
        assert multiscale_similarity(some) == multiscale_similarity(some[:2])

    def test_too_small_and_too_few_are_refused(self):
        with pytest.raises(InputError, match='window of 11 pixels'):
            multiscale_similarity(pictures(0, 2, (10, 20)))
        with pytest.raises(InputError, match='at least 2'):
            multiscale_similarity(pictures(0, 1, (20, 20)))


CALLS = []


@MODELS.register_module()
class MeansOfQuarters(nn.Module):
    """Twelve features of a picture; notes what it is given."""

    def forward(self, pictures):
        assert pictures.dtype == torch.uint8
        CALLS.append(tuple(pictures.shape))
        return nn.functional.adaptive_avg_pool2d(pictures.float() / 100, 2).flatten(1)


NETWORK = dict(type='mmpe.MeansOfQuarters')
SIZES = [(16, 16), (16, 24)]


@pytest.fixture
def real(tmp_path):
    """A folder of 11 pictures; the config of the data set."""
    folder = tmp_path / 'real'
    folder.mkdir()
    for i, picture in enumerate(pictures(1, 11, (32, 32))):
        Image.fromarray(picture.permute(1, 2, 0).numpy()).save(folder / f'{i:02}.png')
    return dict(type='mmpe.PictureFolder', data_root=str(folder), size=32)


@pytest.fixture
def options(tmp_path, real):
    CALLS.clear()
    return dict(real=real, cache_dir=tmp_path / 'cache', num_workers=0, batch_size=4, device='cpu')


def drawn(number):
    """What a model gives for a number."""
    images = {size: normal(100 * number + size[1], 3, *size).float().clamp(-1.2, 1.2) for size in SIZES}
    return dict(number=number, images=images)


def evaluate(metrics, num=9, batch=4):
    evaluator = Evaluator(metrics)
    for first in range(0, num, batch):
        evaluator.process([drawn(number) for number in range(first, min(num, first + batch))])
    return evaluator.evaluate(num)


class TestFeatureMetrics:
    def test_scores_at_each_size(self, options):
        """Against the functions, on pictures that Pillow resizes."""
        scores = evaluate(FeatureMetrics(NETWORK, **options))
        network = MeansOfQuarters()
        for height, width in SIZES:
            files = sorted((options['cache_dir'].parent / 'real').iterdir())
            resized = [Image.open(file).resize((width, height), Image.Resampling.BICUBIC) for file in files]
            real = network(torch.stack([torch.from_numpy(np.array(x)).permute(2, 0, 1) for x in resized]))
            shown = torch.stack([drawn(number)['images'][height, width] for number in range(9)])
            fake = network(((shown.clamp(-1, 1) + 1) * 127.5).round().byte())
            precision, recall = precision_recall(real, fake)
            expected = dict(
                fid=frechet_distance(real, fake), kid=kernel_distance(real, fake), precision=precision, recall=recall
            )
            found = {name: scores.pop(f'{height}x{width}/{name}') for name in expected}
            assert found == pytest.approx(expected, rel=0.02, abs=2e-3)
        assert not scores

    def test_only_what_is_asked_for(self, options):
        assert set(evaluate(FeatureMetrics(NETWORK, ['fid'], **options))) == {'16x16/fid', '16x24/fid'}

    def test_real_pictures_as_samples(self, options):
        metric = FeatureMetrics(NETWORK, **options)
        dataset = metric.real_pictures.dataset
        samples = [dict(number=i, images={(32, 32): dataset[i]['inputs'] / 127.5 - 1}) for i in range(11)]
        metric.process(None, samples)
        scores = metric.evaluate(11)
        assert scores['32x32/fid'] == pytest.approx(0, abs=1e-9)
        assert (scores['32x32/precision'], scores['32x32/recall']) == (1, 1)

    def test_padding_of_the_last_batch_does_not_count(self, options):
        metric = FeatureMetrics(NETWORK, **options)
        metric.process(None, [drawn(number) for number in (*range(9), 0, 0, 0)])
        assert metric.evaluate(9) == evaluate(FeatureMetrics(NETWORK, **options))

    def test_num_real_is_spread_evenly(self, options):
        metric = FeatureMetrics(NETWORK, num_real=4, **options)
        assert metric.real_pictures.indices == [0, 2, 5, 8]
        evaluate(metric)
        assert sum(shape[0] for shape in CALLS) == 2 * (9 + 4)

    def test_validation_leaves_the_global_generator(self, options):
        metric = FeatureMetrics(NETWORK, **options)
        state = torch.get_rng_state()
        evaluate(metric)
        assert torch.equal(state, torch.get_rng_state())

    @pytest.mark.parametrize(
        'arguments, message',
        [
            (dict(network=None), 'the scores need a feature network'),
            (dict(network='nowhere.pt'), 'there is no feature network at nowhere.pt'),
            (dict(network=NETWORK, scores=['fid', 'is']), 'scores are some of fid, kid, precision_recall, not is'),
            (dict(network=NETWORK, scores=[]), 'not none'),
        ],
    )
    def test_what_cannot_be_is_said_at_once(self, options, arguments, message):
        with pytest.raises(InputError, match=message):
            FeatureMetrics(**options | arguments)

    def test_real_pictures_are_needed(self):
        for metric in (dict(type='FeatureMetrics', network=NETWORK), dict(type='SlicedWasserstein')):
            with pytest.raises(InputError, match='real=dict'):
                METRICS.build(metric)

    def test_missing_torchmetrics_is_named(self, monkeypatch, options):
        monkeypatch.setattr('mmpe.evaluation.sized_metrics.find_spec', lambda name: None)
        for make in (lambda: FeatureMetrics(NETWORK, **options), MultiScaleSimilarity):
            with pytest.raises(InputError, match=r'pip install "mmpe\[eval\]"'):
                make()
        FeatureMetrics(NETWORK, ['fid', 'precision_recall'], **options)

    def test_another_network_output_is_refused(self, options):
        class Wrong(nn.Module):
            def forward(self, pictures):
                return pictures.float().mean()

        MODELS.register_module('WrongFeatures', module=Wrong, force=True)
        with pytest.raises(InputError, match=r'gave \(\) for 4 pictures'):
            evaluate(FeatureMetrics(dict(type='WrongFeatures'), **options))

    def test_images_of_another_size_are_refused(self, options):
        metric = FeatureMetrics(NETWORK, **options)
        with pytest.raises(InputError, match='images of 20x20 were asked for, and the model gave 16x16'):
            metric.process(None, [dict(number=0, images={(20, 20): torch.zeros(3, 16, 16)})])


class TestCache:
    def network_calls(self, **options):
        CALLS.clear()
        scores = evaluate(FeatureMetrics(**dict(network=NETWORK) | options), num=8, batch=8)
        return len(CALLS) - len(SIZES), scores  # one call a size is for the samples

    def test_real_pictures_are_measured_once(self, options):
        calls, scores = self.network_calls(**options)
        assert calls == 3 * len(SIZES)
        assert len(list(options['cache_dir'].iterdir())) == len(SIZES)
        assert self.network_calls(**options) == (0, scores)

    def test_whatever_they_depend_on_is_noticed(self, options, tmp_path):
        self.network_calls(**options)
        assert self.network_calls(**options, num_real=10)[0] > 0
        assert self.network_calls(**options | dict(real=dict(options['real'], size=24)))[0] > 0
        file = tmp_path / 'real/03.png'
        Image.new('RGB', (32, 32)).save(file)
        calls, changed = self.network_calls(**options)
        assert calls > 0
        assert self.network_calls(**options) == (0, changed)
        file.rename(tmp_path / 'real/033.png')
        assert self.network_calls(**options)[0] > 0
        (tmp_path / 'real/033.png').unlink()
        assert self.network_calls(**options)[0] > 0

    def test_same_length_but_later(self, options, tmp_path):
        self.network_calls(**options)
        os.utime(tmp_path / 'real/03.png', (1, 1))
        assert self.network_calls(**options)[0] > 0

    def test_another_network_file_is_noticed(self, options, tmp_path):
        found = []
        for weight in (1.0, 2.0):
            save_network(tmp_path / 'network.pt', weight)
            metric = FeatureMetrics(str(tmp_path / 'network.pt'), ['fid'], **options)
            found.append(evaluate(metric)['16x16/fid'])
        assert found[1] == pytest.approx(4 * found[0], rel=1e-4)
        assert len(list(options['cache_dir'].iterdir())) == 2 * len(SIZES)

    @pytest.mark.parametrize('damage', ['cut short', 'empty', 'another file', 'flipped byte', 'a pickle'])
    def test_damaged_files_are_made_again(self, options, damage):
        scores = self.network_calls(**options)[1]
        file = sorted(options['cache_dir'].iterdir())[0]
        content = file.read_bytes()
        middle = len(content) // 2
        file.write_bytes(
            {
                'cut short': content[:middle],
                'empty': b'',
                'another file': b'no features at all',
                'flipped byte': content[:middle] + bytes([content[middle] ^ 255]) + content[middle + 1 :],
                'a pickle': pickle.dumps(print),
            }[damage]
        )
        assert self.network_calls(**options) == (3, scores)
        assert self.network_calls(**options) == (0, scores)

    def test_a_folder_that_cannot_be_written_costs_no_scores(self, options, tmp_path):
        scores = self.network_calls(**options)[1]
        (tmp_path / 'file').write_text('')
        assert self.network_calls(**options | dict(cache_dir=tmp_path / 'file/cache'))[1] == scores


class Weighted(nn.Module):
    """As the StyleGAN authors' networks are called."""

    def __init__(self, weight: float, limit: float = 300.0):
        super().__init__()
        self.weight, self.limit = weight, limit

    def forward(self, pictures, return_features: bool = False):
        values = pictures.float()
        assert bool(values.max() <= self.limit), 'values too large'
        features = self.weight * nn.functional.adaptive_avg_pool2d(values, 2).flatten(1)
        return features if return_features else features.sum(1)


class Plain(nn.Module):
    """Size and range, as features."""

    def forward(self, pictures):
        shape = torch.tensor([pictures.shape[-2], pictures.shape[-1]]).expand(pictures.shape[0], 2)
        return torch.cat([shape, pictures.flatten(1).amin(1, True), pictures.flatten(1).amax(1, True)], 1).float()


def save_network(path, weight=1.0, module=None):
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')  # PyTorch asks for torch.export, which the networks at hand do not use
        torch.jit.script(module or Weighted(weight)).save(str(path))
    return str(path)


class TestNetwork:
    black_and_white = torch.stack([torch.zeros(3, 8, 8), torch.full((3, 8, 8), 255)]).byte()

    def test_style_gans_call(self, tmp_path):
        network = build_network(save_network(tmp_path / 'network.pt'))
        assert network(self.black_and_white).tolist() == [[0] * 12, [255] * 12]
        without = build_network(dict(path=str(tmp_path / 'network.pt'), arguments={}))
        assert without(self.black_and_white).shape == (2,)

    def test_size_and_range(self, tmp_path):
        path = save_network(tmp_path / 'plain.pt', module=Plain())
        found = {}
        for name, options in dict(
            plain={}, square=dict(size=12), wide=dict(size=(6, 9)), symmetric=dict(value_range=(-1, 1), size=5)
        ).items():
            found[name] = build_network(dict(path=path, **options))(self.black_and_white).tolist()
        assert found == dict(
            plain=[[8, 8, 0, 0], [8, 8, 255, 255]],
            square=[[12, 12, 0, 0], [12, 12, 255, 255]],
            wide=[[6, 9, 0, 0], [6, 9, 255, 255]],
            symmetric=[[5, 5, -1, -1], [5, 5, 1, 1]],
        )

    def test_from_a_url_once(self, tmp_path, monkeypatch):
        save_network(tmp_path / 'network.pt')
        monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(tmp_path / 'hub'))
        url = (tmp_path / 'network.pt').as_uri()
        assert build_network(url)(self.black_and_white).shape == (2, 12)
        (tmp_path / 'network.pt').unlink()
        assert build_network(url)(self.black_and_white).shape == (2, 12)
        with pytest.raises(InputError, match='cannot be downloaded .* fetch it by hand'):
            build_network((tmp_path / 'other.pt').as_uri())

    def test_a_file_that_is_no_network(self, tmp_path):
        (tmp_path / 'text.pt').write_text('no network')
        with pytest.raises(InputError, match='text.pt cannot be read as TorchScript'):
            build_network(str(tmp_path / 'text.pt'))

    def test_pictures_that_it_does_not_take(self, tmp_path, options):
        path = save_network(tmp_path / 'network.pt', module=Weighted(1.0, limit=1.0))
        with pytest.raises(InputError, match=r'does not take uint8 pictures \(4, 3, 16, 16\): .*values too large'):
            evaluate(FeatureMetrics(path, ['fid'], **options))


class TestOtherMetrics:
    def test_sliced_wasserstein(self, options):
        scores = evaluate(SlicedWasserstein(neighbourhoods=20, **options))
        assert set(scores) == {'16x16/swd', '16x24/swd'}
        assert len(list(options['cache_dir'].iterdir())) == len(SIZES)
        assert evaluate(SlicedWasserstein(neighbourhoods=20, **options)) == scores

    def test_real_pictures_as_samples(self, options):
        metric = SlicedWasserstein(neighbourhoods=20, **options)
        dataset = metric.real_pictures.dataset
        metric.process(None, [dict(number=i, images={(32, 32): dataset[i]['inputs'] / 127.5 - 1}) for i in range(11)])
        assert metric.evaluate(11) == {'32x32/swd': 0}

    def test_so_many_samples_count(self, options):
        assert evaluate(SlicedWasserstein(num=5, neighbourhoods=20, **options)) == evaluate(
            SlicedWasserstein(num=5, neighbourhoods=20, **options), num=5
        )
        assert evaluate(MultiScaleSimilarity(pairs=2, device='cpu')) == evaluate(
            MultiScaleSimilarity(device='cpu'), num=4
        )

    def test_pairs(self):
        scores = evaluate(MultiScaleSimilarity(device='cpu'))
        shown = [quantized(drawn(number)['images'][16, 24]) for number in range(9)]
        assert scores['16x24/ms_ssim'] == multiscale_similarity(torch.stack(shown))
        assert set(scores) == {'16x16/ms_ssim', '16x24/ms_ssim'}


def score_in_process(rank, folder, metrics, num):
    """Do what MMEngine does in one of two processes: each has every second sample, the last one padded."""
    torch.set_num_threads(1)
    os.chdir(folder)
    torch.distributed.init_process_group('gloo', init_method=f'file://{folder}/store', rank=rank, world_size=2)
    evaluator = Evaluator([METRICS.build(metric) for metric in metrics])
    mine = list(range(rank, num, 2))
    evaluator.process([drawn(number) for number in (mine + [0] * ((num + 1) // 2 - len(mine)))])
    scores = evaluator.evaluate(num)
    torch.save((scores, sum(shape[0] for shape in CALLS)), f'{folder}/scores_{rank}.pth')
    torch.distributed.destroy_process_group()


def test_two_processes_score_as_one(options, tmp_path):
    """Nine samples and eleven real pictures, so that neither is shared out evenly."""
    metrics = [
        dict(type='mmpe.FeatureMetrics', network=NETWORK, **options),
        dict(type='mmpe.SlicedWasserstein', neighbourhoods=10, **options),
        dict(type='mmpe.MultiScaleSimilarity', device='cpu'),
    ]
    alone = evaluate([dict(metric, cache_dir=tmp_path / 'alone') for metric in metrics[:2]] + metrics[2:])
    processes = torch.multiprocessing.spawn(score_in_process, (str(tmp_path), metrics, 9), nprocs=2, join=False)
    deadline = time.monotonic() + 120
    while not processes.join(timeout=1):
        if time.monotonic() > deadline:
            for process in processes.processes:
                process.kill()
            pytest.fail('the processes wait for each other')
    results = [torch.load(tmp_path / f'scores_{rank}.pth') for rank in range(2)]
    for scores, _ in results:
        assert scores == pytest.approx(alone, rel=1e-6)
    # both sizes of five samples each, one of them padding, and of six and five real pictures
    assert [count for _, count in results] == [2 * (5 + 6), 2 * (5 + 5)]
