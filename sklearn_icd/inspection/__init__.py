"""Explanations: which words of notes made a code."""

from sklearn_icd.inspection._critical_words import critical_words
from sklearn_icd.inspection._explain import Explanation, explain
from sklearn_icd.inspection._highlight import highlight_html
from sklearn_icd.inspection._token_spans import token_spans

__all__ = ["Explanation", "critical_words", "explain", "highlight_html", "token_spans"]
