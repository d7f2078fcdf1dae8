"""Writes what scikit-learn finds, for the parity test to compare with.

    python scikit_learn.py TABLES_DIR > scikit_learn.txt

One line per table and seed: the table's file name, the seed, and the area under the
receiver operating characteristic of an IsolationForest with default parameters, fitted
and scored on all rows of the table; then, per table, how many rows `predict` calls
anomalies at contamination 0.1 and seed 0.
"""

import sys
from pathlib import Path

import numpy as np
import sklearn
from sklearn.ensemble import IsolationForest
from sklearn.metrics import roc_auc_score

print("# scikit-learn", sklearn.__version__)
for path in sorted(Path(sys.argv[1]).glob("*.npz")):
    table = np.load(path)
    x, y = table["X"].astype(np.float32), table["y"]
    for seed in range(5):
        forest = IsolationForest(random_state=seed).fit(x)
        print("auroc", path.name, seed, f"{roc_auc_score(y, -forest.score_samples(x)):.6f}")
    labels = IsolationForest(random_state=0, contamination=0.1).fit_predict(x)
    print("anomalies", path.name, int((labels == -1).sum()))
