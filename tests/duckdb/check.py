"""Reads blocks with DuckDB, to prove that they are plain Parquet.

    pip install duckdb
    python tests/duckdb/check.py crates/blocks/golden/block-1/spans.parquet [more files]
"""

import sys

import duckdb

COLUMNS = {
    "trace_id": "BLOB",
    "span_id": "BLOB",
    "name": "VARCHAR",
    "start_ns": "BIGINT",
    "duration_ns": "BIGINT",
    "attrs": "MAP(VARCHAR, VARCHAR)",
    "service.name": "VARCHAR",
    "http.response.status_code": "BIGINT",
}


def check(path: str) -> None:
    table = f"read_parquet('{path}')"
    rows = duckdb.sql(f"SELECT * FROM {table}").fetchall()
    [(count,)] = duckdb.sql(f"SELECT count(*) FROM {table}").fetchall()
    assert len(rows) == count > 0, f"{path}: {len(rows)} rows of {count}"
    types = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM {table})").fetchall())
    wrong = {name: types.get(name) for name, kind in COLUMNS.items() if types.get(name) != kind}
    assert not wrong, f"{path}: unexpected columns {wrong}"
    [(dangling,)] = duckdb.sql(
        f"""SELECT count(*) FROM
            (SELECT parent_distance, lag(trace_id, parent_distance) OVER (ORDER BY place) AS parent_trace, trace_id
             FROM (SELECT *, file_row_number AS place FROM read_parquet('{path}', file_row_number = true)))
            WHERE parent_distance > 0 AND parent_trace IS DISTINCT FROM trace_id"""
    ).fetchall()
    assert dangling == 0, f"{path}: {dangling} parents lie outside their trace"
    [(services,)] = duckdb.sql(f'SELECT count(DISTINCT "service.name") FROM {table}').fetchall()
    print(f"{path}: {count} spans, {len(types)} columns, {services} services")


for path in sys.argv[1:] or sys.exit(__doc__):
    check(path)
