"""The paper's form of SPE: the encoding is the only sense of place, no convolution pads with zeros."""

_base_ = ['./singan_interp-pad.py']

model = dict(generator=dict(encoding=dict(type='SinusoidalEncoding', embedding_dim=4)))
