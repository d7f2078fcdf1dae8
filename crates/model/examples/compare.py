"""Isolation forests side by side: Sentinel, scikit-learn, isotree; one thread each.

    pip install scikit-learn isotree numpy pandas
    python compare.py PATH_OF_forest_speed

170,000 rows of 16 columns, 100 trees of 256 rows. Fits and batches are given in processor
time, so that other work on the machine does not count; single events by the clock. The sensor's own figures come from
`forest_speed`, which uses the same shape of table.
"""

import platform
import subprocess
import sys
import time

import numpy as np
from isotree import IsolationForest as Isotree
from sklearn.ensemble import IsolationForest as Sklearn

ROWS, COLUMNS, EVENTS = 170_000, 16, 300


def seconds(work, rounds, clock=time.process_time):
    times = []
    for _ in range(rounds):
        begin = clock()
        work()
        times.append(clock() - begin)
    return np.array(times)


def report(name, fit, score, x, rounds):
    forest = fit()
    fitting = np.median(seconds(fit, rounds)) * 1e3
    batch = seconds(lambda: score(forest, x), rounds)
    rows = iter(np.resize(x, (EVENTS, 1, COLUMNS)))
    events = seconds(lambda: score(forest, next(rows)), EVENTS, time.perf_counter) * 1e6
    print(f"{name:14} fit {fitting:.1f} ms, batch {ROWS / np.median(batch):.0f} rows/s,"
          f" event {np.median(events):.1f} us (p99 {np.percentile(events, 99):.1f})", flush=True)


x = np.random.default_rng(0).random((3, ROWS, COLUMNS), dtype=np.float32).sum(axis=0)
print(platform.processor() or platform.machine(), "python", platform.python_version())
ours = dict(line.split() for line in subprocess.check_output([sys.argv[1]], text=True).splitlines())
print(f"{'sentinel-model':14} fit {ours['fit_ms']} ms, batch {ours['batch_rows_per_s']} rows/s,"
      f" event {ours['event_median_us']} us (p99 {ours['event_p99_us']})", flush=True)
report("isotree", lambda: Isotree(ntrees=100, sample_size=256, ndim=1, nthreads=1).fit(x),
       lambda forest, rows: forest.predict(rows), x, 3)
report("scikit-learn", lambda: Sklearn(n_jobs=1, random_state=0).fit(x),
       lambda forest, rows: forest.score_samples(rows), x, 3)
