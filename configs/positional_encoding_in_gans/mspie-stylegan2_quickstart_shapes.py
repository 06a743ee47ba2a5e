"""The sinusoidal quickstart with shapes for scales: faces drawn in pictures of 32x32, 32x64 and 64x32."""

_base_ = ['./mspie-stylegan2_quickstart_sinusoidal.py']

sizes = [32, (32, 64), (64, 32)]
model = dict(scales=dict(offsets=(0, (0, 16), (16, 0)), by_aspect=True))
train_dataloader = dict(
    drop_last=False,  # the batch sampler's affair
    batch_sampler=dict(type='BucketBatchSampler'),
    dataset=dict(size=None, sizes=sizes),
)
val_dataloader = dict(dataset=dict(sizes=sizes))
test_dataloader = dict(dataset=dict(sizes=sizes))

train_cfg = dict(max_iters=4800)  # as much computation as its base's 3900 iterations
default_hooks = dict(checkpoint=dict(interval=1600))
custom_hooks = [dict(type='SizesPictureHook', interval=1600)]
