"""Progressive GAN on CelebA-HQ, up to 1024 pixels."""

_base_ = ['./pggan_8xb4-12Mimgs_celeba-cropped-128x128.py']

model = dict(
    generator=dict(out_size=1024),
    discriminator=dict(in_size=1024),
    kimgs_per_scale={'128': 1200, '256': 1200, '512': 1200, '1024': 12_000},
    lr_factors={'256': 2, '512': 3, '1024': 3},
)
train_dataloader = dict(dataset=dict(data_root='data/celebahq/imgs_1024', size=1024))
val_dataloader = test_dataloader = dict(batch_size=1, dataset=dict(sizes=[1024]))
