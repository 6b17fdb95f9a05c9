"""The order of the systems on real notes beside that of the papers.

    python benchmarks/comparison_figure.py

reads the tables that comparison.py wrote, and mimic_published.csv, what the five papers report for
MIMIC-III, of their own systems and of others, and writes compare.png, all in docs/_static. A corpus
of few codes stands beside MIMIC-III with its 50 most frequent ones, the others beside the full one.
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
    """Draw the systems of which the papers report a figure."""
    name, benchmark = PANELS[corpus]
    papers = published(benchmark)
    rows = [row for row in read(STATIC / f"compare_{corpus}.csv") if row["system"] in papers]
    x = np.array([papers[row["system"]] for row in rows])
    y = np.array([row["micro-F1"].split()[0] for row in rows], dtype=float)
    low, high = np.array([row["95 %"].split(" to ") for row in rows], dtype=float).T
    axes.errorbar(x, y, yerr=[y - low, high - y], fmt="o", markersize=4, linewidth=0.8)
    for row, *at in zip(rows, x, y, strict=True):
        axes.annotate(row["system"], at, xytext=(3, 3), textcoords="offset points", fontsize=7)
    axes.set(
        title=f"{name}: rank correlation {spearmanr(x, y).statistic:.2f}",
        xlabel=f"micro-F1 in the papers, MIMIC-III {benchmark}",
        ylabel="micro-F1 here, 95 % interval",
    )


def main():
    made = [corpus for corpus in PANELS if (STATIC / f"compare_{corpus}.csv").exists()]
    figure, panels = plt.subplots(
        1, len(made), figsize=(5.5 * len(made), 4.5), layout="constrained", squeeze=False
    )
    for axes, corpus in zip(panels[0], made, strict=True):
        draw(axes, corpus)
    figure.savefig(STATIC / "compare.png", dpi=150)


if __name__ == "__main__":
    main()
