"""Config f made small: drawn faces at 32, 48 and 64 pixels, a few minutes on two CPU cores."""

_base_ = [
    '../_base_/models/mspie_stylegan2_spe.py',
    '../_base_/datasets/drawn_faces.py',
    '../_base_/schedules/stylegan2.py',
]

model = dict(
    generator=dict(
        out_size=32, max_channels=64, style_channels=64, num_mapping_layers=4, encoding=dict(embedding_dim=32)
    ),
    discriminator=dict(in_size=32, max_channels=64),
    ema=dict(half_life=500, ramp_up=0.05),
)
train_cfg = dict(max_iters=600)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=200))
custom_hooks = [dict(type='SizesPictureHook', interval=200)]
