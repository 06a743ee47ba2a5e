"""CelebA's cropped pictures, or any folder, at 64 pixels.

The folder is named once, as the training set's ``data_root``; metrics compare with the same pictures.
"""

_base_ = ['./evaluation.py']

train_dataloader = dict(
    batch_size=128,
    num_workers=4,
    drop_last=True,
    sampler=dict(type='ResumableSampler'),
    dataset=dict(type='PictureFolder', data_root='data/celeba-cropped/cropped_images_aligned_png', size=64),
)

val_dataloader = test_dataloader = dict(batch_size=64, dataset=dict(num=16_384, sizes=[64]))
val_evaluator = test_evaluator = [
    dict(type='SlicedWasserstein', num=16_384),
    dict(type='MultiScaleSimilarity', pairs=5000),
]
