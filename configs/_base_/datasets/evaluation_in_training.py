"""Random images are scored while a model is trained, too."""

_base_ = ['./evaluation.py']

val_cfg = dict()
val_dataloader = _base_.test_dataloader
