_base_ = [
    '../_base_/models/singan.py',
    '../_base_/datasets/balloons.py',
    '../_base_/schedules/singan.py',
]
