_base_ = ['./singan_balloons.py']

# coarse scales decide the layout and cost little; fine scales cost most, and have the least left to learn, if those whose
# networks become wider need not begin anew
model = dict(iters_per_scale=[400, 300, 200, 100], lr_milestones=[0.8], widen=True)
