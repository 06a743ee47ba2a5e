"""The same, with a discriminator that does not normalize."""

_base_ = ['./singan_interp-pad.py']

model = dict(discriminator=dict(norm_cfg=None))
