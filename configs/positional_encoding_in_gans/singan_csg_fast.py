_base_ = ['../singan/singan_fast.py']

# the model and the picture of ./singan-csg_fish.py
model = dict(
    generator=dict(
        encoding=dict(type='CartesianGrid'),
        encoding_weight=2.0,  # a short schedule leaves more of the layout to chance: with 1, cups and faces are torn
        padding=dict(type='PadEachLayer'),
        noise_channels=1,
    )
)
train_dataloader = dict(dataset=dict(data_root='data/singan/fish-crop.jpg', max_size=300))
