"""Config f as the paper describes it: the grid's center is at position 100, so the space extends on all sides."""

_base_ = ['./mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py']

model = dict(generator=dict(encoding=dict(center=100)))
