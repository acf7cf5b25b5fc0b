"""Whether one contributor makes up so much of a sum that the sum tells of it: the (n, k) and the p % rule."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from evalkit.vocabulary import FloatArray


class Limits(Protocol):
    """Thresholds of both rules."""

    @property
    def largest(self) -> int:
        """How many of the largest are added up: n."""

    @property
    def share(self) -> float:
        """Share of the whole that they may make up: k / 100."""

    @property
    def closeness(self) -> float:
        """How closely the second largest must not know the largest, as a share of it: p / 100."""


def dominated(contributions: FloatArray, limits: Limits) -> bool:
    r"""Whether a sum may not be shown because of its largest contributors.

    With contributions :math:`x_1 \ge x_2 \ge \dots` in absolute value and their sum :math:`X`, the (n, k) rule
    withholds where :math:`x_1 + \dots + x_n > k X / 100`; the p % rule where :math:`X - x_1 - x_2 < p x_1 / 100`: the
    second largest, who knows their own, would come that close to the largest. Hundepool et al. (2012), "Statistical
    Disclosure Control", sections 4.2.1 and 4.2.2.

    Parameters
    ----------
    contributions
        (m,) what each person or firm adds; missing ones add nothing.
    limits
        ``largest``, ``share`` and ``closeness``.

    Examples
    --------
    >>> from evalkit.evidence.standard import shipped
    >>> limits = shipped().disclosure.dominance
    >>> dominated(np.array([900.0, 50.0, 30.0, 20.0]), limits), dominated(np.full(40, 25.0), limits)
    (True, False)
    """
    sizes = np.sort(np.abs(contributions[np.isfinite(contributions)]))[::-1]
    whole = float(sizes.sum())
    if whole == 0.0:
        return False
    if float(sizes[: limits.largest].sum()) > limits.share * whole:
        return True
    return whole - float(sizes[:2].sum()) < limits.closeness * float(sizes[0])
