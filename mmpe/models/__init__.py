"""Networks, their parts and their training rules."""

from . import encodings, losses, padding, singan

__all__ = ['encodings', 'losses', 'padding', 'singan']
