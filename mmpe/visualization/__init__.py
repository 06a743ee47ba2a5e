"""From tensors to pictures."""

from .pictures import save_picture, save_sheet, to_picture

__all__ = ['save_picture', 'save_sheet', 'to_picture']
