"""Networks, their parts and their training rules.

A new family is a new package here.
"""

from mmpe.discovery import import_modules

import_modules(__name__)
