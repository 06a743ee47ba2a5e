"""Progressive GAN on CelebA."""

_base_ = [
    '../_base_/models/pggan.py',
    '../_base_/datasets/celeba_128.py',
    '../_base_/schedules/pggan.py',
]
