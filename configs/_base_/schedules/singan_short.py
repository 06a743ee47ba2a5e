"""The same, with a log and checkpoints for a run of a minute."""

_base_ = ['./singan.py']

default_hooks = dict(logger=dict(interval=50), checkpoint=dict(interval=250))
