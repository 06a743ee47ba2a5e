"""Tables of numbers, as text."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    r"""The lines of an aligned Markdown table.

    Args:
        rows: The header, and then the rows. The first cell of a row is a text, and the others are numbers.

    >>> print(*markdown_table([['file', 'dB'], ['a|b.png', '31.5']]), sep='\n')
    | file     |   dB |
    | -------- | ---: |
    | a\|b.png | 31.5 |
    """
    rows = [[cell.replace('|', r'\|') for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows)]
    rule = ['-' * widths[0], *('-' * (width - 1) + ':' for width in widths[1:])]
    header, *body = ([row[0].ljust(widths[0]), *map(str.rjust, row[1:], widths[1:])] for row in rows)
    return [f'| {" | ".join(cells)} |' for cells in (header, rule, *body)]
