"""What stands below the table: what was equal, how figures are meant, which machine it was."""

import json


def say_conditions(options, entries, records):
    """Say in sentences how the figures came about.

    Parameters
    ----------
    options : argparse.Namespace
        Those of the command.

    entries : list of Entry
        The rows of the table.

    records : dict of str to dict
        The runs that are done.

    Returns
    -------
    sentences : list of str
        For the caption of the table.
    """
    seeds = ", ".join(map(str, options.seeds))
    said = [
        f"Seeds of training: {seeds}. "
        + "A figure is the mean over the seeds, in each of which it "
        "is the mean over the folds; ± is the standard deviation over the seeds.",
        "Of each system, the epoch with the best micro-F1 on the validation notes was taken, and "
        "one threshold for all codes, that with the best micro-F1 there. The scored notes were "
        "read once, after that. All systems got the same raw notes; the text steps are their own.",
        "95 % interval: bootstrap of the micro-F1 of all folds and seeds together, the notes (or "
        "patients, where they are known) drawn again.",
        "Macro-F1: mean over all codes; harmonic mean of mean precision and mean recall; mean over "
        "the codes that scored notes have (present), and over those that they have or were given "
        "(active). Best in bold.",
    ]
    if options.against:
        said.append(
            f"p against {options.against}: approximate randomization of micro-F1, adjusted for the "
            "number of systems (Holm); * below .05."
        )
    said += [_settings(entry) for entry in entries]
    return said + _machines(records)


def _settings(entry):
    own = [f"{key}={json.dumps(value)}" for key, value in entry.settings.items()]
    own += [f"titles of codes read by {entry.titles}"] if entry.titles else []
    return f"{entry.label}: {entry.system}, size={entry.size}{''.join(f', {one}' for one in own)}."


def _machines(records):
    """Say with what the runs were done, and whether that differs."""
    found = {}
    for record in records.values():
        packages = ", ".join(f"{name} {version}" for name, version in record["versions"].items())
        machine = f"{record['device']}, threads: {record['threads']}, {packages}"
        found[machine] = found.get(machine, 0) + 1
    if len(found) < 2:
        return [f"Machine: {machine}." for machine in found]
    return [
        "The runs were done under different conditions, so that times and memory do not compare.",
        *(f"Machine of {number} runs: {machine}." for machine, number in found.items()),
    ]
