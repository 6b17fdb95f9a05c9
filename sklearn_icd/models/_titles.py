"""The parameters of systems that know codes by their titles, and codes they never trained on."""

import copy
import warnings
from collections.abc import Mapping

import numpy as np
import torch
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from sklearn_icd.codes import describe_codes, find_code_system
from sklearn_icd.text import WordTokenizer
from sklearn_icd.utils._hyperparameters import Estimator, Titles, hyperparameters


@hyperparameters
class CodeTitles:
    """Give a classifier the titles of its codes.

    Parameters
    ----------
    label_titles : mapping of code to title, default=None
        What the codes mean; further codes may be among them. None: the titles of the coding
        system that has all codes, if one does (:func:`~sklearn_icd.codes.find_code_system`).

    Attributes
    ----------
    title_tokenizer_ : WordTokenizer
        Numbers the words of titles. Only there where the system reads these itself.
    """

    label_titles: Titles | None = None

    def code_titles(self, data):
        """Look up the titles of the codes.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        Returns
        -------
        titles : dict of code to str, or None
            In the order of the codes. None if they are not known.
        """
        return self._titles_of(data.classes) if self.multilabel_ else None

    def title_words(self, data):
        """Number the words of the titles: a classifier sees no words, only the ids of its notes.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        Returns
        -------
        ids : tensor of int64 of shape (n_codes, longest title), or None
            Ids of their own, 0 behind the end of a title. None if the titles are not known.
        """
        titles = self.code_titles(data)
        if titles is None:
            return None
        self.title_tokenizer_ = WordTokenizer(min_notes=1).fit(_in_lower_case(titles))
        return self.read_titles(titles)

    def read_titles(self, titles):
        """Look up the numbers of the words of titles.

        Parameters
        ----------
        titles : mapping of code to str
            Titles of any codes.

        Returns
        -------
        ids : tensor of int64 of shape (n_titles, longest title)
            As `title_words` gives them; words that it did not see are unknown.
        """
        words = self.title_tokenizer_.transform(_in_lower_case(titles))
        return torch.from_numpy(words.toarray().astype(np.int64))

    def _titles_of(self, classes):
        codes = classes.tolist()
        if self.label_titles is not None:
            missing = [code for code in codes if code not in self.label_titles]
            if missing:
                raise ValueError(
                    f"label_titles has no title for {len(missing)} of {len(codes)} codes, the "
                    f"first is {missing[0]!r}: add them, or leave label_titles=None to take the "
                    "titles of the coding system that has them all."
                )
            return {code: self.label_titles[code] for code in codes}
        if not all(isinstance(code, str) for code in codes):
            return None
        code_system = find_code_system(codes)
        return None if code_system is None else code_system.titles(codes)


@hyperparameters
class TitledCodes(CodeTitles):
    """Give a classifier vectors of the titles of its codes, and codes it did not train on.

    Parameters
    ----------
    label_encoder : transformer, default=None
        Makes vectors from the texts ``"CODE: title"``; any scikit-learn transformer does.

    Attributes
    ----------
    label_encoder_ : transformer
        The fitted encoder of titles. Missing where no titles were used.

    label_scale_ : float
        What its vectors are multiplied by.

    added_codes_ : ndarray
        Codes added by `with_codes`; only there after it.
    """

    label_encoder: Estimator | None = None

    def encode_titles(self, data, encoder):
        """Fit the encoder on the titles of the codes, and bring its vectors to a common size.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        encoder : transformer
            What makes the vectors; a clone of it is kept in `label_encoder_`.

        Returns
        -------
        vectors : tensor of shape (n_codes, d) or None
            One vector per code, their mean square 1. None if the titles are not known.
        """
        titles = self.code_titles(data)
        if titles is None:
            return None
        self.label_encoder_ = clone(encoder)
        vectors = _dense(self.label_encoder_.fit_transform(describe_codes(titles)))
        self.label_scale_ = 1 / vectors.square().mean().sqrt().clamp_min(1e-6).item()
        return vectors * self.label_scale_

    def title_vectors(self, data):
        """Give the vectors that `label_encoder` makes of the titles.

        Parameters
        ----------
        data : FitData
            What the fit found in its data.

        Returns
        -------
        vectors : tensor of shape (n_codes, d) or None
            None without an encoder, or, with a warning, if the titles are not known.
        """
        if self.label_encoder is None:
            return None
        vectors = self.encode_titles(data, self.label_encoder)
        if vectors is None and self.multilabel_:
            warnings.warn(
                "label_encoder has nothing to encode: no coding system has the "
                f"{len(data.classes)} codes, the first of which is {data.classes.tolist()[0]!r}. "
                "Name the columns of y with classes=[...] if they are ICD codes, or pass "
                "label_titles={code: title}.",
                stacklevel=2,
            )
        return vectors

    def with_codes(self, titles):
        """Add codes that were not trained on, by their titles.

        Parameters
        ----------
        titles : mapping of code to title
            The new codes.

        Returns
        -------
        estimator : estimator
            A fitted estimator that shares the trained parameters with this one. The new codes
            stand at the end of `classes_` and in `added_codes_`; a clone forgets them.

        Raises
        ------
        ValueError
            If a code is there already, or if the system cannot know codes by their titles.
        """
        check_is_fitted(self)
        self._check_can_add(titles)
        module = _with_shared_parameters(self.net_.module_)
        self._append_codes(module, titles)
        extended = copy.copy(self)
        extended.net_ = self.net_.with_module(module)
        codes = np.array(list(titles), dtype=object if self.classes_.dtype == object else None)
        extended.classes_ = np.concatenate([self.classes_, codes])
        extended.added_codes_ = np.concatenate([getattr(self, "added_codes_", codes[:0]), codes])
        return extended

    def partial_fit(self, X, y, classes=None):
        """Train for one more epoch, without validation.

        Parameters
        ----------
        X : sparse array or array-like of shape (n_notes, longest note)
            Token ids. The first call sets the vocabulary: ids that are new later are unknown.

        y : array-like, sparse array or data frame of shape (n_notes, n_codes)
            1 where a note has a code.

        classes : array-like of shape (n_classes,), default=None
            In the first call, the names of the columns or all classes of a 1-D y.

        Returns
        -------
        self : MultiLabelClassifier
            The estimator.
        """
        if hasattr(self, "added_codes_"):
            raise ValueError(
                f"{len(self.added_codes_)} codes were added by with_codes, and this estimator "
                "shares its parameters with the one they were added to: train that one, or fit "
                "with the new codes among the columns of y."
            )
        return super().partial_fit(X, y, classes)

    def _append_codes(self, module, titles):
        vectors = _dense(self.label_encoder_.transform(describe_codes(titles)))
        vectors *= self.label_scale_
        for block in module.modules():
            if hasattr(block, "append_codes"):
                block.append_codes(vectors)

    def _knows_titles(self):
        return hasattr(self, "label_encoder_")

    def _check_can_add(self, titles):
        if not isinstance(titles, Mapping) or not titles:
            raise ValueError("titles must be a mapping of at least one new code to its title.")
        known = [code for code in titles if code in set(self.classes_.tolist())]
        if known:
            raise ValueError(
                f"the code {known[0]!r} is among the classes_ of this estimator already."
            )
        if not self._knows_titles():
            encoder = "" if self.label_encoder else "label_encoder=TitleEncoder() and "
            raise ValueError(
                "no titles were used in fit, so the label vectors were drawn at random and "
                f"trained; a new code has none. Pass {encoder}label_titles={{code: title, ...}} "
                "(not needed for the codes of one coding system) and fit again."
            )
        if np.ndim(self.threshold) > 0:
            raise ValueError(
                "threshold holds one probability per trained code, and new codes have none: set "
                "one for all with set_params(threshold=0.5), then add the codes."
            )


def _with_shared_parameters(module):
    """Copy a module and its buffers around the same parameters."""
    module = getattr(module, "_orig_mod", module)
    return copy.deepcopy(module, {id(parameter): parameter for parameter in module.parameters()})


def _in_lower_case(titles):
    return [title.lower() for title in titles.values()]


def _dense(vectors):
    vectors = vectors.toarray() if sparse.issparse(vectors) else np.asarray(vectors)
    return torch.as_tensor(vectors, dtype=torch.float32)
