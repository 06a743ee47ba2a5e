"""From tensors to pictures."""

from .pictures import (
    MADE_BY,
    made_by,
    maker,
    picture_bytes,
    save_picture,
    save_sheet,
    to_picture,
    write_picture,
)
from .tables import markdown_table

__all__ = [
    'MADE_BY',
    'made_by',
    'maker',
    'markdown_table',
    'picture_bytes',
    'save_picture',
    'save_sheet',
    'to_picture',
    'write_picture',
]
