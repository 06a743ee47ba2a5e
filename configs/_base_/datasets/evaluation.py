"""Random images are scored, in training and in tests; a data set says how many, at which sizes, and by what."""

val_cfg = dict(type='ScoringValLoop')
test_cfg = dict(type='ScoringTestLoop')
val_dataloader = test_dataloader = dict(
    num_workers=0,
    sampler=dict(type='DefaultSampler', shuffle=False),
    dataset=dict(type='SampleNumbers'),
)
