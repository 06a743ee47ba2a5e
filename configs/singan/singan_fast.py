_base_ = ['./singan_balloons.py']

model = dict(
    # coarse scales decide the layout and cost little; fine scales cost most, and have the least left to learn, if those
    # whose networks become wider need not begin anew
    iters_per_scale=[400, 300, 200, 100],
    lr_milestones=[0.8],
    widen=True,
    losses=dict(reconstruction=dict(weight=20.0)),  # 10 leaves it 1.5 times as far off, and with 50 texture suffers
)
betas = (0.5, 0.99)  # 0.999 remembers the first gradients for longer than a scale takes
optim_wrapper = dict(
    generator=dict(optimizer=dict(betas=betas)),
    discriminator=dict(optimizer=dict(betas=betas)),
)
