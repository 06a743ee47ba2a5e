"""Options that several commands share: what they are called, what they read, and what help says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from mmpe.arguments import Seed

Checkpoint = Annotated[str, Parameter(help='written by mmpe train or mmpe convert')]
Device = Annotated[str, Parameter(help='such as cuda')]
Folder = Annotated[Path, Parameter(metavar='DIR')]
Overwrite = Annotated[
    bool,
    Parameter(help='also replace files that this tool did not write; its own earlier results are replaced anyway'),
]
ImageSeed = Annotated[Seed, Parameter(help='the same seed gives the same images')]
