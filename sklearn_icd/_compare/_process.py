"""A run in a process of its own, so that its peak memory is its own and its end harms no other."""

import json
import os
import pickle
import subprocess
import sys
import traceback
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

import torch
from scipy import sparse

from sklearn_icd._compare._run import say, train_and_score
from sklearn_icd._torch_settings import take_card


@dataclass(frozen=True)
class Outcome:
    """Hold what a run came to: figures and assigned codes, or an error.

    Parameters
    ----------
    figures : dict, default=None
        As of `train_and_score`.

    assigned : csr_array of bool, default=None
        As of `train_and_score`.

    error : str, default=None
        What went wrong, without a word of a note.
    """

    figures: dict | None = None
    assigned: sparse.csr_array | None = None
    error: str | None = None


def attempt(run, corpus):
    """Do a run here, and give its outcome."""
    try:
        return Outcome(*train_and_score(run, corpus))
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{Path(last.filename).name}, line {last.lineno}"
        return Outcome(error=f"{say(error, corpus.notes)} [{place}]")


def attempt_apart(run, corpus, n_threads):
    """Do a run in a new process, and give its outcome.

    Parameters
    ----------
    run : Run
        What to train on which notes.

    corpus : Corpus
        All notes; they go to the process through a pipe, not through a file.

    n_threads : int
        Threads that it computes with.

    Returns
    -------
    outcome : Outcome
        That of the run; an error if the process did not come to its end.
    """
    # Progress bars of other libraries have no place in the table's output.
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    threads = dict.fromkeys(["OMP_NUM_THREADS", "MKL_NUM_THREADS"], str(n_threads))
    environment = {**os.environ, **threads, "TOKENIZERS_PARALLELISM": "false"}
    with TemporaryDirectory(prefix="sklearn-icd-") as folder:
        command = [sys.executable, "-m", __name__, folder]
        with subprocess.Popen(command, stdin=subprocess.PIPE, env=environment, **quiet) as process:
            with suppress(BrokenPipeError):  # it is gone already, as its status tells
                pickle.dump((run, corpus), process.stdin)
                process.stdin.flush()
            process.wait()  # and only then close the pipe, by which it knows that we live
        if process.returncode:
            return Outcome(error=_say_status(process.returncode))
        return _read(Path(folder))


def _say_status(status):
    if status < 0:
        return f"its process was killed by signal {-status}; 9 often means: out of memory"
    return f"its process ended with status {status}"


def _write(outcome, folder):
    Path(folder, "outcome.json").write_text(json.dumps([outcome.figures, outcome.error]))
    if outcome.assigned is not None:
        sparse.save_npz(Path(folder, "assigned.npz"), outcome.assigned)


def _read(folder):
    figures, error = json.loads((folder / "outcome.json").read_text())
    assigned = None if error else sparse.load_npz(folder / "assigned.npz")
    return Outcome(figures, assigned, error)


def _end_with_parent():
    """End the process when the other end of its input is closed: nobody waits for the result."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def _main(folder):
    run, corpus = pickle.load(sys.stdin.buffer)
    Thread(target=_end_with_parent, daemon=True).start()
    if torch.cuda.device_count() > 1:
        take_card()
    _write(attempt(run, corpus), folder)


if __name__ == "__main__":
    _main(sys.argv[1])
