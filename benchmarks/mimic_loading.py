"""Time and peak memory of load_mimic3 and load_mimic4, on made files of the true size.

    python benchmarks/mimic_loading.py --folder /tmp

writes the files of `made_mimic.py` (MIMIC-III: 52,722 admissions of 1,500 words, 8,921 codes and
two million other notes; MIMIC-IV: 331,793 admissions of 1,500 words and 6.4 million diagnoses),
loads each benchmark in a process of its own and removes the files, which take 2 GB at a time. The
peak and the processor time, of all threads together, are those of the whole process, Python and
its libraries included.
"""

import argparse
import json
import os
import platform
import resource
import subprocess
import sys
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

BENCHMARKS = {"3": ("full", "50", "clean"), "4": ("icd9", "icd10")}
MADE_MIMIC = Path(__file__).with_name("made_mimic.py")


def load(release, root, benchmark):
    """Load a benchmark and print what it took."""
    from sklearn_icd.datasets import load_mimic3, load_mimic4

    start = time.perf_counter()
    with warnings.catch_warnings():
        # A few published admissions more than were made.
        warnings.filterwarnings("ignore", ".*are not in the tables")
        bunch = {"3": load_mimic3, "4": load_mimic4}[release](root, benchmark=benchmark)
    seconds = time.perf_counter() - start
    usage = resource.getrusage(resource.RUSAGE_SELF)
    gib = [sum(map(len, bunch.data)) / 2**30, usage.ru_maxrss / 2**20]
    print(json.dumps([*bunch.target.shape, *gib, seconds, usage.ru_utime + usage.ru_stime]))


def measure(release, folder, size):
    """Write the files of a release, and load each of its benchmarks."""
    with TemporaryDirectory(dir=folder, prefix="made-mimic-") as root:
        subprocess.run([sys.executable, MADE_MIMIC, release, root, *size], check=True)
        n_bytes = sum(path.stat().st_size for path in Path(root).rglob("*.gz"))
        print(f"MIMIC-{'III' if release == '3' else 'IV'}, {n_bytes / 2**30:.1f} GiB of .csv.gz")
        for benchmark in BENCHMARKS[release]:
            command = [sys.executable, __file__, "--one", release, root, benchmark]
            done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
            n_notes, n_codes, text, peak, seconds, processor = json.loads(done.stdout)
            print(
                f"  {benchmark:6}{n_notes:9,} notes {n_codes:7,} codes {text:6.2f} GiB of text "
                f"{peak:6.2f} GiB peak {seconds:5.0f} s {processor:5.0f} s of processors",
                flush=True,
            )


def main():
    """Read the command line, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, help="where to write the files for a while")
    parser.add_argument("--admissions", help="how many (as the real release)")
    parser.add_argument("--releases", nargs="+", choices=list(BENCHMARKS), default=["3", "4"])
    parser.add_argument("--one", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        load(*arguments.one)
        return
    print(
        f"Python {platform.python_version()}, polars {version('polars')}, {platform.machine()}, "
        f"{os.cpu_count()} cores"
    )
    size = ["--admissions", arguments.admissions] if arguments.admissions else []
    for release in arguments.releases:
        measure(release, arguments.folder, size)


if __name__ == "__main__":
    main()
