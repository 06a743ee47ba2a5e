"""Earlier names of :mod:`mmpe.models.padding`'s parts, for Python configs that import them from here."""

from ..padding import OversizedNoise as DrawnBorder
from ..padding import PadEachLayer as LayerBorder
from ..padding import PadInputOnce as HeadBorder

__all__ = ['DrawnBorder', 'HeadBorder', 'LayerBorder']
