"""Drawn faces at 64 pixels: aligned pictures without a download."""

_base_ = ['./evaluation.py']

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='ResumableSampler'),
    dataset=dict(type='DrawnFaces', num=2000, size=64, flip=True),
)

test_dataloader = dict(batch_size=8, dataset=dict(num=500, sizes=[32, 48, 64, 40, (32, 64)]))
test_evaluator = [dict(type='SlicedWasserstein', num=500), dict(type='MultiScaleSimilarity', pairs=250)]
