"""Classification data: what ships inside scikit-learn or any LIBSVM file, and what is done to it before training."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from lastiterate._checks import check_number, check_steps

BUNDLED = ("digits", "wine", "breast_cancer", "iris")


@dataclass(frozen=True)
class Dataset:
    """Inputs of shape (n, d), float64, and labels of shape (n,), integers 0..classes-1. Every method returns a new one."""

    inputs: np.ndarray
    labels: np.ndarray
    classes: int

    def standardised(self) -> "Dataset":
        """Each feature with mean 0 and variance 1; a constant feature becomes 0."""
        centred = self.inputs - self.inputs.mean(axis=0)
        deviation = centred.std(axis=0)
        return replace(self, inputs=centred / np.where(deviation > 1e-12 * np.abs(self.inputs).max(), deviation, 1.0))

    def principal(self, components: int) -> "Dataset":
        """Centred inputs in the basis of their first principal components, not whitened."""
        components = check_steps("components", components, 1, "it counts the principal components that are kept")
        if components > self.inputs.shape[1]:
            raise ValueError(f"components={components} must be at most {self.inputs.shape[1]}, the number of features")
        centred = self.inputs - self.inputs.mean(axis=0)
        _, vectors = np.linalg.eigh(centred.T @ centred)
        return replace(self, inputs=centred @ vectors[:, ::-1][:, :components])

    def normalised(self) -> "Dataset":
        """Inputs scaled by one number so that the mean squared norm of a row is 1."""
        return replace(self, inputs=self.inputs / np.sqrt((self.inputs**2).sum(axis=1).mean()))

    def with_bias(self, value: float = 1.0) -> "Dataset":
        """One more feature that is `value` in every row."""
        return replace(self, inputs=np.column_stack([self.inputs, np.full(len(self.inputs), float(value))]))

    def with_label_noise(self, probability: float, seed: int) -> "Dataset":
        """Each label redrawn uniformly from all classes (its own included) with `probability`, once and for all."""
        check_number("probability", probability, "it is the chance that a label is redrawn", 0.0, 1.0)
        rng = np.random.default_rng(seed)
        redrawn = rng.random(self.labels.size) < probability
        return replace(self, labels=np.where(redrawn, rng.integers(self.classes, size=self.labels.size), self.labels))


def load_dataset(name: str | Path) -> Dataset:
    """One of `BUNDLED` (from scikit-learn, no download), or the LIBSVM file at a path.

    A LIBSVM file has one sample a line, ``label index:value index:value ...``; its inputs are made dense, and its
    distinct labels, in increasing order, become 0, 1, ... ValueError for a name that is neither, or a file that is not in this format.

    >>> data = load_dataset("iris")
    >>> data.inputs.shape, data.classes
    ((150, 4), 3)
    """
    import sklearn.datasets  # here: its import takes longer than the training of a small set

    if name in BUNDLED:
        inputs, labels = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    elif Path(name).is_file():
        try:
            sparse, labels = sklearn.datasets.load_svmlight_file(str(name))
        except ValueError as error:
            raise ValueError(f"{name} is not in LIBSVM format (label index:value index:value ...): {error}") from error
        inputs = sparse.toarray()
    else:
        raise ValueError(f"data set {str(name)!r} is neither one of {', '.join(BUNDLED)} nor a file: correct the name, or fetch the file")
    values, labels = np.unique(labels, return_inverse=True)
    if values.size < 2:
        raise ValueError(f"data set {str(name)!r} has {values.size} class(es), expected at least 2: there is nothing to classify")
    return Dataset(np.asarray(inputs, dtype=np.float64), labels, values.size)
