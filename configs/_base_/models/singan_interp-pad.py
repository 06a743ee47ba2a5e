"""SinGAN without zero padding: noise is drawn larger, images are enlarged bicubically, convolutions are valid."""

_base_ = ['./singan.py']

model = dict(
    generator=dict(
        padding=dict(_delete_=True, type='OversizedNoise'),
        noise_channels=1,
    )
)
