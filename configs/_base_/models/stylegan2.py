"""StyleGAN2 as in config a: a learned constant, transposed convolutions, zero padding, one size."""

model = dict(
    type='StyleGAN2Model',
    generator=dict(
        type='StyleGenerator',
        out_size=256,
        encoding=dict(type='LearnableGrid', channels=512, size=4),
        upsampling=dict(type='TransposedConvBlur'),
        padding='zero',
    ),
    discriminator=dict(type='StyleDiscriminator', in_size=256),
    losses=dict(r1=dict(weight=10.0, interval=16), path_length=dict(weight=2.0, interval=4)),
    mixing_probability=0.9,
    ema=dict(half_life=10_000),
)
