"""Config a: StyleGAN2 at 256, single-scale."""

_base_ = [
    '../_base_/models/stylegan2.py',
    '../_base_/datasets/ffhq.py',
    '../_base_/schedules/stylegan2.py',
]

train_dataloader = dict(dataset=dict(size=256))

sizes = [256]
val_dataloader = dict(dataset=dict(sizes=sizes))
test_dataloader = dict(dataset=dict(sizes=sizes))
