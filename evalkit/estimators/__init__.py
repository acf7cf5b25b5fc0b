"""The estimators, one file each. The package itself is callable: ``ek.estimators()`` lists them by name.

A submodule and a function of one name cannot both be attributes of ``evalkit``, and both names are
part of the public contract; so the package answers the call (see docs/decisions/001).
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

from evalkit.estimators import registry

if TYPE_CHECKING:
    from evalkit.estimators.base import Estimator


class _CallablePackage(ModuleType):
    def __call__(self) -> dict[str, type[Estimator]]:
        return registry.estimators()


sys.modules[__name__].__class__ = _CallablePackage
