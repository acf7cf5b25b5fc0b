"""Two-way fixed effects by regressions with every dummy written out, and each of their errors."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tests.oracle import two_way_errors as matrices
from tests.oracle.panels import NEVER, Small
from tests.oracle.plain import Array, NotIdentified, dummies, fit, independent, overall, rank

EARTH = 6_371.0088


class Regressed:
    """One regression: rows, kept terms and the maps that errors need."""

    def __init__(self, world: Small, rows: Array, terms: list[Array], weight: Array) -> None:
        rows = rows & (rows.sum(axis=1) > 1)[:, None]  # one row of a unit goes into its own level
        unit, period = np.nonzero(rows)
        if not len(unit):
            raise NotIdentified("no unit has two rows")
        self.unit, self.period = unit, period
        columns = [term[unit, period] for term in terms] + [values[unit, period] for values in _covariates(world)]
        effects = [*dummies(unit), *dummies(period)]
        kept = independent(columns, effects)
        self.kept = [place for place in kept if place < len(terms)]
        self.k = len(kept)
        self.n_periods = len(np.unique(period))
        self.n_units = len(np.unique(unit))
        w = weight[unit, period]
        design = np.column_stack([*(columns[place] for place in kept), *effects])
        found = fit(design, world.y[unit, period], w)
        self.effect = found.beta[: len(self.kept)]
        self.bread = found.bread[: self.k, : self.k]
        self.psi = found.influence(np.eye(design.shape[1])[:, : len(self.kept)])
        self.rank = found.rank
        root = np.sqrt(w)[:, None]
        inner = design[:, : self.k] * root
        others = design[:, self.k :] * root
        maker = np.eye(len(w)) - others @ np.linalg.pinv(others)
        self.squares = float(w @ found.residual**2)
        self.written = matrices.Regression(
            maker @ inner, np.hstack([maker @ inner, others]), root[:, 0] * found.residual, found.beta[: self.k]
        )

    def __len__(self) -> int:
        return len(self.unit)


def _covariates(world: Small) -> list[Array]:
    return [world.x[:, :, p] for p in range(world.x.shape[2])]


def figures(world: Small, *, errors: str = "clustered", anticipation: int = 0, **more: float | str) -> dict[str, float]:
    """Static coefficient and event study with their errors."""
    usable = world.weights > 0.0
    usable &= (usable.sum(axis=1) >= 2)[:, None]
    t = np.arange(world.periods)
    start = np.where(world.first >= world.periods, NEVER, np.maximum(world.first, 0))
    since = np.where(start[:, None] == NEVER, -10_000, t - start[:, None])
    waiting = (since < 0) & (since >= -anticipation)
    if not usable.any():
        raise NotIdentified("no rows")
    static = Regressed(world, usable & ~waiting, [(since >= 0).astype(float)], world.weights)
    if not static.kept:
        raise NotIdentified("treatment does not vary")
    inside = usable & (start > 0)[:, None]
    times = sorted(set(since[inside & (start != NEVER)[:, None]].tolist()))
    if -1 - anticipation not in times:
        raise NotIdentified("no reference")
    times.remove(-1 - anticipation)
    if not (start == NEVER)[usable.any(axis=1)].any():
        if not times or min(times) >= -1 - anticipation:
            raise NotIdentified("one period before")
        times.remove(min(times))
    dynamic = Regressed(world, inside, [(since == e).astype(float) for e in times], world.weights)
    codes = world.codes
    if errors not in ("unadjusted", "conley"):
        for made in (static, dynamic):
            if len(np.unique(codes[made.unit])) < 2:
                raise NotIdentified("one cluster")
    return _with_errors(world, static, dynamic, times, errors, more, codes[usable.any(axis=1)])


def _with_errors(
    world: Small, static: Regressed, dynamic: Regressed, times: list[int], errors: str, more: dict[str, float | str],
    used: Array,
) -> dict[str, float]:  # fmt: skip
    codes = world.codes
    n_clusters = len(np.unique(used))
    covariances: list[Array] = []
    degrees: list[Array] = []
    reported = [list(range(len(made.kept))) for made in (static, dynamic)]
    df: float | None = None
    if errors == "unadjusted":
        left = len(static) - (static.n_units + static.n_periods - 1) - static.k
        df = float(max(left, 1))
        for made in (static, dynamic):
            rest = max(len(made) - (made.n_units + made.n_periods - 1) - made.k, 1)
            covariances.append(made.bread * made.squares / rest)
    elif errors in ("cr2", "cr3"):
        for which, made in enumerate((static, dynamic)):
            reported[which] = [k for k in reported[which] if not _on_one_cluster(made, codes, k)]
            power = -0.5 if errors == "cr2" else -1.0
            found, own_degrees = matrices.bias_reduced(made.written, codes[made.unit], power)
            count = len(np.unique(codes[made.unit]))
            covariances.append(found * ((count - 1) / count if errors == "cr3" else 1.0))
            degrees.append(own_degrees)
        if not reported[0]:
            raise NotIdentified("rests on one cluster")
        df = float(degrees[0][0])
    elif errors == "clustered":
        for made in (static, dynamic):
            own = codes[made.unit]
            count, n = len(np.unique(own)), len(made)
            psi = np.array([made.psi[own == c].sum(axis=0) for c in np.unique(own)])
            factor = count / (count - 1) * (n - 1) / max(n - made.k - made.n_periods, 1)
            covariances.append(factor * psi.T @ psi)
        df = float(n_clusters - 1)
    elif errors == "two_way":
        periods = min(static.n_periods, dynamic.n_periods)
        smaller = min(n_clusters, periods)
        df = float(smaller - 1)
        covariances = _repaired(static, dynamic, lambda a, b: _both_ways(a, b, codes), 1, smaller / (smaller - 1))
    else:
        near = _nearness(world, float(more["distance_km"]), str(more["kernel"]))
        covariances = _repaired(static, dynamic, lambda a, b: _nearby(a, b, near), None, 1.0)
    error = float(np.sqrt(max(covariances[0][0, 0], 0.0)))
    answer = overall(float(static.effect[0]), error, df)
    for k in reported[1]:
        e = times[dynamic.kept[k]]
        answer[f"effect at {e}"] = float(dynamic.effect[k])
        answer[f"error at {e}"] = float(np.sqrt(max(covariances[1][k, k], 0.0)))
        if degrees:
            answer[f"degrees at {e}"] = float(degrees[1][k])
    return answer


def _on_one_cluster(made: Regressed, codes: Array, k: int) -> bool:
    """Whether a coefficient no longer exists once some single cluster is left out."""
    for code in np.unique(codes[made.unit]):
        stays = codes[made.unit] != code
        rest = made.written.design[stays]
        column = rest[:, k]
        if rank(rest) == rank(np.delete(rest, k, axis=1)) or not column.any():
            return True
    return False


def _repaired(
    static: Regressed, dynamic: Regressed, of: Callable[[Array, Array], Array], effects: int | None, factor: float
) -> list[Array]:
    """Joint covariance without negative eigenvalues; each regression by itself where the joint one has some."""
    both = [made.psi * np.sqrt(_rows(made, effects)) for made in (static, dynamic)]
    joint = _table(static, dynamic, both)
    whole = factor * of(*joint)
    m = both[0].shape[1]
    values = np.linalg.eigvalsh(whole)
    if values.min() >= -1e-10 * max(values.max(), 0.0):
        return [whole[:m, :m], whole[m:, m:]]
    parts = []
    for block in (whole[:m, :m], whole[m:, m:]):
        own, vectors = np.linalg.eigh(block)
        parts.append((vectors * np.clip(own, 0.0, None)) @ vectors.T)
    return parts


def _rows(made: Regressed, effects: int | None) -> float:
    n = len(made)
    return (n - 1) / max(n - made.k - (made.n_periods if effects is None else effects), 1)


def _table(static: Regressed, dynamic: Regressed, psi: list[Array]) -> tuple[Array, Array]:
    """(rows, 2) unit and period, and (rows, m) pulls of both regressions side by side."""
    keys = sorted({*zip(static.unit, static.period, strict=True), *zip(dynamic.unit, dynamic.period, strict=True)})
    place = {key: row for row, key in enumerate(keys)}
    width = psi[0].shape[1]
    table = np.zeros((len(keys), width + psi[1].shape[1]))
    for made, own, columns in ((static, psi[0], slice(0, width)), (dynamic, psi[1], slice(width, None))):
        for row, key in enumerate(zip(made.unit, made.period, strict=True)):
            table[place[key], columns] += own[row]
    return np.array(keys), table


def _both_ways(keys: Array, psi: Array, codes: Array) -> Array:
    """V by cluster, plus V by period, less V by their intersection."""

    def meat(labels: Sequence[tuple[int, ...]]) -> Array:
        total = np.zeros((psi.shape[1],) * 2)
        for label in set(labels):
            own = psi[[row for row, found in enumerate(labels) if found == label]].sum(axis=0)
            total += np.outer(own, own)
        return total

    cluster = [(int(codes[i]),) for i, _ in keys]
    period = [(int(t),) for _, t in keys]
    return meat(cluster) + meat(period) - meat([a + b for a, b in zip(cluster, period, strict=True)])


def _nearness(world: Small, cutoff: float, kernel: str) -> Array:
    """(N, N) weight of pairs of units, by the spherical law of cosines."""
    assert world.place is not None
    phi, theta = np.radians(world.place).T
    found = np.eye(world.n)
    for i in range(world.n):
        for j in range(world.n):
            cosine = np.sin(phi[i]) * np.sin(phi[j]) + np.cos(phi[i]) * np.cos(phi[j]) * np.cos(theta[i] - theta[j])
            distance = EARTH * np.arccos(np.clip(cosine, -1.0, 1.0))
            if i != j:
                found[i, j] = 0.0 if distance >= cutoff else 1.0 - distance / cutoff if kernel == "bartlett" else 1.0
    return found


def _nearby(keys: Array, psi: Array, near: Array) -> Array:
    """Double loop over rows: near units in one period, one unit in two."""
    total = np.zeros((psi.shape[1],) * 2)
    for a, (i, s) in enumerate(keys):
        for b, (j, t) in enumerate(keys):
            weight = 1.0 if i == j else near[i, j] if s == t else 0.0
            if weight:
                total += weight * np.outer(psi[a], psi[b])
    return total


def in_cross_sections(
    y: Array, group: Array, period: Array, start: Array, x: Array, weight: Array, cluster: Array | None
) -> dict[str, float]:
    """Persons with effects of groups and periods: HC1 and t(N - K), or CR1 and t(C - 1); start by group."""
    t, g = period, start[group]
    found: dict[str, float] = {}
    since = np.where(g == NEVER, -10_000, t - g)
    rows = np.ones(len(y), dtype=bool)
    for name, terms, inside in (
        ("overall", {"": since >= 0}, rows),
        ("event", {e: since == e for e in np.unique(since[g != NEVER]) if e != -1}, rows & (g > t.min())),
    ):
        effects = [*dummies(group[inside]), *dummies(t[inside])]
        columns = [term[inside].astype(float) for term in terms.values()] + list(x[inside].T)
        kept = independent(columns, effects)
        shown = [(place, key) for place, key in enumerate(terms) if place in kept]
        design = np.column_stack([*(columns[place] for place in kept), *effects])
        made = fit(design, y[inside], weight[inside])
        codes = np.arange(len(y))[inside] if cluster is None else cluster[inside]
        psi = made.influence(np.eye(design.shape[1])[:, : len(shown)])
        summed = np.array([psi[codes == c].sum(axis=0) for c in np.unique(codes)])
        n, count = int(inside.sum()), len(summed)
        nested = cluster is not None and all(len(set(cluster[group == h])) == 1 for h in np.unique(group))
        k = made.rank - (len(np.unique(group[inside])) - 1 if nested else 0)
        factor = n / (n - k) if cluster is None else count / (count - 1) * (n - 1) / (n - k)
        error = np.sqrt(factor * (summed**2).sum(axis=0))
        if name == "overall":
            if not shown:
                raise NotIdentified("treatment does not vary")
            df = float(n - k) if cluster is None else float(count - 1)
            found |= overall(float(made.beta[0]), float(error[0]), df)
            continue
        for column, (_, key) in enumerate(shown):
            found[f"effect at {key}"], found[f"error at {key}"] = float(made.beta[column]), float(error[column])
    return found
