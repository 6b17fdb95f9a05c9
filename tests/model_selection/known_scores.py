"""A classifier whose scores are its input, so that a test knows what is tuned on."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin


class KnownScores(ClassifierMixin, BaseEstimator):
    """Give X back as probabilities, and remember what it was fitted on."""

    def fit(self, X, y):
        self.fitted_on_ = np.asarray(X)[:, 0].tolist()
        self.classes_ = np.arange(np.shape(y)[1])
        return self

    def predict_proba(self, X):
        return np.asarray(X)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


class KnownLogits(KnownScores):
    """Give X back as logits, and have no probabilities."""

    predict_proba = property()

    def decision_function(self, X):
        return np.asarray(X)
