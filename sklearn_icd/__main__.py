"""The command ``sklearn-icd``, or ``python -m sklearn_icd``."""

import argparse
import os
import sys
from pathlib import Path

from sklearn_icd._compare import _options

_QUICKSTART = """\
Train LD-PLAM on clinical notes, score it beside a linear baseline, and show which
words of a test note made it assign each code.

By default the notes are made by a program (no download, no patient data); the whole
takes at most two minutes on two cores. With --data it reads a corpus of real notes
from the data home; a corpus with thousands of codes takes longer.
"""


def main(arguments=None):
    """Run the command.

    Parameters
    ----------
    arguments : list of str, default=None
        What follows the name of the command. None: those of this process.

    Returns
    -------
    status : int
        0, the exit status of success; 1 if runs of a comparison failed.
    """
    parser = argparse.ArgumentParser(
        prog="sklearn-icd", description="Assign ICD codes to clinical notes, with scikit-learn."
    )
    commands = parser.add_subparsers(required=True, metavar="command")
    quickstart = commands.add_parser(
        "quickstart",
        help="train, score and explain LD-PLAM on clinical notes",
        description=_QUICKSTART,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _add_options(quickstart)
    quickstart.set_defaults(run=_quickstart, parser=quickstart)
    compare = commands.add_parser(
        "compare",
        help="train and score systems on the same notes, and write a table",
        description=_options.DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _options.add_options(compare, _at_least)
    compare.set_defaults(run=_compare, parser=compare)
    options = vars(parser.parse_args(arguments))
    run, parser = options.pop("run"), options.pop("parser")
    return run(argparse.Namespace(**options), parser)


def _quickstart(options, parser):
    if options.data == "made" and options.data_home is not None:
        parser.error("--data-home is where a corpus lies: it goes with --data codiesp|cmc2007")
    if not options.out.absolute().parent.is_dir():
        parser.error(f"--out: there is no folder {options.out.absolute().parent}")

    # So small a network is fastest on one thread, by far where the cores have other work.
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    from sklearn_icd._quickstart import quickstart  # loads numpy and torch

    quickstart(**vars(options))
    return 0


def _compare(options, parser):
    _options.check(options, parser)
    from sklearn_icd._compare._command import compare  # loads numpy and torch

    return compare(options)


def _add_options(parser):
    parser.add_argument(
        "--data",
        choices=["made", "codiesp", "cmc2007"],
        default="made",
        help="the notes: made ones, CodiEsp (diagnoses, in English) or CMC 2007 (default: made)",
    )
    parser.add_argument(
        "--data-home",
        metavar="FOLDER",
        help="the folder that holds the corpora (default: the environment variable "
        "SKLEARN_ICD_DATA, else ~/sklearn_icd_data)",
    )
    parser.add_argument(
        "--notes",
        type=_at_least(50),
        metavar="N",
        help="how many notes to make, or to draw from a corpus (default: 1000, or all)",
    )
    parser.add_argument(
        "--codes",
        type=_at_least(2),
        metavar="N",
        help="how many codes to make notes of, or to keep of a corpus, its most frequent ones "
        "(default: 50, or all)",
    )
    parser.add_argument(
        "--seed",
        type=_at_least(0),
        default=0,
        metavar="N",
        help="where all chance comes from (default: 0)",
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path("sklearn_icd_note.html"),
        metavar="FILE",
        help="where to write the page with the explained note; it holds the note's text "
        "(default: %(default)s)",
    )


def _at_least(smallest):
    def number(text):
        if not text.isdecimal() or int(text) < smallest:
            raise argparse.ArgumentTypeError(f"must be a whole number from {smallest}, got {text}")
        return int(text)

    return number


if __name__ == "__main__":
    sys.exit(main())
