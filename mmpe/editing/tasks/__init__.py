"""The tasks of tools/edit.py; each module adds those of one kind to the command line."""

from . import samples

TASKS = [samples.add_tasks]
