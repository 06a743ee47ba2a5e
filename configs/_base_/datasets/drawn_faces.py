"""Drawn faces at 64 pixels: aligned pictures without a download."""

train_dataloader = dict(
    batch_size=8,
    num_workers=0,
    drop_last=True,
    sampler=dict(type='ResumableSampler'),
    dataset=dict(type='DrawnFaces', num=2000, size=64, flip=True),
)
