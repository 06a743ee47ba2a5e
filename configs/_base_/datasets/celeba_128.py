"""CelebA's cropped pictures, or any folder, at 128 pixels, mirrored too; larger images come in smaller batches.

The folder is named once, as the training set's ``data_root``; metrics compare with the same pictures.
"""

_base_ = ['./evaluation.py']

train_dataloader = dict(
    batch_size=4,
    num_workers=4,
    sampler=dict(type='ResumableSampler'),
    batch_sampler=dict(type='GrowingBatchSampler', batch_sizes={'4': 64, '8': 32, '16': 16, '32': 8}),
    dataset=dict(type='PictureFolder', data_root='data/celeba-cropped/cropped_images_aligned_png', size=128, flip=True),
)

val_dataloader = dict(batch_size=16, dataset=dict(num=4096, sizes=[128]))
val_evaluator = [dict(type='SlicedWasserstein', num=4096), dict(type='MultiScaleSimilarity')]

test_dataloader = dict(batch_size=16, dataset=dict(num=16_384, sizes=[128]))
test_evaluator = [dict(type='SlicedWasserstein', num=16_384), dict(type='MultiScaleSimilarity', pairs=5000)]
