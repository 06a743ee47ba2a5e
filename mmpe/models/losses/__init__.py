"""Losses, as functions."""

from .colour import colour_pull, colours
from .wgan_gp import gradient_penalty, mix

__all__ = ['colour_pull', 'colours', 'gradient_penalty', 'mix']
