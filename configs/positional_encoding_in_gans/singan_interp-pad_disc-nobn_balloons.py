_base_ = [
    '../_base_/models/singan_interp-pad_disc-nobn.py',
    '../_base_/datasets/balloons.py',
    '../_base_/schedules/singan.py',
]
