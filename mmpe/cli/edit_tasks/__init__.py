"""The tasks of mmpe edit; each module adds those of one kind to the command line."""

from . import animation, applications, places, samples, superresolution, tile

TASKS = [
    animation.add_tasks,
    applications.add_tasks,
    places.add_tasks,
    samples.add_tasks,
    superresolution.add_tasks,
    tile.add_tasks,
]
