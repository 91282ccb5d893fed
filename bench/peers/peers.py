"""The same spans in ClickHouse's engine (two schemas) and in DuckDB over Faden's files, asked the same questions.

    python bench/peers/peers.py DATA [RESULTS]

DATA is what `bench query --data DATA` left: a store at rest and questions.json. Loading is resumed where it was broken off:
each block of the store is loaded once and noted. One thread answers. Every answer is compared with DuckDB's, so that no
engine is fast by answering something else.
"""

import json
import pathlib
import resource
import statistics
import sys
import time

import chdb.session
import duckdb

DATA = pathlib.Path(sys.argv[1]).resolve()
RESULTS = pathlib.Path(sys.argv[2] if len(sys.argv) > 2 else "bench/results")
ASKED = json.loads((DATA / "questions.json").read_text())
FILES = sorted(str(path) for path in pathlib.Path(ASKED["folder"]).glob("blocks/*/spans.parquet"))
WORK = DATA / f"peers-{ASKED['spans']}"
WORK.mkdir(exist_ok=True)
ROUNDS = {"trace by id": 50}
NEWEST = 20

# Jaeger v2 (internal/storage/v2/clickhouse/sql), reduced to what its reader asks for.
NESTED = ", ".join(
    f"{level}{kind}_attributes Nested(key LowCardinality(String), value {content})"
    for level in ("", "resource_", "scope_")
    for kind, content in (("bool", "Bool"), ("double", "Float64"), ("int", "Int64"), ("str", "String"), ("complex", "String"))
)
JAEGER = [
    f"""CREATE TABLE IF NOT EXISTS jaeger.spans (
        id String, trace_id String, trace_state String, parent_span_id String, name String, kind String,
        start_time DateTime64(9), status_code String, status_message String, duration Int64, {NESTED},
        events Nested(name String, timestamp DateTime64(9), attributes Array(Tuple(String, String))),
        links Nested(trace_id String, span_id String, trace_state String),
        service_name String, scope_name String, scope_version String,
        INDEX idx_trace_id trace_id TYPE bloom_filter(0.001) GRANULARITY 1,
        INDEX idx_duration duration TYPE minmax GRANULARITY 1
    ) ENGINE = MergeTree PARTITION BY toDate(start_time) ORDER BY (service_name, name, toDateTime(start_time))""",
    """CREATE TABLE IF NOT EXISTS jaeger.trace_id_timestamps (trace_id String, start SimpleAggregateFunction(min, DateTime64(9)),
        end SimpleAggregateFunction(max, DateTime64(9))) ENGINE = AggregatingMergeTree ORDER BY trace_id""",
    """CREATE MATERIALIZED VIEW IF NOT EXISTS jaeger.trace_id_timestamps_mv TO jaeger.trace_id_timestamps AS
        SELECT trace_id, min(start_time) AS start, max(start_time) AS end FROM jaeger.spans GROUP BY trace_id""",
    "CREATE TABLE IF NOT EXISTS jaeger.services (name String) ENGINE = AggregatingMergeTree ORDER BY name",
    "CREATE MATERIALIZED VIEW IF NOT EXISTS jaeger.services_mv TO jaeger.services AS SELECT service_name AS name FROM jaeger.spans GROUP BY name",
    "CREATE TABLE IF NOT EXISTS jaeger.operations (service_name String, name String, kind String) ENGINE = AggregatingMergeTree ORDER BY (service_name, name, kind)",
    """CREATE MATERIALIZED VIEW IF NOT EXISTS jaeger.operations_mv TO jaeger.operations AS
        SELECT service_name, name, kind FROM jaeger.spans GROUP BY service_name, name, kind""",
]

# The Collector's clickhouse exporter.
MAP = "Map(LowCardinality(String), String)"
OTEL = [
    f"""CREATE TABLE IF NOT EXISTS otel.traces (
        Timestamp DateTime64(9) CODEC(Delta, ZSTD(1)), TraceId String CODEC(ZSTD(1)), SpanId String CODEC(ZSTD(1)),
        ParentSpanId String CODEC(ZSTD(1)), TraceState String CODEC(ZSTD(1)), SpanName LowCardinality(String) CODEC(ZSTD(1)),
        SpanKind LowCardinality(String) CODEC(ZSTD(1)), ServiceName LowCardinality(String) CODEC(ZSTD(1)),
        ResourceAttributes {MAP} CODEC(ZSTD(1)), ScopeName String CODEC(ZSTD(1)), ScopeVersion String CODEC(ZSTD(1)),
        SpanAttributes {MAP} CODEC(ZSTD(1)), Duration UInt64 CODEC(ZSTD(1)), StatusCode LowCardinality(String) CODEC(ZSTD(1)),
        StatusMessage String CODEC(ZSTD(1)),
        Events Nested(Timestamp DateTime64(9), Name LowCardinality(String), Attributes {MAP}) CODEC(ZSTD(1)),
        Links Nested(TraceId String, SpanId String, TraceState String, Attributes {MAP}) CODEC(ZSTD(1)),
        INDEX idx_trace_id TraceId TYPE bloom_filter(0.001) GRANULARITY 1,
        INDEX idx_res_attr_key mapKeys(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
        INDEX idx_res_attr_value mapValues(ResourceAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
        INDEX idx_span_attr_key mapKeys(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
        INDEX idx_span_attr_value mapValues(SpanAttributes) TYPE bloom_filter(0.01) GRANULARITY 1,
        INDEX idx_duration Duration TYPE minmax GRANULARITY 1
    ) ENGINE = MergeTree PARTITION BY toDate(Timestamp) ORDER BY (ServiceName, SpanName, toDateTime(Timestamp))""",
    """CREATE TABLE IF NOT EXISTS otel.trace_id_ts (TraceId String CODEC(ZSTD(1)), Start DateTime CODEC(Delta, ZSTD(1)),
        End DateTime CODEC(Delta, ZSTD(1)), INDEX idx_trace_id TraceId TYPE bloom_filter(0.01) GRANULARITY 1
    ) ENGINE = MergeTree PARTITION BY toDate(Start) ORDER BY (TraceId, Start)""",
    """CREATE MATERIALIZED VIEW IF NOT EXISTS otel.trace_id_ts_mv TO otel.trace_id_ts AS
        SELECT TraceId, min(Timestamp) AS Start, max(Timestamp) AS End FROM otel.traces WHERE TraceId != '' GROUP BY TraceId""",
]


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


class Timed:
    """CPU and wall time of a block of code, in seconds."""

    def __enter__(self):
        self.cpu, self.wall = cpu(), time.monotonic()
        return self

    def __exit__(self, *_):
        self.cpu, self.wall = cpu() - self.cpu, time.monotonic() - self.wall


class ClickHouse:
    def __init__(self):
        self.session = chdb.session.Session(str(WORK / "clickhouse"))
        for name in ("jaeger", "otel", "staging"):
            self.run(f"CREATE DATABASE IF NOT EXISTS {name}")
        for statement in JAEGER + OTEL:
            self.run(statement)
        self.run("SET max_threads = 1, max_insert_threads = 1, use_query_condition_cache = 0")

    def run(self, sql: str, form: str = "JSONCompactEachRow") -> list:
        text = self.session.query(sql, form).bytes().decode()
        return [json.loads(line) for line in text.splitlines()] if form == "JSONCompactEachRow" else [text]

    def size(self, database: str) -> int:
        [[size]] = self.run(f"SELECT sum(bytes_on_disk) FROM system.parts WHERE database = '{database}' AND active")
        return int(size or 0)


def staged(path: str, target: pathlib.Path) -> None:
    """One block as a plain table: ids in hexadecimal, parents as ids, attributes in maps by type."""
    types = dict(duckdb.sql(f"SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM '{path}')").fetchall())
    names = list(types)
    attributes = [name for name in names[names.index("links") + 1 :]]
    resource_keys = [name for name in attributes if name.startswith(("resource.", "service.", "k8s.", "host.", "telemetry.", "cloud.", "container.", "deployment."))]
    span_keys = [name for name in attributes if name not in resource_keys]

    def entries(keys: list, kinds: tuple, content: str) -> str:
        chosen = [name for name in keys if types[name] in kinds]
        pairs = ", ".join(f"{{'k': '{name.removeprefix('resource.')}', 'v': \"{name}\"::{content}}}" for name in chosen)
        if not pairs:
            return f"map([]::VARCHAR[], []::{content}[])"
        return f"map_from_entries(list_filter([{pairs}], one -> one.v IS NOT NULL))"

    empty = "map([]::VARCHAR[], []::VARCHAR[])"
    duckdb.sql(
        f"""COPY (SELECT lower(hex(trace_id)) AS trace_id, lower(hex(span_id)) AS span_id,
            coalesce(lower(hex(parent_span_id)), lower(hex(lag(span_id, parent_distance) OVER (ORDER BY file_row_number))), '') AS parent,
            name, kind, status, coalesce(status_message, '') AS status_message, coalesce(trace_state, '') AS trace_state,
            start_ns, greatest(duration_ns, 0) AS duration_ns, coalesce("service.name", '') AS service,
            coalesce(scope_name, '') AS scope_name, coalesce(scope_version, '') AS scope_version,
            map_concat({entries(resource_keys, ("VARCHAR",), "VARCHAR")}, coalesce(resource_attrs, {empty})) AS resource,
            map_concat({entries(span_keys, ("VARCHAR",), "VARCHAR")}, coalesce(attrs, {empty})) AS texts,
            {entries(span_keys, ("BIGINT",), "BIGINT")} AS ints, {entries(span_keys, ("DOUBLE",), "DOUBLE")} AS doubles,
            {entries(span_keys, ("BOOLEAN",), "BOOLEAN")} AS bools,
            list_transform(coalesce(events, []), one -> one.time_ns) AS event_times,
            list_transform(coalesce(events, []), one -> one.name) AS event_names,
            list_transform(coalesce(events, []), one -> map_concat(map_from_entries(list_filter([
                {{'k': 'exception.type', 'v': one.exception_type}}, {{'k': 'exception.message', 'v': one.exception_message}},
                {{'k': 'exception.stacktrace', 'v': one.exception_stacktrace}}], pair -> pair.v IS NOT NULL)),
                coalesce(one.attrs, {empty}))) AS event_attributes,
            list_transform(coalesce(links, []), one -> lower(hex(one.trace_id))) AS link_traces,
            list_transform(coalesce(links, []), one -> lower(hex(one.span_id))) AS link_spans,
            list_transform(coalesce(links, []), one -> coalesce(one.trace_state, '')) AS link_states
            FROM read_parquet('{path}', file_row_number = true)) TO '{target}' (FORMAT parquet, COMPRESSION zstd)"""
    )


KIND = "['', 'internal', 'server', 'client', 'producer', 'consumer'][kind + 1]"
STATUS = "['Unset', 'Ok', 'Error'][status + 1]"
START = "fromUnixTimestamp64Nano(start_ns)"
TO_JAEGER = f"""INSERT INTO jaeger.spans (id, trace_id, trace_state, parent_span_id, name, kind, start_time, status_code, status_message,
    duration, str_attributes.key, str_attributes.value, int_attributes.key, int_attributes.value, double_attributes.key,
    double_attributes.value, bool_attributes.key, bool_attributes.value, resource_str_attributes.key, resource_str_attributes.value,
    events.name, events.timestamp, events.attributes, links.trace_id, links.span_id, links.trace_state, service_name, scope_name, scope_version)
    SELECT span_id, trace_id, trace_state, parent, name, {KIND}, {START}, {STATUS}, status_message, duration_ns,
    mapKeys(texts), mapValues(texts), mapKeys(ints), mapValues(ints), mapKeys(doubles), mapValues(doubles), mapKeys(bools), mapValues(bools),
    mapKeys(resource), mapValues(resource), event_names, arrayMap(t -> fromUnixTimestamp64Nano(t), event_times),
    arrayMap(m -> arrayZip(mapKeys(m), mapValues(m)), event_attributes), link_traces, link_spans, link_states, service, scope_name, scope_version
    FROM staging.spans"""
TO_OTEL = f"""INSERT INTO otel.traces SELECT {START}, trace_id, span_id, parent, trace_state, name, {KIND}, service, resource, scope_name, scope_version,
    mapConcat(texts, mapApply((k, v) -> (k, toString(v)), ints), mapApply((k, v) -> (k, toString(v)), doubles), mapApply((k, v) -> (k, toString(v)), bools)),
    duration_ns, {STATUS}, status_message, arrayMap(t -> fromUnixTimestamp64Nano(t), event_times), event_names, event_attributes,
    link_traces, link_spans, link_states, arrayMap(x -> map(), link_states) FROM staging.spans"""
STAGING = """CREATE TABLE staging.spans (trace_id String, span_id String, parent String, name String, kind Int32, status Int32,
    status_message String, trace_state String, start_ns Int64, duration_ns Int64, service String, scope_name String, scope_version String,
    resource Map(String, String), texts Map(String, String), ints Map(String, Int64), doubles Map(String, Float64), bools Map(String, Bool),
    event_times Array(Int64), event_names Array(String), event_attributes Array(Map(String, String)),
    link_traces Array(String), link_spans Array(String), link_states Array(String)) ENGINE = Memory"""


def load(engine: ClickHouse) -> dict:
    """Loads every block that was not loaded yet; what inserting took is kept over runs."""
    note = WORK / "loaded.json"
    done = json.loads(note.read_text()) if note.exists() else {"files": [], "jaeger_cpu_s": 0.0, "otel_cpu_s": 0.0}
    target = WORK / "staged.parquet"
    for number, path in enumerate(FILES):
        if path in done["files"]:
            continue
        print(f"\r{number + 1} of {len(FILES)} blocks ", end="", file=sys.stderr, flush=True)
        staged(path, target)
        engine.run("DROP TABLE IF EXISTS staging.spans")
        engine.run(STAGING)
        engine.run(f"INSERT INTO staging.spans SELECT * FROM file('{target}', Parquet)")
        for name, statement in (("jaeger_cpu_s", TO_JAEGER), ("otel_cpu_s", TO_OTEL)):
            with Timed() as timed:
                engine.run(statement)
            done[name] += timed.cpu
        done["files"].append(path)
        note.write_text(json.dumps(done))
    engine.run("DROP TABLE IF EXISTS staging.spans")
    target.unlink(missing_ok=True)
    if "merged" not in done:
        for name, table in (("jaeger_cpu_s", "jaeger.spans"), ("otel_cpu_s", "otel.traces")):
            with Timed() as timed:
                engine.run(f"OPTIMIZE TABLE {table} FINAL")
            done[f"merge_{name}"] = timed.cpu
        done["merged"] = True
        note.write_text(json.dumps(done))
    print(file=sys.stderr)
    return done


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def questions() -> list:
    """Name, then for each engine the SQL texts that ask it in turn."""
    service, operation = quoted(ASKED["service"]), quoted(ASKED["operation"])
    traces = [quoted(id) for id in ASKED["traces"]]
    rare = [(quoted(service), quoted(id)) for service, id in ASKED["rare"]]

    def jaeger_newest(condition: str) -> str:
        return f"SELECT trace_id, max(start_time) AS latest FROM jaeger.spans WHERE {condition} GROUP BY trace_id ORDER BY latest DESC LIMIT {NEWEST}"

    def otel_newest(condition: str) -> str:
        return f"SELECT TraceId, max(Timestamp) AS latest FROM otel.traces WHERE {condition} GROUP BY TraceId ORDER BY latest DESC LIMIT {NEWEST}"

    def duck_newest(condition: str) -> str:
        return f"SELECT lower(hex(trace_id)), max(start_ns) AS latest FROM spans WHERE {condition} GROUP BY 1 ORDER BY latest DESC LIMIT {NEWEST}"

    def newest(name: str, jaeger: str, otel: str, duck: str) -> tuple:
        return name, [jaeger_newest(jaeger)], [otel_newest(otel)], [duck_newest(duck)]

    def has(id: str) -> str:
        return f"arrayExists((k, v) -> k = 'request.id' AND v = {id}, str_attributes.key, str_attributes.value)"

    rare_column = '"request.id"' if "request.id" in COLUMNS else "attrs['request.id']"
    return [
        (
            "trace by id",
            [
                f"SELECT * FROM jaeger.spans WHERE trace_id = {id} AND start_time >= (SELECT min(start) FROM jaeger.trace_id_timestamps WHERE trace_id = {id}) AND start_time <= (SELECT max(end) FROM jaeger.trace_id_timestamps WHERE trace_id = {id})"
                for id in traces
            ],
            [
                f"WITH {id} AS wanted, (SELECT min(Start) FROM otel.trace_id_ts WHERE TraceId = wanted) AS first, (SELECT max(End) + 1 FROM otel.trace_id_ts WHERE TraceId = wanted) AS last SELECT * FROM otel.traces WHERE TraceId = wanted AND Timestamp >= first AND Timestamp <= last"
                for id in traces
            ],
            [f"SELECT * FROM spans WHERE trace_id = unhex({id})" for id in traces],
        ),
        (
            "rare attribute value, no service",
            [jaeger_newest(has(id)) for _, id in rare],
            [otel_newest(f"SpanAttributes['request.id'] = {id}") for _, id in rare],
            [duck_newest(f"{rare_column} = {id}") for _, id in rare],
        ),
        (
            "rare attribute value with its service",
            [jaeger_newest(f"service_name = {of} AND {has(id)}") for of, id in rare],
            [otel_newest(f"ServiceName = {of} AND SpanAttributes['request.id'] = {id}") for of, id in rare],
            [duck_newest(f'"service.name" = {of} AND {rare_column} = {id}') for of, id in rare],
        ),
        newest("newest 20 with errors", "status_code = 'Error'", "StatusCode = 'Error'", "status = 2"),
        newest("newest 20 over 1 s", "duration >= 1000000000", "Duration >= 1000000000", "duration_ns >= 1000000000"),
        newest(
            "newest 20 of service and operation",
            f"service_name = {service} AND name = {operation}",
            f"ServiceName = {service} AND SpanName = {operation}",
            f'"service.name" = {service} AND name = {operation}',
        ),
        newest(
            "newest 20 of service with errors over 100 ms",
            f"service_name = {service} AND status_code = 'Error' AND duration >= 100000000",
            f"ServiceName = {service} AND StatusCode = 'Error' AND Duration >= 100000000",
            f'"service.name" = {service} AND status = 2 AND duration_ns >= 100000000',
        ),
        (
            "count by service",
            ["SELECT service_name, count() FROM jaeger.spans GROUP BY 1 ORDER BY 1"],
            ["SELECT ServiceName, count() FROM otel.traces GROUP BY 1 ORDER BY 1"],
            ['SELECT "service.name", count(*) FROM spans GROUP BY 1 ORDER BY 1'],
        ),
        (
            "p99 by service",
            ["SELECT service_name, quantile(0.99)(duration) FROM jaeger.spans GROUP BY 1 ORDER BY 1"],
            ["SELECT ServiceName, quantile(0.99)(Duration) FROM otel.traces GROUP BY 1 ORDER BY 1"],
            ['SELECT "service.name", approx_quantile(duration_ns, 0.99) FROM spans GROUP BY 1 ORDER BY 1'],
        ),
        (
            "services",
            ["SELECT DISTINCT name FROM jaeger.services ORDER BY 1"],
            ["SELECT DISTINCT ServiceName FROM otel.traces ORDER BY 1"],
            ['SELECT DISTINCT "service.name" FROM spans ORDER BY 1'],
        ),
        (
            "operations of a service",
            [f"SELECT DISTINCT name, kind FROM jaeger.operations WHERE service_name = {service} ORDER BY 1, 2"],
            [f"SELECT DISTINCT SpanName, SpanKind FROM otel.traces WHERE ServiceName = {service} ORDER BY 1, 2"],
            [f'SELECT DISTINCT name, kind FROM spans WHERE "service.name" = {service} ORDER BY 1, 2'],
        ),
    ]


def measured(name: str, texts: list, ask) -> tuple:
    """Median wall, mean CPU in milliseconds, and what the first asking found."""
    first = ask(texts[0])
    walls, rounds = [], ROUNDS.get(name, max(5, min(len(texts), 20)))
    with Timed() as timed:
        for number in range(rounds):
            with Timed() as one:
                ask(texts[number % len(texts)])
            walls.append(one.wall * 1e3)
    return {"wall_ms": statistics.median(walls), "cpu_ms": timed.cpu * 1e3 / rounds}, first


def same(name: str, answers: dict) -> None:
    """All engines find the same: the ids of traces, names and counts, or as many spans."""
    if name == "trace by id":
        reduced = {engine: len(rows) for engine, rows in answers.items()}
    elif name == "p99 by service":
        reduced = {engine: [row[0] for row in rows] for engine, rows in answers.items()}
    elif name == "operations of a service":
        reduced = {engine: len(rows) for engine, rows in answers.items()}
    elif name == "count by service":
        reduced = {engine: [[row[0], int(row[1])] for row in rows] for engine, rows in answers.items()}
    else:
        reduced = {engine: sorted(row[0] for row in rows) for engine, rows in answers.items()}
    found = list(reduced.values())
    assert found[0] and all(one == found[0] for one in found), f"{name}: the engines differ: {reduced}"


def faden(name: str) -> dict:
    """What `bench query` recorded in the same run, for the largest store."""
    figures = {one["name"]: one["value"] for one in json.loads((RESULTS / "query.json").read_text())["figures"]}
    size = f"{ASKED['spans'] // 1_000_000} M" if ASKED["spans"] >= 1_000_000 else f"{ASKED['spans'] // 1_000} k"
    for at in (f" at {size}", ""):
        if f"{name}{at}, p50" in figures:
            return {"wall_ms": figures[f"{name}{at}, p50"], "cpu_ms": figures[f"{name}{at}, server CPU"]}
    raise SystemExit(f"{RESULTS}/query.json has no figure of `{name}`: run `bench query` first")


duckdb.sql("SET lambda_syntax = 'ENABLE_SINGLE_ARROW'")
engine = ClickHouse()
done = load(engine)
# One view over all blocks, which differ in the columns of rarer keys.
duck = duckdb.connect()
duck.execute("SET threads = 1")
duck.execute(f"CREATE VIEW spans AS SELECT * FROM read_parquet({FILES}, union_by_name = true)")
COLUMNS = [row[0] for row in duck.execute("DESCRIBE spans").fetchall()]
[(count,)] = duck.execute("SELECT count(*) FROM spans").fetchall()
for table in ("jaeger.spans", "otel.traces"):
    [[loaded]] = engine.run(f"SELECT count() FROM {table}")
    assert int(loaded) == count == ASKED["spans"], f"{table} has {loaded} of {ASKED['spans']} spans, the files {count}"

rows = []
for name, jaeger, otel, own in questions():
    by_jaeger, first = measured(name, jaeger, engine.run)
    by_otel, second = measured(name, otel, engine.run)
    by_duck, third = measured(name, own, lambda text: [list(row) for row in duck.execute(text).fetchall()])
    same(name, {"jaeger": first, "otel": second, "duckdb": third})
    rows.append({"question": name, "faden": faden(name), "clickhouse_jaeger": by_jaeger, "clickhouse_otel": by_otel, "duckdb": by_duck})
    print(f"{name}: " + ", ".join(f"{key} {one['wall_ms']:.2f}/{one['cpu_ms']:.2f}" for key, one in rows[-1].items() if key != "question"))

spans = ASKED["spans"]
record = {
    "spans": spans,
    "machine": json.loads((RESULTS / "query.json").read_text())["machine"],
    "versions": {"chdb": chdb.__version__, "clickhouse": engine.run("SELECT version()")[0][0], "duckdb": duckdb.__version__},
    "bytes_per_span": {
        "faden": ASKED["faden_bytes_per_span"],
        "clickhouse_jaeger": engine.size("jaeger") / spans,
        "clickhouse_otel": engine.size("otel") / spans,
    },
    "load_cpu_us_per_span": {
        "faden": ASKED["faden_fill_cpu_s"] / spans * 1e6,
        "clickhouse_jaeger": (done["jaeger_cpu_s"] + done["merge_jaeger_cpu_s"]) / spans * 1e6,
        "clickhouse_otel": (done["otel_cpu_s"] + done["merge_otel_cpu_s"]) / spans * 1e6,
    },
    "questions": rows,
}
(RESULTS / "peers.json").write_text(json.dumps(record, indent=2) + "\n")
print(f"recorded in {RESULTS}/peers.json")
