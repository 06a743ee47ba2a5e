"""FFHQ, or any folder of aligned pictures, with mirror images; scored at all sizes of MS-PIE and at some never trained.

The folder is named once, as the training set's ``data_root``; metrics compare with the same pictures. FID, KID,
precision and recall need a feature network that you name:
``--cfg-options test_evaluator.0.network=inception-2015-12-05.pt``.
"""

_base_ = ['./evaluation.py']

train_dataloader = dict(
    batch_size=3,
    num_workers=4,
    drop_last=True,
    sampler=dict(type='ResumableSampler'),
    dataset=dict(type='PictureFolder', data_root='data/ffhq/images', size=512, flip=True),
)

sizes = [256, 384, 512, 320, (256, 384)]

val_dataloader = dict(batch_size=8, dataset=dict(num=4096, sizes=sizes))
val_evaluator = [dict(type='SlicedWasserstein', num=4096), dict(type='MultiScaleSimilarity')]

test_dataloader = dict(batch_size=8, dataset=dict(num=50_000, sizes=sizes))
test_evaluator = [
    dict(type='FeatureMetrics', network=None),
    dict(type='SlicedWasserstein', num=4096),
    dict(type='MultiScaleSimilarity'),
]
