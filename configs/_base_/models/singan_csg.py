"""SinGAN with a Cartesian grid as released: zero padding stays, in every convolution."""

_base_ = ['./singan.py']

model = dict(
    generator=dict(
        encoding=dict(type='CartesianGrid'),
        border=dict(type='LayerBorder'),
        noise_channels=1,
    )
)
