"""Drawn faces with eyes and mouths at 32, 48 and 64 pixels, under seven minutes on two CPU cores."""

_base_ = ['./mspie-stylegan2_quickstart_sinusoidal.py']

# The finest wave of the sinusoidal encoding is as long as the eyes are apart: what is drawn in one place appears in the
# other, and no mouth between them. Products of cosines tell all places apart.
model = dict(generator=dict(encoding=dict(_delete_=True, type='CosineBasis', num_frequencies=12)))
