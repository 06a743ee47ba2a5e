"""Progressive GAN made small: drawn faces up to 32 pixels, a minute or two on two CPU cores."""

_base_ = [
    '../_base_/models/pggan.py',
    '../_base_/datasets/drawn_faces.py',
    '../_base_/schedules/pggan.py',
]

model = dict(
    generator=dict(out_size=32, latent_channels=64, base_channels=1024, max_channels=64),
    discriminator=dict(in_size=32, base_channels=1024, max_channels=64),
    kimgs_per_scale=dict(_delete_=True, **{'4': 1.6, '8': 3.2, '16': 3.2, '32': 4}),
    transition_kimgs=1.6,
    lr_factors=None,
    ema=dict(half_life=500),
)
train_dataloader = dict(
    batch_size=8,
    drop_last=False,  # the batch sampler's affair
    batch_sampler=dict(type='GrowingBatchSampler', batch_sizes={'4': 16, '8': 16, '16': 16}),
    dataset=dict(size=32),
)
test_dataloader = dict(dataset=dict(sizes=[32]))
train_cfg = dict(max_iters=1000)
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=250))
custom_hooks = [dict(type='SizesPictureHook', interval=250)]
