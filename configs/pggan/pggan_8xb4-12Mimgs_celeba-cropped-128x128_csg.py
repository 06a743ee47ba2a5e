"""The earlier name of pggan_8xb4-12Mimgs_celeba-cropped-128x128_csg_nopad.py."""

_base_ = ['./pggan_8xb4-12Mimgs_celeba-cropped-128x128_csg_nopad.py']
