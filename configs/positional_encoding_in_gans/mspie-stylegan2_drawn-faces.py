"""The sinusoidal quickstart, larger: drawn faces at 64, 96 and 128 pixels, about two hours of one CPU core."""

_base_ = ['./mspie-stylegan2_quickstart_sinusoidal.py']

model = dict(
    generator=dict(out_size=64, max_channels=128, channel_multiplier=1 / 8, style_channels=128),
    discriminator=dict(in_size=64, channel_multiplier=1 / 16),
    ema=dict(half_life=5000),
)
optim_wrapper = dict(generator=dict(optimizer=dict(lr=0.004)), discriminator=dict(optimizer=dict(lr=0.0025)))
train_dataloader = dict(dataset=dict(num=20_000, size=128))

sizes = [64, 96, 128, 80, (64, 128)]
val_dataloader = dict(dataset=dict(sizes=sizes))
test_dataloader = dict(dataset=dict(sizes=sizes))

train_cfg = dict(max_iters=20_000, val_interval=5000)
default_hooks = dict(checkpoint=dict(interval=2000))
custom_hooks = [dict(type='SizesPictureHook', interval=2000)]
