"""From tensors to pictures."""

from .pictures import picture_bytes, save_picture, save_sheet, to_picture
from .tables import markdown_table

__all__ = ['markdown_table', 'picture_bytes', 'save_picture', 'save_sheet', 'to_picture']
