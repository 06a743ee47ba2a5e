"""SinGAN as released: noise and image are zero padded once, at the head of each block."""

model = dict(
    type='SinGANModel',
    generator=dict(type='SinGANGenerator', padding=dict(type='PadInputOnce', mode='zero')),
    discriminator=dict(type='SinGANDiscriminator', norm_cfg=dict(type='BN')),
    iters_per_scale=2000,
    lr_milestones=(1600,),
    lr_gamma=0.1,
)
