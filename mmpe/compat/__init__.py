"""Everything about reading released artefacts: old type names, old arguments, old checkpoints."""

from . import datasets, dcgan, encodings, mspie, pggan, singan, stylegan2

__all__ = ['datasets', 'dcgan', 'encodings', 'mspie', 'pggan', 'singan', 'stylegan2']
