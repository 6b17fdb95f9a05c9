"""What the runs of a system come to: means and deviations over seeds, an interval, a test."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from scipy import sparse

from sklearn_icd.metrics import approximate_randomization_test, bootstrap_interval, f1_micro
from sklearn_icd.metrics._mcnemar import holm


@dataclass(frozen=True)
class Summary:
    """Hold what stands in a row of the table.

    Parameters
    ----------
    label : str
        What the row is called.

    n_done, n_runs : int
        How many of its runs are there, of how many.

    means, deviations : dict of str to float
        Figures averaged over the folds of a seed, then over the seeds, and their standard
        deviation over the seeds, which one seed has not. None where a figure is not defined.

    costs : dict of str to float
        Means over the runs; of memory, the most.

    interval : tuple of float, default=None
        Limits of the 95 % bootstrap interval of micro-F1.

    p_value : float, default=None
        Of the test against the system of choice, adjusted for the number of systems.
    """

    label: str
    n_done: int
    n_runs: int
    means: dict = field(default_factory=dict)
    deviations: dict = field(default_factory=dict)
    costs: dict = field(default_factory=dict)
    interval: tuple | None = None
    p_value: float | None = None


def summarise(runs, records, store, corpus, against=None):
    """Summarise the runs that are done.

    Only seeds of which all folds are there count, so that all figures are of the same notes.

    Parameters
    ----------
    runs : list of Run
        All runs of the comparison.

    records : dict of str to dict
        Figures of those that are done, by ``str(run)``.

    store : Store
        Where the codes are that these assigned.

    corpus : Corpus
        All notes.

    against : str, default=None
        The label of the system that the others are tested against.

    Returns
    -------
    summaries : list of Summary
        One for each system, in the order of `runs`.
    """
    systems = {}
    for run in runs:
        systems.setdefault(run.entry.label, {}).setdefault(run.seed, []).append(run)
    whole = {
        label: {s: own for s, own in seeds.items() if all(str(run) in records for run in own)}
        for label, seeds in systems.items()
    }
    stacked = partial(_stacked, store=store, corpus=corpus)
    p_values = _p_values(whole, against, stacked)
    return [
        _summary(label, seeds, whole[label], records, stacked, p_values.get(label))
        for label, seeds in systems.items()
    ]


def _summary(label, seeds, whole, records, stacked, p_value):
    done = [str(run) in records for own in seeds.values() for run in own]
    if not whole:
        return Summary(label, sum(done), len(done))
    found = [[records[str(run)] for run in own] for own in whole.values()]
    of_seeds = {
        name: [_mean(record["quality"][name] for record in own) for own in found]
        for name in found[0][0]["quality"]
    }
    costs = [record["costs"] for own in found for record in own]
    y_true, assigned, patients = stacked(whole)
    interval = bootstrap_interval(f1_micro, y_true, assigned, groups=patients, random_state=0)
    return Summary(
        label,
        sum(done),
        len(done),
        {name: _mean(values) for name, values in of_seeds.items()},
        {name: _deviation(values) for name, values in of_seeds.items()},
        {name: _cost(name, [cost[name] for cost in costs]) for name in costs[0]},
        (interval.low, interval.high),
        p_value,
    )


def _p_values(whole, against, stacked):
    """Test each system against one, by the seeds that both have."""
    found = {}
    for label, seeds in whole.items():
        common = [seed for seed in seeds if seed in whole.get(against, {})]
        if label == against or not common:
            continue
        one, other = ({seed: whole[name][seed] for seed in common} for name in (label, against))
        y_true, assigned, patients = stacked(one)
        _, assigned_by_other, _ = stacked(other)
        found[label] = approximate_randomization_test(
            f1_micro, y_true, assigned, assigned_by_other, groups=patients, random_state=0
        ).p_value
    return dict(zip(found, holm(np.array([*found.values()])).tolist(), strict=True))


def _stacked(seeds, *, store, corpus):
    """Put the folds of each seed below, and the seeds beside each other.

    Each scored note is then one row, so that it is drawn, or swapped, with all that it was given
    by any seed.
    """
    rows = np.concatenate([run.fold.scored for run in next(iter(seeds.values()))])
    assigned = [
        sparse.vstack([store.read_assigned(run) for run in runs]) for runs in seeds.values()
    ]
    y_true = sparse.hstack([corpus.target[rows]] * len(seeds), format="csr")
    return y_true, sparse.hstack(assigned, format="csr"), corpus.patients_of(rows)


def _mean(values):
    """Average what is defined."""
    defined = [value for value in values if value is not None]
    return float(np.mean(defined)) if defined else None


def _deviation(values):
    defined = [value for value in values if value is not None]
    return float(np.std(defined, ddof=1)) if len(defined) > 1 else None


def _cost(name, values):
    defined = [value for value in values if value is not None]
    if "MiB" in name:
        return max(defined, default=None)
    return _mean(defined)
