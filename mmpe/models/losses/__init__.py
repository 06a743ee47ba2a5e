"""Losses, as functions."""

from .wgan_gp import gradient_penalty, mix

__all__ = ['gradient_penalty', 'mix']
