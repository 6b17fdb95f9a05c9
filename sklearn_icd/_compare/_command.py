"""The command itself: read, cut, run what is not done yet, and write the table."""

import os
from collections import Counter
from dataclasses import replace

from joblib import Parallel, delayed, parallel_config
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from sklearn_icd._compare import _process
from sklearn_icd._compare._conditions import say_conditions
from sklearn_icd._compare._corpus import read_corpus
from sklearn_icd._compare._figures import summarise
from sklearn_icd._compare._folds import make_folds, say_folds
from sklearn_icd._compare._run import Entry, Run, make_pipeline
from sklearn_icd._compare._store import Store, changes
from sklearn_icd._compare._table import (
    find_columns,
    to_csv,
    to_html,
    to_markdown,
    to_screen,
)
from sklearn_icd.models._registry import find_systems, load_system
from sklearn_icd.pipelines import make_icd_pipeline


def compare(options):
    """Compare systems.

    Parameters
    ----------
    options : argparse.Namespace
        As `add_options` describes them.

    Returns
    -------
    status : int
        0, or 1 if a run failed.

    Raises
    ------
    SystemExit
        If the notes or the settings are not as they should be; the message says why.
    """
    console = Console(markup=False, highlight=False, emoji=False)
    try:
        corpus = read_corpus(
            options.data,
            data_home=options.data_home,
            root=options.root,
            n_notes=options.notes,
            n_codes=options.codes,
        )
        folds = make_folds(corpus, options.cv, options.score_on)
        entries = [_checked(entry, corpus) for entry in _make_entries(options)]
    except (OSError, ValueError, ImportError) as error:
        raise SystemExit(f"sklearn-icd compare: {error}") from error
    said = [
        f"Data: {corpus.name}, {len(corpus.notes):,} notes, {len(corpus.codes):,} codes.",
        *corpus.remarks(),
        *say_folds(corpus, folds, options.cv),
    ]
    for sentence in said:
        console.print(sentence, soft_wrap=True)
    runs = [Run(entry, fold, seed) for entry in entries for seed in options.seeds for fold in folds]
    store = Store(options.out / "runs")
    records = _records(runs, store, corpus, console)
    missing = [run for run in runs if str(run) not in records]
    errors = _do(missing, records, store, corpus, options, console)
    summaries = summarise(runs, records, store, corpus, options.against)
    caption = [*said, *say_conditions(options, entries, records), *_say_warnings(records)]
    _write(summaries, caption, options, console)
    for run, error in errors.items():
        console.print(f"Failed: {run}: {error}", style="bold red", soft_wrap=True)
    return 1 if errors else 0


def _make_entries(options):
    """Give the rows of the table; a row's own setting goes before one for all."""
    settings = sorted(options.settings, key=lambda setting: setting[0] is not None)
    entries, taken = [], set()
    for label, system in options.systems:
        own = {}
        if options.pretrained and _has_transformer(system):
            own["pretrained"] = options.pretrained
        known = make_icd_pipeline(system, **own).get_params()
        for row, key, value in settings:
            if row is None and (key if "__" in key else f"clf__{key}") not in known:
                continue
            if row in (None, label):
                own[key] = value
                taken.add(key)
        titles = own.get("pretrained", options.pretrained) or "letters"
        entries.append(Entry(label, system, options.size, own, titles if options.titles else None))
    if unknown := [key for _, key, _ in settings if key not in taken]:
        raise ValueError(f"--set {unknown[0]}: no system of this table has such a parameter.")
    return entries


def _has_transformer(system):
    return system in find_systems() and load_system(system)[1].has_transformer


def _checked(entry, corpus):
    """Make a system, so that a wrong name shows before hours of training; drop unused titles."""
    classifier = make_pipeline(entry, corpus, 0)[-1]
    takes_titles = "label_encoder" in classifier.get_params(deep=False)
    return entry if takes_titles else replace(entry, titles=None)


def _records(runs, store, corpus, console):
    """Read the runs that are done; of those with other settings it is said that they come anew."""
    records = {}
    for run in runs:
        record = store.read(run)
        if record is None:
            continue
        if changed := changes(record["settings"], run.settings(corpus)):
            console.print(f"{run} is done anew: {changed}.", soft_wrap=True)
        else:
            records[str(run)] = record
    if records:
        console.print(f"{len(records)} of {len(runs)} runs are done already.")
    return records


def _do(runs, records, store, corpus, options, console):
    """Do runs, keep and record what they come to, and give the errors of those that failed."""
    errors = {}
    n_threads = options.threads or _default_threads(options)
    columns = TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=len(runs))
        for k, outcome in _outcomes(runs, corpus, n_threads, options):
            run = runs[k]
            if outcome.error is None:
                record = {"settings": run.settings(corpus), "threads": n_threads, **outcome.figures}
                store.write(run, record, outcome.assigned)
                records[str(run)] = record
                line = "micro-F1 {micro-F1:.3f}".format(**record["quality"])
                line += ", trained in {training s:.0f} s".format(**record["costs"])
            else:
                errors[str(run)] = outcome.error
                line = "failed"
            progress.advance(task)
            console.print(f"{run}: {line}", soft_wrap=True)
    return errors


def _outcomes(runs, corpus, n_threads, options):
    """Give numbers of runs with their outcomes, as they come."""
    if options.dask is None:
        backend = {"backend": "threading", "n_jobs": options.jobs}
        yield from _parallel(runs, corpus, n_threads, backend)
        return
    try:
        from distributed import Client
    except ImportError as error:
        raise SystemExit("--dask needs distributed: pip install 'sklearn-icd[dask]'.") from error
    try:
        client = Client(options.dask)
    except (OSError, ValueError) as error:
        raise SystemExit(f"--dask: no scheduler answers at {options.dask}.") from error
    with client:
        client.amm.stop()  # it would leave one copy of the notes, to be lost with its worker
        backend = {"backend": "dask", "client": client, "scatter": [corpus]}
        yield from _parallel(runs, corpus, n_threads, backend)


def _parallel(runs, corpus, n_threads, backend):
    attempts = (delayed(_numbered)(k, run, corpus, n_threads) for k, run in enumerate(runs))
    with parallel_config(**backend):
        yield from Parallel(return_as="generator_unordered", batch_size=1)(attempts)


def _numbered(k, run, corpus, n_threads):
    return k, _process.attempt_apart(run, corpus, n_threads)


def _default_threads(options):
    if asked := os.environ.get("OMP_NUM_THREADS", ""):
        return int(asked.split(",")[0])
    return 1 if options.dask else max(1, (os.cpu_count() or 1) // options.jobs)


def _say_warnings(records):
    """Say what the runs warned of, and how many did."""
    found = Counter(warning for record in records.values() for warning in record["warnings"])
    return [f"Warning of {number} runs: {warning}" for warning, number in found.items()]


def _write(summaries, caption, options, console):
    columns = find_columns(summaries, options.against)
    files = {
        "table.md": to_markdown(summaries, columns, caption),
        "table.csv": to_csv(summaries, columns),
        "table.html": to_html(summaries, columns, caption),
    }
    options.out.mkdir(exist_ok=True)
    for name, text in files.items():
        (options.out / name).write_text(text, encoding="utf-8")
    console.print(to_screen(summaries, columns))
    console.print(f"All columns: {', '.join(files)} in {options.out.absolute()}", soft_wrap=True)
