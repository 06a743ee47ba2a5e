"""A page of results, to look at in a browser."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from mmpe.files import write_atomic
from mmpe.names import printable

from .pictures import maker

_PAGE = Template("""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>$title</title><meta name="generator" content="$maker"><style>
body { font: 15px/1.5 system-ui, sans-serif; color: #222; max-width: 90em; margin: 2em auto; padding: 0 1em }
h1 { font-size: 1.5em } h2 { font-size: 1.15em; margin: 2.2em 0 .4em }
.figures { display: flex; flex-wrap: wrap; gap: .7em }
figure { margin: 0 } figcaption { font-size: 13px; color: #666 }
figure img { display: block; min-width: 128px; max-width: 320px; image-rendering: pixelated }
table { border-collapse: collapse; font-size: 13px; display: block; overflow-x: auto; margin-top: .5em }
th, td { padding: .2em .7em; border-bottom: 1px solid #ddd; text-align: right }
.failures { background: #fdf0ec; border-left: 5px solid #d55e00; padding: .8em 1em }
</style></head><body><h1>$title</h1>
<p>$summary $links</p>
$failures
$entries
</body></html>
""")


@dataclass
class Entry:
    """What a page shows of one thing; all paths are relative to the page's folder, or anywhere if absolute.

    Attributes:
        title (str): Its heading.
        figures (dict[str, str]): Paths of pictures, by caption.
        facts (dict[str, str]): A table of one row, by heading.
        links (dict[str, str]): Paths, by text.
    """

    title: str
    figures: dict[str, str] = field(default_factory=dict)
    facts: dict[str, str] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)

    def to_html(self) -> str:
        """A section of the page."""
        figures = ''.join(
            f'<figure><a href="{_link(path)}"><img alt="{_text(caption)}" src="{_link(path)}" loading="lazy"></a>'
            f'<figcaption>{_text(caption)}</figcaption></figure>'
            for caption, path in self.figures.items()
        )
        heads = ''.join(f'<th>{_text(head)}</th>' for head in self.facts)
        cells = ''.join(f'<td>{_text(cell)}</td>' for cell in self.facts.values())
        table = f'<table><tr>{heads}</tr><tr>{cells}</tr></table>' if self.facts else ''
        head = f'<h2 id="{_link(self.title)}">{_text(self.title)}</h2>'
        return f'<section>{head}<div class="figures">{figures}</div>{table}<p>{_links(self.links)}</p></section>'


def write_page(
    path: str | Path,
    title: str,
    summary: str,
    entries: Sequence[Entry],
    failures: Mapping[str, str] | None = None,
    links: Mapping[str, str] | None = None,
) -> None:
    """Write one HTML file that needs nothing but the pictures that it names.

    Args:
        path (str | Path): The file; its folder is made.
        title (str): Its heading.
        summary (str): A line below it.
        entries (Sequence[Entry]): In this order.
        failures (Mapping[str, str] | None): What has failed and why; listed first.
        links (Mapping[str, str] | None): Paths, by text, after the summary.
    """
    items = ''.join(f'<li><b>{_text(name)}</b>: {_text(why)}</li>' for name, why in (failures or {}).items())
    page = _PAGE.substitute(
        title=_text(title),
        maker=escape(maker()),
        summary=_text(summary),
        links=_links(links or {}),
        failures=f'<div class="failures">failed:<ul>{items}</ul></div>' if items else '',
        entries='\n'.join(entry.to_html() for entry in entries),
    )
    write_atomic(path, page)


def _text(text: str) -> str:
    return escape(printable(text))


def _link(path: str) -> str:
    return quote(os.fsencode(path))  # the bytes of the name, whatever they are


def _links(links: Mapping[str, str]) -> str:
    return ', '.join(f'<a href="{_link(path)}">{_text(text)}</a>' for text, path in links.items())
