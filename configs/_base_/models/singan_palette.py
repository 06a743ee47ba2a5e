"""SinGAN for paintings: scale 1 sees the image below it in five colors, as a crude painting would be."""

_base_ = ['./singan.py']

model = dict(
    generator=dict(type='SinGANPaletteGenerator', palette=dict(type='Palette', num_colors=5, scale=1)),
)
