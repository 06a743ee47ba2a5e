"""Config f at 256, 512 and 896."""

_base_ = ['./mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py']

model = dict(scales=dict(offsets=(0, 4, 10)))
train_dataloader = dict(dataset=dict(size=1024))

sizes = [256, 512, 896, 640]
val_dataloader = dict(dataset=dict(sizes=sizes))
test_dataloader = dict(dataset=dict(sizes=sizes))
