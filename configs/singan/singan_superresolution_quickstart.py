_base_ = [
    '../_base_/models/singan_superresolution.py',
    '../_base_/datasets/rocket.py',
    '../_base_/schedules/singan_short.py',
]

# few scales, trained long: the last one does all the work
model = dict(iters_per_scale=1000, lr_milestones=(800,))
train_dataloader = dict(
    dataset=dict(type='SuperResolutionDataset', scale_factor_init=0.5 ** (1 / 3), min_size=35),
)
