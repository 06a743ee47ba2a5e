"""DCGAN at 64 pixels, as released: one latent an image, zero padding, leaky ReLU of slope 0.01."""

model = dict(
    type='DCGANModel',
    generator=dict(
        type='ConvGenerator',
        out_size=64,
        latent_channels=100,
        channels=1024,
        head=dict(type='DenseHead'),
        padding='zero',
    ),
    discriminator=dict(type='ConvDiscriminator', in_size=64, channels=128, slope=0.01),
)
