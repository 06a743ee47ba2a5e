"""The quickstart with shapes for scales: drawn faces at 32x32, 32x64 and 64x32, each in a picture of that shape."""

_base_ = ['./mspie-stylegan2_quickstart.py']

sizes = [32, (32, 64), (64, 32)]
model = dict(scales=dict(offsets=(0, (0, 16), (16, 0)), by_aspect=True))
train_dataloader = dict(
    drop_last=False,  # the batch sampler's affair
    batch_sampler=dict(type='BucketBatchSampler'),
    dataset=dict(size=None, sizes=sizes),
)
val_dataloader = dict(dataset=dict(sizes=sizes))
test_dataloader = dict(dataset=dict(sizes=sizes))

train_cfg = dict(max_iters=4800)  # as much computation as the quickstart's 3900 iterations
default_hooks = dict(checkpoint=dict(interval=1600))
custom_hooks = [dict(type='SizesPictureHook', interval=1600)]
