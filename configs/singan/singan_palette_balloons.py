_base_ = [
    '../_base_/models/singan_palette.py',
    '../_base_/datasets/balloons.py',
    '../_base_/schedules/singan.py',
]
