"""Everything about reading released artefacts: old type names, old arguments, old checkpoints.

A module per family has its released types. Networks are functions, which translate released arguments and return mmpe's
own network. It has the released state dict, loads one of mmpe's own names as well, and keeps what it was built with as
``arguments``. Models are classes with mmpe's as their base.

All of them take every released argument. One that mmpe has no counterpart for may be given with its released default;
any other value raises :class:`~mmpe.errors.InputError`, and so does an argument that does not fit the others.
Arguments are given by name, as configs give them; the first ones of a network may also be given by place.

The released code reads pictures as BGR. mmpe is RGB throughout, and so is what these types learn here; a module
``<family>_checkpoints`` converts what they have learnt elsewhere.

What earlier versions of mmpe itself named otherwise is in :mod:`~mmpe.compat.earlier_versions`.
"""

from . import datasets, dcgan, earlier_versions, encodings, mspie, pggan, singan, stylegan2

__all__ = ['datasets', 'dcgan', 'earlier_versions', 'encodings', 'mspie', 'pggan', 'singan', 'stylegan2']

earlier_versions.connect()
