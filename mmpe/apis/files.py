"""Files that are there whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, text: str) -> None:
    """Write a text so that whoever is stopped, or reads meanwhile, finds what was there before or all of it."""
    part = file.with_name(f'{file.name}.part')
    part.write_text(text)
    os.replace(part, file)
