"""Balance and time of five folds, beside iterative-stratification and random folds.

    pip install iterative-stratification
    python benchmarks/splits.py --out docs/_static

Three tables of codes: CodiEsp-D (train and dev) and PubMed-MeSH (train) from the data home, and a
made one of 50,000 notes x 9,000 codes whose patients have one to many notes each. Each splitter
runs in a process of its own, for `--limit` seconds at most. Writes splits.csv:

- seconds: processor time of the split alone;
- deviation: the share of the notes that have a code, in a fold against all notes; the absolute
  difference, averaged over codes and folds, in 1 / 100,000;
- lacking: of all pairs of a fold and a code that five notes have (five patients, where patients
  are kept whole), the share whose fold lacks the code;
- notes in a fold: of the smallest and of the largest;
- patients split: share of the patients with notes in more than one fold.
"""

import argparse
import csv
import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy import sparse
from sklearn.model_selection import GroupKFold, KFold

from sklearn_icd.datasets import load_codiesp, load_pubmed_mesh
from sklearn_icd.model_selection import MultilabelStratifiedGroupKFold

N_FOLDS = 5
PEER = "iterative-stratification"
OURS = "MultilabelStratifiedGroupKFold"
OF_NOTES = ["random notes", PEER, OURS]
ROWS = {
    "CodiEsp-D": OF_NOTES,
    "PubMed-MeSH": OF_NOTES,
    "made": [*OF_NOTES, "random patients", f"{OURS}, patients"],
}


def make_patients(n_notes=50_000, n_codes=9_000, codes_per_note=16, seed=0):
    """Make notes of patients whose codes partly come again.

    Parameters
    ----------
    n_notes, n_codes : int
        Size of the table.
    codes_per_note : int
        Codes drawn for a note, some of them twice: half for the note, half from those of its
        patient. The r-th code is drawn in proportion to 1 / r.
    seed : int
        Seed of the random generator.

    Returns
    -------
    y : csr_array of shape (n_notes, n_codes)
        The codes.
    patients : ndarray of int of shape (n_notes,)
        The patient of each note; most have one to three notes, some dozens.
    """
    rng = np.random.default_rng(seed)
    weight = rng.pareto(2.5, n_notes * 3 // 4) + 0.3
    patients = np.sort(rng.choice(len(weight), n_notes, p=weight / weight.sum()))
    frequency = np.cumsum(1 / np.arange(1, n_codes + 1))

    def draw(*shape):
        return np.searchsorted(frequency, rng.random(shape) * frequency[-1])

    of_note = draw(n_notes, codes_per_note // 2)
    of_patient = draw(len(weight), codes_per_note)[patients]
    drawn = np.hstack([np.full(of_note.shape, True), rng.random(of_patient.shape) < 0.5])
    rows, _ = np.nonzero(drawn)
    columns = np.hstack([of_note, of_patient])[drawn]
    y = sparse.csr_array((np.ones(len(rows), np.int64), (rows, columns)), (n_notes, n_codes))
    y.sum_duplicates()
    y.data[:] = 1
    return y, patients


def load(table):
    """Give the codes of a table, and the patient of each note."""
    if table == "made":
        return make_patients()
    if table == "CodiEsp-D":
        _, y = load_codiesp(return_X_y=True)
    else:
        _, y = load_pubmed_mesh(subset="train", return_X_y=True)
    return y, np.arange(y.shape[0])


def make_splitter(name):
    """Make the splitter of a row."""
    if name == PEER:
        from iterstrat.ml_stratifiers import MultilabelStratifiedKFold as Kind
    else:
        kinds = {"random notes": KFold, "random patients": GroupKFold}
        Kind = kinds.get(name, MultilabelStratifiedGroupKFold)
    return Kind(N_FOLDS, shuffle=True, random_state=0)


def measure(table, name):
    """Deal a table into folds, and give its row."""
    y, patients = load(table)
    units = patients if "patients" in name else np.arange(len(patients))
    groups = patients if "patients" in name else None
    given = y.toarray() if name == PEER else y
    folds = np.empty(len(patients), dtype=int)
    started = time.process_time()
    for fold, (_, test) in enumerate(make_splitter(name).split(patients, given, groups)):
        folds[test] = fold
    seconds = time.process_time() - started
    sizes, counts = np.bincount(folds), sum_by(folds, y)
    deviation = np.abs(counts / sizes[:, None] - counts.sum(axis=0) / len(folds))
    common = np.count_nonzero(sum_by(units, y), axis=0) >= N_FOLDS
    n_folds = np.count_nonzero(sum_by(patients, np.eye(N_FOLDS, dtype=int)[folds]), axis=1)
    return {
        "table": f"{table} {y.shape[0]:,} x {y.shape[1]:,}",
        "folds": name,
        "seconds": round(seconds, 1),
        "deviation": round(1e5 * deviation.mean(), 2),
        "lacking": f"{(counts[:, common] == 0).mean():.1%}",
        "notes in a fold": f"{sizes.min():,} - {sizes.max():,}",
        "patients split": f"{(n_folds > 1).sum() / (n_folds > 0).sum():.0%}",
    }


def sum_by(groups, table):
    """Sum the rows of each group, as a dense array."""
    members = sparse.csr_array((np.ones(len(groups), int), (groups, np.arange(len(groups)))))
    sums = members @ table
    return sums.toarray() if sparse.issparse(sums) else sums


def measure_apart(table, name, limit):
    """Measure in another process; where it takes too long, the row says so."""
    command = [sys.executable, __file__, "--one", table, name]
    try:
        done = subprocess.run(command, check=True, capture_output=True, text=True, timeout=limit)
    except subprocess.TimeoutExpired:
        return {"table": table, "folds": name, "seconds": f"over {limit:,}"}
    return json.loads(done.stdout)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, help="folder to write splits.csv to")
    parser.add_argument("--limit", type=int, default=3600, help="seconds for one splitter")
    parser.add_argument("--one", nargs=2, metavar=("TABLE", "SPLITTER"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(measure(*arguments.one)))
        return
    rows = []
    for table, names in ROWS.items():
        for name in names:
            rows.append(measure_apart(table, name, arguments.limit))
            print(*rows[-1].values(), sep="  ", flush=True)
    if arguments.out:
        with (arguments.out / "splits.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=rows[0], lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


if __name__ == "__main__":
    main()
