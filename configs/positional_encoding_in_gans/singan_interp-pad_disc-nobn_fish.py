_base_ = [
    '../_base_/models/singan_interp-pad_disc-nobn.py',
    '../_base_/datasets/fish.py',
    '../_base_/schedules/singan.py',
]
