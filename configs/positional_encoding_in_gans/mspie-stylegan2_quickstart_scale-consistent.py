"""The quickstart trained to draw the same image at every scale, without zero padding to tell where the border is.

From "Arbitrary-Scale Image Synthesis" (Ntavelis et al., CVPR 2022), whose grid looks at the same places at every scale.
"""

_base_ = ['./mspie-stylegan2_quickstart_sinusoidal.py']

model = dict(
    generator=dict(
        encoding=dict(_delete_=True, type='ScaleConsistentGrid', pad=1),
        upsampling=dict(type='BilinearThenConv'),
        padding='none',
    ),
    losses=dict(scale_consistency=dict(type='ScaleConsistencyLoss')),
)
