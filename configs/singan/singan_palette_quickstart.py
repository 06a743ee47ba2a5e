_base_ = [
    '../_base_/models/singan_palette.py',
    '../_base_/datasets/rocket.py',
    '../_base_/schedules/singan_short.py',
]

model = dict(iters_per_scale=250, lr_milestones=(200,))
