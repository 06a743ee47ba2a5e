"""DCGAN on CelebA."""

_base_ = [
    '../_base_/models/dcgan.py',
    '../_base_/datasets/celeba_64.py',
    '../_base_/schedules/dcgan.py',
]
