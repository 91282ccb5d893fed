"""Reads the golden blocks, made by this and by earlier versions, with both readers.

    python tests/readers/golden.py crates/blocks/golden/*/spans.parquet
"""

import sys

import duckdb
import pyarrow.parquet as parquet

for path in sys.argv[1:]:
    table = parquet.read_table(path)
    [(count, traces)] = duckdb.sql(f"SELECT count(*), count(DISTINCT trace_id) FROM '{path}'").fetchall()
    assert table.num_rows == count > 0, f"{path}: pyarrow reads {table.num_rows} rows, DuckDB {count}"
    same = duckdb.sql(f"SELECT * FROM '{path}'").fetchall()
    assert len(same) == count
    assert [row["span_id"] for row in table.select(["span_id"]).to_pylist()] == [
        row[0] for row in duckdb.sql(f"SELECT span_id FROM '{path}'").fetchall()
    ]
    print(f"ok: {path}: {count} spans of {traces} traces")
