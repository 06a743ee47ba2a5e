"""Config d: a Cartesian grid, which stretches with the size."""

_base_ = [
    '../_base_/models/mspie_stylegan2.py',
    '../_base_/datasets/ffhq.py',
    '../_base_/schedules/stylegan2.py',
]

model = dict(generator=dict(encoding=dict(_delete_=True, type='CartesianGrid')))
