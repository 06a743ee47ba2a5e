"""One picture, up to 300 pixels."""

_base_ = ['./balloons.py']

train_dataloader = dict(dataset=dict(data_root='data/singan/fish-crop.jpg', max_size=300))
