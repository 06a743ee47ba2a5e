"""The paper's form of CSG: the grid is the only sense of place, no convolution pads with zeros."""

_base_ = ['./singan_interp-pad.py']

model = dict(generator=dict(encoding=dict(type='CartesianGrid')))
