"""Config g: f at half the width."""

_base_ = ['./mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py']

model = dict(generator=dict(channel_multiplier=1), discriminator=dict(channel_multiplier=1))
