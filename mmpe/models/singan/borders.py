"""Earlier names of :mod:`mmpe.models.padding`'s parts, for Python configs that import them from here.

They are here and not in :mod:`mmpe.compat`, which nothing has imported yet when such a config is read.
"""

from ..padding import OversizedNoise as DrawnBorder
from ..padding import PadEachLayer as LayerBorder
from ..padding import PadInputOnce as HeadBorder

__all__ = ['DrawnBorder', 'HeadBorder', 'LayerBorder']
