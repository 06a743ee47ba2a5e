"""Config i: no padding, a Cartesian grid."""

_base_ = [
    '../_base_/models/mspie_stylegan2_nopad.py',
    '../_base_/datasets/ffhq.py',
    '../_base_/schedules/stylegan2.py',
]

model = dict(generator=dict(encoding=dict(_delete_=True, type='CartesianGrid')))
