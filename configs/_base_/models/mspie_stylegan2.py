"""MS-PIE: one generator at three sizes, 256 to 512 (config c: a learned constant, resized)."""

_base_ = ['./stylegan2.py']

model = dict(
    generator=dict(upsampling=dict(type='ConvThenBilinear')),
    discriminator=dict(pool_size=2),
    scales=dict(offsets=(0, 2, 4), probabilities=(0.5, 0.25, 0.25)),
)
