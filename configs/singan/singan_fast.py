_base_ = ['./singan_balloons.py']

model = dict(
    # with the released 128 channels, the ninth scale and finer ones cost 3.6 times as much
    generator=dict(max_channels=64),
    discriminator=dict(max_channels=64),
    # coarse scales decide the layout and cost little; fine scales cost most, and have the least left to learn, if those
    # whose networks become wider, from the fifth on, need not begin anew
    iters_per_scale=[400, 300, 150],
    lr_milestones=[0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
    lr_gamma=0.7,
    discriminator_steps=2,
    generator_steps=4,
    widen=True,
    losses=dict(reconstruction=dict(weight=20.0)),  # 10 leaves it 1.5 times as far off, and with 50 texture suffers
)
# a high learning rate that falls early stands in for many iterations, and beta2=0.999 remembers the first gradients for
# longer than a scale takes
optimizer = dict(lr=0.002, betas=(0.7, 0.99))
optim_wrapper = dict(generator=dict(optimizer=optimizer), discriminator=dict(optimizer=optimizer))
