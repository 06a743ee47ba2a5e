"""Networks, their parts and their training rules."""

from . import dcgan, encodings, layers, losses, padding, pggan, singan, stylegan2

__all__ = ['dcgan', 'encodings', 'layers', 'losses', 'padding', 'pggan', 'singan', 'stylegan2']
