"""One picture, up to 500 pixels."""

_base_ = ['./balloons.py']

train_dataloader = dict(dataset=dict(data_root='data/singan/bohemian.png', max_size=500))
