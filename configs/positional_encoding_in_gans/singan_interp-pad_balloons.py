_base_ = [
    '../_base_/models/singan_interp-pad.py',
    '../_base_/datasets/balloons.py',
    '../_base_/schedules/singan.py',
]
