"""SinGAN with a sinusoidal encoding of 2 x 4 channels as released: positions count from the top left."""

_base_ = ['./singan_csg.py']

model = dict(generator=dict(encoding=dict(_delete_=True, type='SinusoidalEncoding', embedding_dim=4)))
