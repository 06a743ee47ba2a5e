"""Everything about reading released artefacts: old type names, old arguments, old checkpoints."""

from . import encodings

__all__ = ['encodings']
