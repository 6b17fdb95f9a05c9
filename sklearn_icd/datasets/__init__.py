"""Clinical notes with their codes: readers of public corpora, and a generator of made notes."""

from sklearn_icd.datasets._cmc2007 import load_cmc2007
from sklearn_icd.datasets._codiesp import load_codiesp
from sklearn_icd.datasets._home import data_home
from sklearn_icd.datasets._make_notes import make_notes

__all__ = ["data_home", "load_cmc2007", "load_codiesp", "make_notes"]
