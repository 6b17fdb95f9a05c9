"""The order of the systems on real notes beside that of the papers.

    python benchmarks/comparison_figure.py

reads the tables that comparison.py wrote, and mimic_published.csv, what the five papers report for
MIMIC-III, of their own systems and of others, and writes a figure for each table, all in
docs/_static. A corpus of few codes stands beside MIMIC-III with its 50 most frequent codes, the
others beside the full one.
"""

import csv

import matplotlib.pyplot as plt
import numpy as np
from comparison import STATIC
from scipy.stats import spearmanr

PANELS = {  # the corpus, and the MIMIC-III of about as many codes
    "cmc2007": ("CMC 2007", "50"),
    "codiesp-en": ("CodiEsp-D", "full"),
    "pubmed-mesh": ("PubMed-MeSH", "full"),
}


def read(path):
    """Give the rows of a table."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def published(benchmark):
    """Give the micro-F1 of the papers, by system."""
    rows = read(STATIC / "mimic_published.csv")
    return {row["system"]: float(row["micro-F1"]) for row in rows if row["benchmark"] == benchmark}


def draw(axes, corpus):
    """Join the places of each system of which the papers report a figure."""
    title, benchmark = PANELS[corpus]
    papers = published(benchmark)
    rows = [row for row in read(STATIC / f"compare_{corpus}.csv") if row["system"] in papers]
    theirs = np.array([papers[row["system"]] for row in rows])
    ours = np.array([row["micro-F1"].split()[0] for row in rows], dtype=float)
    places = ranked(theirs), ranked(ours)
    for row, their, our, *ends in zip(rows, theirs, ours, *places, strict=True):
        (line,) = axes.plot([0, 1], ends, marker="o", markersize=4)
        style = {"va": "center", "fontsize": 8, "color": line.get_color()}
        axes.text(-0.03, ends[0], f"{row['system']}  {their:.3f}", ha="right", **style)
        axes.text(1.03, ends[1], f"{our:.3f}  {row['system']}", ha="left", **style)
    axes.text(-0.03, len(rows), f"papers, MIMIC-III {benchmark}", ha="right")
    axes.text(1.03, len(rows), "here", ha="left")
    correlation = spearmanr(theirs, ours).statistic
    axes.set(xlim=(-0.8, 1.8), ylim=(-1, len(rows) + 1))
    axes.set_title(f"{title}: rank correlation {correlation:.2f}")
    axes.axis("off")


def ranked(values):
    """Give the place of each value, the lowest first."""
    return values.argsort(kind="stable").argsort()


def main():
    for corpus in PANELS:
        table = STATIC / f"compare_{corpus}.csv"
        if table.exists():
            figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
            draw(axes, corpus)
            figure.savefig(table.with_suffix(".png"), dpi=150)


if __name__ == "__main__":
    main()
