"""From tensors to pictures."""

from .pictures import save_picture, save_sheet, to_picture, write_picture
from .tables import markdown_table

__all__ = ['markdown_table', 'save_picture', 'save_sheet', 'to_picture', 'write_picture']
