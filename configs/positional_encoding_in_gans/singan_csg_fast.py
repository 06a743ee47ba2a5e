_base_ = ['./singan-csg_fish.py']

# see ../singan/singan_fast.py
model = dict(iters_per_scale=[400, 300, 200, 100], lr_milestones=[0.8], widen=True)
