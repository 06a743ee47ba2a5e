"""Networks, their parts and their training rules. A new module, or the folder of a new family, is found by itself."""

from mmpe.discovery import import_modules

import_modules(__name__)
