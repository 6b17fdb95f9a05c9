"""The options of the command, read without loading what it runs."""

import argparse
import ast
import json
import re
from contextlib import suppress
from pathlib import Path

DESCRIPTION = """\
Train and score systems on the same notes, and write the table of the field: table.md,
table.csv and table.html in the folder --out, and a folder for each run below it.

A run is one system, one fold and one seed. Runs that are there with the same settings
are not done again, so that the same command goes on where it was broken off.
"""
# Set alike for all systems; a row with its own would be no comparison.
COMMON = ("classes", "label_titles", "monitor", "random_state", "threshold", "validation_fraction")


def add_options(parser, at_least):
    """Add the options of `compare`.

    Parameters
    ----------
    parser : argparse.ArgumentParser
        That of the command.

    at_least : callable
        Makes the type of whole numbers from its argument on.
    """
    add = parser.add_argument
    add(
        "--data",
        default="made",
        help="the notes: made, cmc2007, codiesp-en, codiesp-es, cantemist, pubmed-mesh, mimic3-50, "
        "mimic3-clean, mimic3-full, mimic4-icd9, mimic4-icd10, or a .csv or .parquet file with the "
        "columns text and codes ('I10;E11.9'), and subject_id and split (train, dev, test) if "
        "there are such (default: made)",
    )
    add(
        "--data-home",
        metavar="FOLDER",
        help="the folder that holds the corpora (default: the "
        "environment variable SKLEARN_ICD_DATA, else ~/sklearn_icd_data)",
    )
    add("--root", metavar="FOLDER", help="the folder with PhysioNet's files of MIMIC")
    add("--notes", type=at_least(10), metavar="N", help="make, or draw, so many notes")
    add(
        "--codes",
        type=at_least(2),
        metavar="N",
        help="make, or keep, so many codes, the most frequent ones in training",
    )
    add(
        "--systems",
        type=row,
        nargs="+",
        required=True,
        metavar="[LABEL=]SYSTEM",
        help="names that make_icd_pipeline knows; a label makes two rows of one system, such as "
        "laat wide=laat",
    )
    add(
        "--size",
        choices=["paper", "small"],
        default="small",
        help="their settings: those of the papers, or small ones for few notes (default: small)",
    )
    add(
        "--pretrained",
        metavar="MODEL",
        help="the transformer of systems that have one: a folder, "
        "or a name on the Hugging Face hub",
    )
    add(
        "--titles",
        action="store_true",
        help="let systems that take a label_encoder start from the titles of the codes, as read by "
        "--pretrained, or without it by their letters (TitleEncoder)",
    )
    add(
        "--set",
        dest="settings",
        type=setting,
        nargs="+",
        action="extend",
        default=[],
        metavar="[LABEL.]PARAMETER=VALUE",
        help="settings of one row, such as laat.lr=0.001, or of all that have the parameter, such "
        "as max_epochs=5",
    )
    add(
        "--cv",
        type=_folds,
        default=5,
        metavar="N|split",
        help="number of folds, or split: the splits of the corpus (default: 5)",
    )
    add(
        "--score-on",
        choices=["dev", "test"],
        default="test",
        help="with --cv split, what to score (default: test)",
    )
    add(
        "--seeds",
        type=at_least(0),
        nargs="+",
        default=[0],
        metavar="N",
        help="seeds of training; the notes of a fold are the same for all (default: 0)",
    )
    add("--against", metavar="LABEL", help="the row that the others are tested against")
    add(
        "--jobs",
        type=at_least(1),
        default=1,
        metavar="N",
        help="runs at a time, each in a "
        "process of its own; they share the cores, so that times suffer (default: 1)",
    )
    add(
        "--threads",
        type=at_least(1),
        metavar="N",
        help="threads of a run (default: "
        "OMP_NUM_THREADS, else all cores shared by --jobs; 1 with --dask)",
    )
    add("--dask", metavar="ADDRESS", help="do the runs on the workers of this Dask scheduler")
    add(
        "--out",
        type=Path,
        default=Path("sklearn_icd_compare"),
        metavar="FOLDER",
        help="where "
        "runs and table go; they hold codes, and no text of a note (default: %(default)s)",
    )


def check(options, parser):
    """Refuse what does not go together."""
    labels = [label for label, _ in options.systems]
    named = [label for label, *_ in options.settings if label is not None]
    if twice := sorted({label for label in labels if labels.count(label) > 1}):
        parser.error(f"--systems: {twice[0]} is there twice; name one of them, LABEL={twice[0]}")
    if unknown := [label for label in named if label not in labels]:
        parser.error(f"--set: there is no row {unknown[0]}; there is {', '.join(labels)}")
    if options.against is not None and options.against not in labels:
        parser.error(f"--against: there is no row {options.against}; there is {', '.join(labels)}")
    if len(set(options.seeds)) < len(options.seeds):
        parser.error("--seeds: each at most once")
    if options.dask is not None and options.jobs > 1:
        parser.error("--jobs is for one machine: with --dask, the cluster has so many workers")
    if not options.out.absolute().parent.is_dir():
        parser.error(f"--out: there is no folder {options.out.absolute().parent}")


def row(text):
    """Read ``system`` or ``label=system``."""
    label, _, system = text.rpartition("=")
    label = label or system
    if not re.fullmatch(r"\w[\w-]*", label):
        raise argparse.ArgumentTypeError(
            f"a label is of letters, digits, - and _, got {label!r} (it names a folder)"
        )
    return label, system


def setting(text):
    """Read ``parameter=value`` or ``label.parameter=value``, values as Python or JSON has them."""
    key, equals, value = text.partition("=")
    label, _, parameter = key.rpartition(".")
    if not (equals and parameter):
        raise argparse.ArgumentTypeError(f"must be [LABEL.]PARAMETER=VALUE, got {text!r}")
    if parameter.removeprefix("clf__") in COMMON:
        raise argparse.ArgumentTypeError(f"{parameter} is the same for all systems: leave it out")
    for read in (json.loads, ast.literal_eval):  # a string needs no quotation marks
        with suppress(ValueError, SyntaxError, TypeError):
            return label or None, parameter, json.loads(json.dumps(read(value)))
    return label or None, parameter, value


def _folds(text):
    if text == "split":
        return text
    if not text.isdecimal() or int(text) < 2:
        raise argparse.ArgumentTypeError(f"must be a whole number from 2, or split, got {text}")
    return int(text)
