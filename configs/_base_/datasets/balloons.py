"""One picture; scales, widths and iterations follow from it, ``min_size``, ``max_size`` and the factor."""

_base_ = ['./evaluation.py']

train_dataloader = dict(
    batch_size=1,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(
        type='SinGANDataset',
        data_root='data/singan/balloons.png',
        min_size=25,
        max_size=250,
        scale_factor_init=0.75,
    ),
)

val_evaluator = test_evaluator = dict(type='SinglePictureScores')
