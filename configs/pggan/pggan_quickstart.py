"""Progressive GAN made small: drawn faces up to 32 pixels, about three and a half minutes on one CPU core."""

_base_ = [
    '../_base_/models/pggan.py',
    '../_base_/datasets/drawn_faces.py',
    '../_base_/schedules/pggan.py',
]

model = dict(
    generator=dict(out_size=32, latent_channels=64, base_channels=512, max_channels=64),
    discriminator=dict(in_size=32, base_channels=512, max_channels=64),
    kimgs_per_scale=dict(_delete_=True, **{'4': 3.2, '8': 8, '16': 12, '32': 9.6}),
    transition_kimgs=3.2,
    lr_factors=None,
    ema=dict(half_life=500),
)
train_dataloader = dict(
    batch_size=8,
    drop_last=False,  # the batch sampler's affair
    batch_sampler=dict(type='GrowingBatchSampler', batch_sizes={'4': 16, '8': 16, '16': 16}),
    dataset=dict(size=32),
)
val_dataloader = test_dataloader = dict(dataset=dict(sizes=[32]))
train_cfg = dict(max_iters=2600)
optim_wrapper = dict(generator=dict(optimizer=dict(lr=0.003)), discriminator=dict(optimizer=dict(lr=0.003)))
default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=500))
custom_hooks = [dict(type='SizesPictureHook', interval=500)]
