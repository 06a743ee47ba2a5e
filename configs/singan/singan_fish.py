_base_ = [
    '../_base_/models/singan.py',
    '../_base_/datasets/fish.py',
    '../_base_/schedules/singan.py',
]
