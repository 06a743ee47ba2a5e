"""Config e made small: drawn faces at 32, 48 and 64 pixels, five minutes on two CPU cores."""

_base_ = [
    '../_base_/models/mspie_stylegan2.py',
    '../_base_/datasets/drawn_faces.py',
    '../_base_/schedules/stylegan2.py',
]

spe = dict(type='SinusoidalEncoding', embedding_dim=32)
model = dict(
    generator=dict(
        out_size=32,
        max_channels=64,
        style_channels=64,
        num_mapping_layers=4,
        encoding=dict(_delete_=True, type='ResizedEncoding', encoding=spe, size=4),
    ),
    # few iterations: what is where has to be learnt fast, and 2x2 cells tell the discriminator little about it
    discriminator=dict(in_size=32, max_channels=64, pool_size=4),
    losses=dict(r1=dict(weight=1.0), path_length=dict(weight=0)),  # R1's 10 is for 256 pixels
    ema=dict(half_life=500, ramp_up=0.05),
)
train_cfg = dict(max_iters=2400)
default_hooks = dict(checkpoint=dict(interval=800))
custom_hooks = [dict(type='SizesPictureHook', interval=800)]
