"""Random images are scored in tests; a data set says how many, at which sizes, and by what."""

test_cfg = dict()
test_dataloader = dict(
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SampleNumbers'),
)
