"""Options that several commands share: what they are called, what they read, and what help says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter
from cyclopts.validators import mutually_exclusive

from mmpe.apis.cfg_options import read_option
from mmpe.arguments import Count, Seed, Text, whole

_ONE_OF = Group('Pictures', validator=mutually_exclusive)

Checkpoint = Annotated[str, Parameter(help='written by mmpe train or mmpe convert')]
ConfigFile = Annotated[str, Parameter(help='the config file')]
Device = Annotated[str, Parameter(help='such as cuda')]
Folder = Annotated[Path, Parameter(metavar='DIR')]
Jobs = Annotated[Count, Parameter(metavar='N')]
ImageSeed = Annotated[Seed, Parameter(help='the same seed gives the same images')]
Overwrite = Annotated[
    bool,
    Parameter(help='also replace files that this tool did not write; its own earlier results are replaced anyway'),
]

Picture = Annotated[str, Parameter(metavar='FILE', group=_ONE_OF)]
Pictures = Annotated[str, Parameter(metavar='DIR', group=_ONE_OF)]

Overrides = list[Annotated[tuple[str, Any], Text(read_option, 'KEY=VALUE')]]
Launcher = Annotated[Literal['none', 'pytorch', 'slurm', 'mpi'], Parameter(help='what starts the processes')]
LocalRank = Annotated[int, whole(0), Parameter(name=('--local_rank', '--local-rank'), help='set by the launcher')]
