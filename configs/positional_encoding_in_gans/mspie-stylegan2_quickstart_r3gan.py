"""The sinusoidal quickstart with R3GAN's losses: real and generated images are compared in pairs, R1 is joined by R2.

From "The GAN is dead; long live the GAN! A Modern Baseline GAN" (Huang et al., NeurIPS 2024).
"""

_base_ = ['./mspie-stylegan2_quickstart_sinusoidal.py']

penalty = dict(weight=1.0, interval=4)  # the paper's interval is 1, at twice the time per iteration
model = dict(
    losses=dict(
        adversarial=dict(type='RelativisticLoss'),
        r1=penalty,
        r2=dict(type='R2Penalty', **penalty),
    ),
)
