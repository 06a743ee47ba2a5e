"""Everything about reading released artefacts: old type names, old arguments, old checkpoints."""

from . import datasets, encodings, mspie, singan, stylegan2

__all__ = ['datasets', 'encodings', 'mspie', 'singan', 'stylegan2']
