"""MS-PIE without zero padding (config h): enlarged by interpolation, convolutions are valid."""

_base_ = ['./mspie_stylegan2.py']

model = dict(
    generator=dict(encoding=dict(size=6), upsampling=dict(type='BilinearThenConv'), padding='none'),
)
