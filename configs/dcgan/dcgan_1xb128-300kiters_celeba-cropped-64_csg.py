"""The earlier name of dcgan_1xb128-300kiters_celeba-cropped-64_csg_nopad.py."""

_base_ = ['./dcgan_1xb128-300kiters_celeba-cropped-64_csg_nopad.py']
