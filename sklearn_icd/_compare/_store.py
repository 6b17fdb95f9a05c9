"""The folder of the runs that are done; a run is in it whole, or not at all."""

import json
import os
import shutil

from scipy import sparse


class Store:
    """Keep the runs of a comparison.

    Parameters
    ----------
    folder : pathlib.Path
        Gets a folder for each run, with its figures and settings (figures.json) and the codes
        that the scored notes were given (assigned.npz).
    """

    def __init__(self, folder):
        self.folder = folder

    def read(self, run):
        """Give the record of a run, None if it is not there."""
        try:
            return json.loads((self._place(run) / "figures.json").read_text("utf-8"))
        except FileNotFoundError:
            return None

    def read_assigned(self, run):
        """Give the codes that the scored notes of a run were given."""
        return sparse.load_npz(self._place(run) / "assigned.npz")

    def write(self, run, record, assigned):
        """Keep a run, in the place of an older one with other settings."""
        place = self._place(run)
        place.parent.mkdir(parents=True, exist_ok=True)
        stage = place.with_name(f".unfinished-{place.name}-{os.getpid()}")
        stage.mkdir()
        try:
            sparse.save_npz(stage / "assigned.npz", assigned)
            (stage / "figures.json").write_text(json.dumps(record, indent=1), "utf-8")
            shutil.rmtree(place, ignore_errors=True)
            os.replace(stage, place)
        finally:
            shutil.rmtree(stage, ignore_errors=True)

    def _place(self, run):
        return self.folder / run.entry.label / f"{run.fold.name}-{run.seed}"


def changes(before, now):
    """Say which settings a run had that it is not to have now."""
    missing = object()
    said = []
    for key in sorted({*before, *now}):
        old, new = before.get(key, missing), now.get(key, missing)
        if old == new:
            continue
        if key == "notes":
            said.append("the notes, or their folds, are others")
        else:
            was, is_ = ("not set" if value is missing else repr(value) for value in (old, new))
            said.append(f"{key} was {was}, is {is_}")
    return "; ".join(said)
