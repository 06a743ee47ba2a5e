"""Everything about reading released artefacts: old type names, old arguments, old checkpoints."""

from . import datasets, encodings, singan

__all__ = ['datasets', 'encodings', 'singan']
