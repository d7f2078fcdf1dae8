"""Reads a data folder with two engines that have nothing to do with Sentinel.

    parquet.py DATA_DIR TRUTH.json

TRUTH tells what the caller did while the daemon watched: one command with its
arguments, its parent's pid, and the time window in seconds since the epoch. One line
is printed per check, and a line of counts at the end.
"""

import json
import sys
from collections import Counter
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq

results = Counter()


def rows(query, **parameters):
    """What DuckDB answers, as one dict per row."""
    return duckdb.sql(query, params=parameters or None).to_arrow_table().to_pylist()


def check(sentence, problem):
    """Counts one check; `problem` is empty when all is well."""
    results["failed" if problem else "passed"] += 1
    print(f"FAILED  {sentence}: {problem}" if problem else f"ok      {sentence}")


class Table:
    """One table of the data folder, read whole by both engines, in order of `seq`."""

    def __init__(self, data, name):
        self.name = name
        self.files = sorted((data / name).glob("date=*/*.parquet"))
        if not self.files:
            raise SystemExit(f"there is no partition of {name} below {data}")
        self.pattern = f"{data / name}/date=*/*.parquet"
        source = ds.dataset(data / name, format="parquet", partitioning="hive")
        self.arrow = source.to_table().sort_by("seq")
        self.sql = f"read_parquet('{self.pattern}', hive_partitioning = true)"
        self.duck = duckdb.sql(f"select * from {self.sql} order by seq").to_arrow_table()

    def column_difference(self, name):
        """What tells one engine's column from the other's; empty when nothing does."""
        ours = self.arrow[name].combine_chunks()
        # The engines spell time zones and the folder's date differently; the values are
        # the same where one's become the other's without loss.
        theirs = self.duck[name].combine_chunks().cast(ours.type)
        if ours.equals(theirs):
            return ""
        row = next(i for i in range(len(ours)) if not ours[i].equals(theirs[i]))
        return f"{name} differs in row {row}: {ours[row]} and {theirs[row]}"

    def difference(self):
        if self.arrow.num_rows == 0:
            return "there are no rows"
        if self.arrow.num_rows != self.duck.num_rows:
            return f"{self.arrow.num_rows} and {self.duck.num_rows} rows"
        if self.arrow.column_names != self.duck.column_names:
            return f"columns {set(self.arrow.column_names) ^ set(self.duck.column_names)}"
        return "; ".join(filter(None, map(self.column_difference, self.arrow.column_names)))


def repeated(table):
    """Positions in the history that occur more than once."""
    counts = Counter(table.arrow["seq"].to_pylist())
    twice = [seq for seq, n in counts.items() if n > 1]
    return f"seq {twice[:5]} more than once" if twice else ""


def unversioned(table):
    """Files that do not say which version of the schema they have."""
    missing = [f.name for f in table.files if b"sentinel.schema_version" not in (pq.read_metadata(f).metadata or {})]
    return f"no schema version in {missing[:5]}" if missing else ""


def kinds_differ(table):
    ours = Counter(table.arrow["kind"].to_pylist())
    theirs = {row["kind"]: row["n"] for row in rows(f"select kind, count(*) as n from {table.sql} group by kind")}
    if ours != theirs:
        return f"{dict(ours)} and {theirs}"
    absent = {"exec", "fork", "exit", "open", "memfd"} - set(ours)
    return f"no {sorted(absent)} among {sorted(ours)}" if absent else ""


def command_differs(table, truth):
    """Looks for the caller's command and compares all that the caller knows about it."""
    found = rows(
        f"select argv, exe, pid, ppid, uid, epoch(time::timestamptz) as time, parent_exec_id, exec_id"
        f" from {table.sql} where kind = 'exec' and argv = $argv",
        argv=truth["argv"],
    )
    if len(found) != 1:
        return f"{len(found)} rows with arguments {truth['argv']}"
    row = found[0]
    wrong = [f"{key} is {row[key]!r}, not {truth[key]!r}" for key in ("exe", "pid", "ppid", "uid") if row[key] != truth[key]]
    if not truth["after"] <= row["time"] <= truth["before"]:
        wrong.append(f"time {row['time']} is not between {truth['after']} and {truth['before']}")
    if not row["parent_exec_id"]:
        wrong.append("it has no parent")
    ends = rows(
        f"select code, time >= (select time from {table.sql} where kind = 'exec' and exec_id = $id) as later"
        f" from {table.sql} where kind = 'exit' and exec_id = $id",
        id=row["exec_id"],
    )
    if ends != [{"code": truth["code"], "later": True}]:
        wrong.append(f"its ends are {ends}, not one with code {truth['code']}")
    return "; ".join(wrong)


def alert_leads_nowhere(alerts, events):
    """An alert must lead to the process and the events that it is about."""
    [found] = rows(
        f"select count(distinct a.id) as alerts, count(distinct e.exec_id) as processes from {alerts.sql} a"
        f" left join {events.sql} e on e.exec_id = a.exec_id and e.kind = 'exec'"
        f" where a.detection = 'fileless_execution'"
    )
    if found["alerts"] == 0:
        return "no alert of fileless_execution"
    return "" if found["processes"] else "the alerts name processes that are not among the events"


def main(data, truth):
    events, alerts = Table(data, "events"), Table(data, "alerts")
    for table in (events, alerts):
        check(f"DuckDB and pyarrow read the same {table.arrow.num_rows} {table.name}", table.difference())
        check(f"each of the {table.name} has a position of its own", repeated(table))
        check(f"each file of {table.name} says its schema version", unversioned(table))
    check("both count the same kinds of events", kinds_differ(events))
    check("a known command is found with its arguments, parent, time and end", command_differs(events, truth))
    check("the alert leads to the events it is about", alert_leads_nowhere(alerts, events))
    print(f"{results['passed']} passed, {results['failed']} failed, 0 skipped")
    return 1 if results["failed"] else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), json.loads(Path(sys.argv[2]).read_text())))
