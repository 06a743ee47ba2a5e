"""Networks, their parts and their training rules."""

from . import encodings, layers, losses, padding, singan, stylegan2

__all__ = ['encodings', 'layers', 'losses', 'padding', 'singan', 'stylegan2']
