_base_ = [
    '../_base_/models/singan_csg.py',
    '../_base_/datasets/fish.py',
    '../_base_/schedules/singan.py',
]
