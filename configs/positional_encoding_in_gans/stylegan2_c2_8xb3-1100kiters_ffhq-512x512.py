"""Config b: StyleGAN2 at 512, single-scale."""

_base_ = [
    '../_base_/models/stylegan2.py',
    '../_base_/datasets/ffhq.py',
    '../_base_/schedules/stylegan2.py',
]

model = dict(generator=dict(out_size=512), discriminator=dict(in_size=512))

sizes = [512]
val_dataloader = dict(dataset=dict(sizes=sizes))
test_dataloader = dict(dataset=dict(sizes=sizes))
