"""The same, with the picture's center at position 200, so that a larger picture extends on all sides."""

_base_ = ['./singan_spe_nopad.py']

model = dict(generator=dict(encoding=dict(center=200)))
