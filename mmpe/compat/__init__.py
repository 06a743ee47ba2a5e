"""Everything about reading released artefacts: old type names, old arguments, old checkpoints.

A module for each family has its released types. Networks are functions, which translate released arguments and return
mmpe's own network with the released state dict on it; one of mmpe's own names loads as well. Models are classes with
mmpe's as their base. An argument that mmpe has no counterpart for may be given with its released default; any other
value raises :class:`~mmpe.errors.InputError`.

The released code reads pictures as BGR. mmpe is RGB throughout, and so is what these types learn here; a module
``<family>_checkpoints`` converts what they have learnt elsewhere.

What earlier versions of mmpe itself named otherwise is in :mod:`~mmpe.compat.earlier_versions`.
"""

from . import datasets, dcgan, earlier_versions, encodings, mspie, pggan, singan, stylegan2

__all__ = ['datasets', 'dcgan', 'earlier_versions', 'encodings', 'mspie', 'pggan', 'singan', 'stylegan2']

earlier_versions.connect()
