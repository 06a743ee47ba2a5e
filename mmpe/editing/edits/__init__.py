"""The edits, one per module: a function of a trained SinGAN, and the task of ``mmpe edit`` that calls it.

A new module here is a new task; nothing else has to know of it.
"""

from mmpe.discovery import import_modules

import_modules(__name__)
