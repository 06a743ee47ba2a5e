"""Config c: the learned constant, resized."""

_base_ = [
    '../_base_/models/mspie_stylegan2.py',
    '../_base_/datasets/ffhq.py',
    '../_base_/schedules/stylegan2.py',
]
