_base_ = [
    '../_base_/models/singan_csg_nopad.py',
    '../_base_/datasets/bohemian.py',
    '../_base_/schedules/singan.py',
]
