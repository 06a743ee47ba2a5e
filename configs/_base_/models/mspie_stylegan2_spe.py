"""MS-PIE with a sinusoidal encoding that extends with the size (config f): positions count from the top left."""

_base_ = ['./mspie_stylegan2.py']

model = dict(generator=dict(encoding=dict(_delete_=True, type='SinusoidalEncoding', embedding_dim=256)))
