"""Progressive GAN up to 128 pixels, as released: one latent an image, zero padding; 600 000 images to fade in."""

model = dict(
    type='PGGANModel',
    generator=dict(
        type='GrowingGenerator',
        out_size=128,
        latent_channels=512,
        head=dict(type='DenseHead'),
        padding='zero',
    ),
    discriminator=dict(type='GrowingDiscriminator', in_size=128),
    kimgs_per_scale={'4': 600, '8': 1200, '16': 1200, '32': 1200, '64': 1200, '128': 12_000},
    transition_kimgs=600,
    lr_factors={'128': 1.5},
    ema=dict(half_life=110_000),  # a momentum of .0002 an update, at 32 images
)
