_base_ = [
    '../_base_/models/singan_spe.py',
    '../_base_/datasets/bohemian.py',
    '../_base_/schedules/singan.py',
]
