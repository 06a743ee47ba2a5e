"""A picture that comes with scikit-image, at 64 pixels."""

_base_ = ['./balloons.py']

train_dataloader = dict(dataset=dict(data_root='skimage://rocket', max_size=64))
