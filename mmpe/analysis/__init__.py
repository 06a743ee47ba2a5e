"""What a generator knows about position: instruments for any ``nn.Module``.

Every instrument takes a module and a function that draws its inputs. ``sample_input(num, rng)`` draws the inputs of
``num`` images with ``rng``, a ``torch.Generator`` on the CPU. It returns a tuple of the module's arguments, or its only
argument. An instrument returns a dataclass of numbers: ``table()`` lists them, and ``figure()`` draws them. The module
runs in eval mode and is left unchanged. Layers are called by their names in ``named_modules()``, and the module itself
is called ``output``.
"""

from .ablation import BorderAblation, border_ablation
from .audit_page import Audit, audit
from .bias import SpatialBias, spatial_bias
from .inputs import AnalysisInputs, analysis_inputs
from .layers import draw_features, find_layers
from .padding import swapped, unpadded
from .position import PositionProbe, position_probe
from .stationary import Stationarity, stationarity
from .subject import Subject
from .translation import Equivariance, equivariance
from .translation_by_padding import EquivarianceByPadding, equivariance_by_padding

__all__ = [
    'AnalysisInputs',
    'Audit',
    'BorderAblation',
    'Equivariance',
    'EquivarianceByPadding',
    'PositionProbe',
    'SpatialBias',
    'Stationarity',
    'Subject',
    'audit',
    'border_ablation',
    'draw_features',
    'equivariance',
    'equivariance_by_padding',
    'analysis_inputs',
    'find_layers',
    'position_probe',
    'spatial_bias',
    'stationarity',
    'swapped',
    'unpadded',
]
