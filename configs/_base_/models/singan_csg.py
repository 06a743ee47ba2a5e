"""SinGAN with a Cartesian grid as released: zero padding stays, in every convolution."""

_base_ = ['./singan.py']

model = dict(
    generator=dict(
        encoding=dict(type='CartesianGrid'),
        padding=dict(type='PadEachLayer'),
        noise_channels=1,
    )
)
