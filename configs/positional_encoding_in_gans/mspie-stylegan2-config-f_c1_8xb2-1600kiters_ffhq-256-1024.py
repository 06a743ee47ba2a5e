"""Config f at 256, 512 and 1024, with a generator of half the width and pictures two by two."""

_base_ = ['./mspie-stylegan2-config-f_c2_8xb3-1100kiters_ffhq-256-512.py']

model = dict(generator=dict(channel_multiplier=1), scales=dict(offsets=(0, 4, 12)))
train_dataloader = dict(batch_size=2, dataset=dict(size=1024))
train_cfg = dict(max_iters=1_600_000)

sizes = [256, 512, 1024, 768]
val_dataloader = dict(dataset=dict(sizes=sizes))
test_dataloader = dict(dataset=dict(sizes=sizes))
