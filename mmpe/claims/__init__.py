"""The paper's claims as experiments: each trains what it needs, measures it, and says whether the claim holds."""

from mmpe.discovery import import_modules

from .claim import Check, Claim, Finding, Measure, claim, registered_claims
from .runs import PROFILES, Profile, Run, add_run

import_modules(f'{__name__}.experiments')
CLAIMS = registered_claims()

__all__ = ['CLAIMS', 'PROFILES', 'Check', 'Claim', 'Finding', 'Measure', 'Profile', 'Run', 'add_run', 'claim']
