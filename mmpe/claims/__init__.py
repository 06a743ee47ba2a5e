"""The paper's claims as experiments: each trains what it needs, measures it, and says whether the claim holds."""

from .claim import Check, Claim, Finding, Measure
from .listed import CLAIMS
from .runs import PROFILES, Profile

__all__ = ['CLAIMS', 'PROFILES', 'Check', 'Claim', 'Finding', 'Measure', 'Profile']
