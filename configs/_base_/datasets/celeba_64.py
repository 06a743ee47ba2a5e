"""CelebA's cropped pictures, or any folder, at 64 pixels.

The folder is named once, as the training set's ``data_root``; metrics compare with the same pictures.
"""

train_dataloader = dict(
    batch_size=128,
    num_workers=4,
    drop_last=True,
    sampler=dict(type='ResumableSampler'),
    dataset=dict(type='PictureFolder', data_root='data/celeba-cropped/cropped_images_aligned_png', size=64),
)

val_cfg = dict()
val_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SampleNumbers', num=16_384, sizes=[64]),
)
val_evaluator = [dict(type='SlicedWasserstein', num=16_384), dict(type='MultiScaleSimilarity', pairs=5000)]

test_cfg = dict()
test_dataloader = dict(
    batch_size=64,
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SampleNumbers', num=16_384, sizes=[64]),
)
test_evaluator = [dict(type='SlicedWasserstein', num=16_384), dict(type='MultiScaleSimilarity', pairs=5000)]
