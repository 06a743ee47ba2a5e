_base_ = ['./singan-csg_fish.py']

# see ../singan/singan_fast.py
model = dict(
    iters_per_scale=[400, 300, 200, 100],
    lr_milestones=[0.8],
    widen=True,
    losses=dict(reconstruction=dict(weight=20.0)),
)
betas = (0.5, 0.99)
optim_wrapper = dict(
    generator=dict(optimizer=dict(betas=betas)),
    discriminator=dict(optimizer=dict(betas=betas)),
)
