"""Config j: no padding, the sinusoidal encoding of a 6x6 grid, resized."""

_base_ = [
    '../_base_/models/mspie_stylegan2_nopad.py',
    '../_base_/datasets/ffhq.py',
    '../_base_/schedules/stylegan2.py',
]

spe = dict(type='SinusoidalEncoding', embedding_dim=256)
model = dict(generator=dict(encoding=dict(_delete_=True, type='ResizedEncoding', encoding=spe, size=6)))
