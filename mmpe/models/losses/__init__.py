"""Losses, as functions."""

from .wgan_gp import critic_loss, generator_loss, gradient_penalty, mix

__all__ = ['critic_loss', 'generator_loss', 'gradient_penalty', 'mix']
