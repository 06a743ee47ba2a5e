"""The results of many pictures: a page, and sheets of all pictures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

from torch import Tensor

from mmpe.datasets import read_picture, resize
from mmpe.names import printable
from mmpe.numbers import size_text
from mmpe.visualization import save_sheet
from mmpe.visualization.page import Entry, write_page

from .one_picture import RESULT, SAMPLES_SHOWN, read_result
from .subprocesses import OUTPUT, read_failure

PATTERN = r'index\.html|contact_sheet(_\d+)?\.png'
_FIGURES = ('original', 'reconstruction', *(f'sample_{i}' for i in range(SAMPLES_SHOWN)))
_CELL = 160  # pixels
_CAPTION = 20  # letters, about as wide
_ON_A_SHEET = 100  # pictures; many more make a file that few programs open


def index_files(num: int) -> list[str]:
    """The names of the files that :func:`write_index` writes for a number of pictures.

    >>> index_files(150)
    ['index.html', 'contact_sheet.png', 'contact_sheet_2.png']
    """
    sheets = range(1, math.ceil(num / _ON_A_SHEET) + 1)
    return ['index.html', *map(_sheet_name, sheets)]


def write_index(out: str | Path, names: Sequence[str], into: str | Path | None = None) -> Path:
    """Write ``index.html`` and ``contact_sheet.png``. More than 100 pictures need ``contact_sheet_2.png``, ... too.

    Args:
        out: The folder of the work dirs.
        names: The names of all pictures. Finished ones are shown, and the others are listed with the reason.
        into: The folder to write to, if the files are moved to ``out`` later. None: ``out``.

    Returns:
        The path of the page.
    """
    out = Path(out)
    records = {name: record for name in names if (record := read_result(out / name))}
    failures = {name: why for name in names if (why := read_failure(out / name))}
    left = [name for name in names if name not in records and name not in failures]
    summary = f'{len(set(records) - set(failures))} of {len(names)} pictures are trained.'
    if left:
        summary += f' Not finished: {", ".join(map(printable, left))}.'
    entries = [_entry(name, record) for name, record in records.items()]
    folder = Path(into or out)
    page = folder / 'index.html'
    write_page(page, out.resolve().name, summary, entries, failures, _write_sheets(out, list(records), folder))
    return page


def _entry(name: str, record: dict) -> Entry:
    facts = dict(size=size_text(record['size']), scales=str(record['scales']))
    facts['iterations per scale'] = str(record['iterations'])
    if record['seconds'] is not None:
        facts['training'] = str(timedelta(seconds=round(record['seconds'])))
    facts |= {score.replace('_', ' '): f'{value:.4f}' for score, value in record['scores'].items()}
    links = dict(checkpoint=f'{name}/{record["checkpoint"]}', log=f'{name}/{OUTPUT}')
    links |= {'work dir': f'{name}/', 'scale by scale': f'{name}/pictures/'}
    return Entry(name, {figure: f'{name}/{RESULT}/{figure}.png' for figure in _FIGURES}, facts, links)


def _sheet_name(number: int) -> str:
    return f'contact_sheet{"" if number == 1 else f"_{number}"}.png'


def _write_sheets(out: Path, names: Sequence[str], folder: Path) -> dict[str, str]:
    """Write sheets of all pictures with their results. Returns the paths of the sheets, by the texts of their links."""
    links = {}
    for number, first in enumerate(range(0, len(names), _ON_A_SHEET), start=1):
        part = names[first : first + _ON_A_SHEET]
        file = _sheet_name(number)
        cells = [_thumbnail(out / name / RESULT / f'{figure}.png') for name in part for figure in _FIGURES]
        captions = [text for name in part for text in (printable(name)[-_CAPTION:], *_FIGURES[1:])]
        side_by_side = max(1, round(math.sqrt(len(part) / len(_FIGURES))))
        save_sheet(cells, folder / file, captions, columns=side_by_side * len(_FIGURES))
        links[file] = file
    return links


def _thumbnail(path: Path) -> Tensor:
    picture = read_picture(str(path))
    height, width = picture.shape[-2:]
    ratio = min(1, _CELL / max(height, width))
    return resize(picture, (max(1, round(height * ratio)), max(1, round(width * ratio))))
