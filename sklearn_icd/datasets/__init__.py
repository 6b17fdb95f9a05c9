"""Clinical notes with their codes: readers of public corpora, and a generator of made notes."""

from sklearn_icd.datasets._cantemist import fetch_cantemist, load_cantemist
from sklearn_icd.datasets._cmc2007 import fetch_cmc2007, load_cmc2007
from sklearn_icd.datasets._codiesp import fetch_codiesp, load_codiesp
from sklearn_icd.datasets._home import data_home
from sklearn_icd.datasets._make_notes import make_notes
from sklearn_icd.datasets._mimic3 import load_mimic3
from sklearn_icd.datasets._mimic4 import load_mimic4
from sklearn_icd.datasets._pubmed_mesh import fetch_pubmed_mesh, load_pubmed_mesh

__all__ = [
    "data_home",
    "fetch_cantemist",
    "fetch_cmc2007",
    "fetch_codiesp",
    "fetch_pubmed_mesh",
    "load_cantemist",
    "load_cmc2007",
    "load_codiesp",
    "load_mimic3",
    "load_mimic4",
    "load_pubmed_mesh",
    "make_notes",
]
