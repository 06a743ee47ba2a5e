"""From tensors to pictures, tables and pages."""

from .marks import MADE_BY, made_by, maker
from .saving import encode_picture, picture_bytes, save_picture, to_picture, write_picture
from .sheets import save_sheet
from .tables import markdown_table

__all__ = [
    'MADE_BY',
    'encode_picture',
    'made_by',
    'maker',
    'markdown_table',
    'picture_bytes',
    'save_picture',
    'save_sheet',
    'to_picture',
    'write_picture',
]
