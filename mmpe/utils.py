"""What OpenMMLab's packages have under this name, and MMEngine's hub calls."""

from __future__ import annotations

from mmengine.registry import DefaultScope, Registry
from mmengine.registry import init_default_scope as enter_scope

from mmpe import registry

__all__ = ['register_all_modules']


def register_all_modules(init_default_scope: bool = True) -> None:
    """Register all of mmpe's modules now, not at the first look-up, and make released weights known to MMEngine's hub.

    Args:
        init_default_scope: Whether ``mmpe`` becomes the scope in which types are looked up first.

    >>> register_all_modules(init_default_scope=False)
    >>> registry.MODELS.get('MSStyleGANv2Generator').__module__
    'mmpe.compat.stylegan2'
    """
    from mmpe.compat import hub  # it imports models, which configs alone do not need

    for kind in vars(registry).values():
        if isinstance(kind, Registry):
            kind.import_from_location()
    hub.connect()
    if init_default_scope:
        _enter_scope()


def _enter_scope() -> None:
    current = DefaultScope.get_current_instance()
    if current is None or current.scope_name != 'mmpe':  # the hub is in it already, and leaves it afterwards
        enter_scope('mmpe')
