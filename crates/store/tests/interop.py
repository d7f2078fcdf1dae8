"""Reads a data folder with DuckDB and pyarrow and compares every value.

usage: interop.py DIR; DIR holds the store and expected-TABLE.jsonl, one object per row.
Times are nanoseconds since the Unix epoch.
"""

import json
import sys

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
import pyarrow.ipc as ipc


def same(engine, table, expected, found):
    assert len(found) == len(expected), f"{engine}: {len(found)} rows, not {len(expected)}"
    for want, got in zip(expected, found):
        for column, value in want.items():
            assert got[column] == value, (
                f"{engine}: {table}.{column} of {want['seq']}: {got[column]!r}, not {value!r}"
            )


def with_pyarrow(folder, table, expected):
    found = ds.dataset(f"{folder}/{table}", partitioning="hive").to_table().sort_by("seq")
    for index, field in enumerate(found.schema):
        if str(field.type).startswith("timestamp"):
            assert str(field.type) == "timestamp[ns, tz=UTC]", field
            found = found.set_column(index, field.name, pc.cast(found[field.name], "int64"))
    if table == "alerts":
        item = pa.struct([("seq", "uint64"), ("time", "int64"), ("text", "string")])
        index = found.schema.get_field_index("evidence")
        found = found.set_column(index, "evidence", pc.cast(found["evidence"], pa.list_(item)))
    same("pyarrow", table, expected, found.to_pylist())


def with_duckdb(folder, table, expected):
    relation = duckdb.sql(
        f"select * from read_parquet('{folder}/{table}/*/*.parquet', hive_partitioning=true)"
        " order by seq"
    )
    columns = []
    for name, kind in zip(relation.columns, relation.types):
        if str(kind).startswith("TIMESTAMP"):
            columns.append(f'epoch_ns("{name}") as "{name}"')
        elif name == "evidence":
            columns.append(
                "list_transform(evidence,"
                " lambda e: {'seq': e.seq, 'time': epoch_ns(e.time), 'text': e.text}) as evidence"
            )
        else:
            columns.append(f'"{name}"')
    result = relation.select(", ".join(columns))
    rows = [dict(zip(result.columns, row)) for row in result.fetchall()]
    same("duckdb", table, expected, rows)


def with_journal(path, expected):
    with open(path, "rb") as file:
        found = ipc.open_stream(file).read_all()
    assert found["seq"].to_pylist() == expected, "the journal is not an Arrow stream"


def main():
    folder = sys.argv[1]
    for table in ("events", "alerts"):
        with open(f"{folder}/expected-{table}.jsonl", encoding="utf-8") as file:
            expected = [json.loads(line) for line in file]
        assert len(expected) >= 20
        with_pyarrow(folder, table, expected)
        with_duckdb(folder, table, expected)
    with_journal(sys.argv[2], [int(seq) for seq in sys.argv[3:]])
    print("equal")


main()
