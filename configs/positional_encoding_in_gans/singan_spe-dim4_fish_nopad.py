_base_ = [
    '../_base_/models/singan_spe_nopad.py',
    '../_base_/datasets/fish.py',
    '../_base_/schedules/singan.py',
]
