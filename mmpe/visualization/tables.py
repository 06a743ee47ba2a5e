"""Numbers as text."""

from __future__ import annotations

from collections.abc import Sequence


def markdown_table(rows: Sequence[Sequence[str]]) -> list[str]:
    r"""Lines of an aligned Markdown table: a header, then rows of a text and numbers.

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
