"""Drawn faces at 64 pixels: aligned pictures without a download."""

_base_ = ['./evaluation.py']

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='ResumableSampler'),
    dataset=dict(type='DrawnFaces', num=2000, size=64, flip=True),
)

sizes = [32, 48, 64, 40, (32, 64)]

val_dataloader = dict(batch_size=8, dataset=dict(num=100, sizes=sizes))
val_evaluator = [dict(type='SlicedWasserstein', num=100), dict(type='MultiScaleSimilarity', pairs=50)]

test_dataloader = dict(batch_size=8, dataset=dict(num=500, sizes=sizes))
test_evaluator = [
    dict(type='SlicedWasserstein', num=500),
    dict(type='MultiScaleSimilarity', pairs=250),
    dict(type='FeatureMetrics', network=dict(type='FaceFeatures'), scores=('fid', 'precision_recall'), num_real=500),
    dict(
        type='AlignedDetails', windows=dict(eyes=(0.4, 0.56, 0.32, 0.68), mouth=(0.62, 0.76, 0.36, 0.64)), num_real=500
    ),
]
