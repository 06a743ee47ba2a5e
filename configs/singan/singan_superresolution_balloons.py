_base_ = [
    '../_base_/models/singan_superresolution.py',
    '../_base_/datasets/balloons.py',
    '../_base_/schedules/singan.py',
]

train_dataloader = dict(dataset=dict(type='SuperResolutionDataset', scale_factor_init=0.5 ** (1 / 3)))
