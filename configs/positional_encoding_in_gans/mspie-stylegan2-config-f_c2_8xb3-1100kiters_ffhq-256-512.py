"""Config f: the sinusoidal encoding, which extends with the size."""

_base_ = [
    '../_base_/models/mspie_stylegan2_spe.py',
    '../_base_/datasets/ffhq.py',
    '../_base_/schedules/stylegan2.py',
]
