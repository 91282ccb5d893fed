"""Compares every span in Parquet files with what was sent, once read by pyarrow and once by DuckDB.

    python tests/readers/check.py sent.jsonl "what these are" spans.parquet [more files]

How columns become a span again follows docs/format/block.md alone: the lists of conventions and of older names are taken
from that page.
"""

import base64
import json
import math
import pathlib
import re
import struct
import sys

import duckdb
import pyarrow.parquet as parquet

PAGE = (pathlib.Path(__file__).parents[2] / "docs/format/block.md").read_text()


def listed(start: str) -> list[str]:
    """The keys of a paragraph of the page."""
    paragraph = PAGE[PAGE.index(start) :].split("\n\n")[0]
    return re.findall(r"`([a-z0-9_.]+)`", paragraph)


RESOURCE = listed("Of the resource:")
SPAN = listed("Of the span:")
OLDER = {int(bit): (old, new) for bit, old, new in re.findall(r"\| (\d+) \| `([^`]+)` \| `([^`]+)` (?=\|)", PAGE)}
INTRINSIC = set(re.findall(r"`([a-z_]+)`", PAGE[PAGE.index("## Columns") : PAGE.index("| conventions |")]))


def sent(path: str) -> dict:
    """The spans of OTLP JSON lines, by ids and start."""
    spans = {}
    for line in open(path, encoding="utf-8"):
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    spans[key(span["traceId"], span["spanId"], span.get("startTimeUnixNano", 0))] = {
                        "name": span.get("name", ""),
                        "parent": span.get("parentSpanId", "").lower(),
                        "kind": span.get("kind", 0),
                        "status": (span.get("status", {}).get("code", 0), span.get("status", {}).get("message", "")),
                        "end": int(span.get("endTimeUnixNano", 0)),
                        "state": span.get("traceState", ""),
                        "flags": span.get("flags", 0),
                        "attributes": attributes(span),
                        "resource": attributes(resource.get("resource", {})),
                        "scope": (scope.get("scope", {}).get("name", ""), scope.get("scope", {}).get("version", "")),
                        "events": [
                            (int(event.get("timeUnixNano", 0)), event.get("name", ""), attributes(event))
                            for event in span.get("events", [])
                        ],
                        "links": [
                            (link["traceId"].lower(), link["spanId"].lower(), link.get("traceState", ""), attributes(link))
                            for link in span.get("links", [])
                        ],
                    }
    return spans


def key(trace: str, span: str, start) -> tuple:
    return (trace.lower(), span.lower(), int(start))


def attributes(holder: dict) -> list:
    return sorted((one["key"], *value(one.get("value", {}))) for one in holder.get("attributes", []))


def value(written: dict) -> tuple:
    """A value as its letter of the tail and a text."""
    for name, content in written.items():
        match name:
            case "stringValue":
                return "s", content
            case "intValue":
                return "i", str(int(content))
            case "boolValue":
                return "b", "true" if content else "false"
            case "doubleValue":
                return "d", double(float(content))
            case "bytesValue":
                return "y", base64.b64decode(content).hex()
            case "arrayValue" | "kvlistValue":
                return "nested", ""
    return "n", ""


def double(number: float) -> str:
    return "nan" if math.isnan(number) else repr(number)


def tail(entries, letters) -> list:
    entries = list(entries.items()) if isinstance(entries, dict) else list(entries or [])
    letters = letters or "s" * len(entries)
    assert len(letters) == len(entries), f"{letters!r} for {entries}"
    found = []
    for (name, text), letter in zip(entries, letters):
        if letter == "x":
            letter, text = "d", double(struct.unpack(">d", bytes.fromhex(text.rjust(16, "0")))[0])
        elif letter == "d":
            text = double(float(text))
        elif letter in "am":
            letter, text = "nested", ""
        found.append((name, letter, text))
    return found


def column(content) -> tuple:
    match content:
        case bool():
            return "b", "true" if content else "false"
        case int():
            return "i", str(content)
        case float():
            return "d", double(content)
    return "s", content


def span_of(rows: list, at: int) -> tuple:
    row = rows[at]
    own, resource = tail(row["attrs"], row["attr_types"]), tail(row["resource_attrs"], row["resource_attr_types"])
    renamed = {new: old for bit, (old, new) in OLDER.items() if (row["old_names"] or 0) >> bit & 1}
    for name, content in row.items():
        if content is None or name in INTRINSIC:
            continue
        of_resource = name in RESOURCE or name.startswith("resource.")
        named = renamed.get(name, name.removeprefix("resource.") if name not in RESOURCE + SPAN else name)
        (resource if of_resource else own).append((named, *column(content)))
    parent = row["parent_span_id"]
    if row["parent_distance"] is not None:
        parent = rows[at - row["parent_distance"]]["span_id"]
        assert rows[at - row["parent_distance"]]["trace_id"] == row["trace_id"]
    events = []
    for event in row["events"] or []:
        found = tail(event["attrs"], event["attr_types"])
        for name in ("type", "message", "stacktrace"):
            if event[f"exception_{name}"] is not None:
                found.append((f"exception.{name}", "s", event[f"exception_{name}"]))
        events.append((event["time_ns"] % 2**64, event["name"], sorted(found)))
    links = [
        (link["trace_id"].hex(), link["span_id"].hex(), link["trace_state"] or "", sorted(tail(link["attrs"], link["attr_types"])))
        for link in row["links"] or []
    ]
    start = row["start_ns"] % 2**64
    return key(row["trace_id"].hex(), row["span_id"].hex(), start), {
        "name": row["name"],
        "parent": parent.hex() if parent else "",
        "kind": row["kind"],
        "status": (row["status"], row["status_message"] or ""),
        "end": (start + row["duration_ns"]) % 2**64,
        "state": row["trace_state"] or "",
        "flags": (row["flags"] or 0) % 2**32,
        "attributes": sorted(own),
        "resource": sorted(resource),
        "scope": (row["scope_name"] or "", row["scope_version"] or ""),
        "events": events,
        "links": links,
    }


def by_pyarrow(path: str) -> list:
    return parquet.read_table(path).to_pylist()


def by_duckdb(path: str) -> list:
    found = duckdb.sql(f"SELECT * FROM '{path}'")
    return [dict(zip(found.columns, row)) for row in found.fetchall()]


def compare(expected: dict, reader, files: list) -> None:
    found = {}
    for path in files:
        rows = reader(path)
        for at in range(len(rows)):
            ids, span = span_of(rows, at)
            assert ids not in found, f"{path}: {ids} stands twice"
            found[ids] = span
    assert expected.keys() == found.keys(), f"{len(expected)} spans were sent, {len(found)} are there"
    for ids, span in expected.items():
        if span != found[ids]:
            differing = {name: (span[name], found[ids][name]) for name in span if span[name] != found[ids][name]}
            sys.exit(f"FAILED: span {ids} differs, as sent and as read by {reader.__name__}: {differing}")


def sums(expected: dict, files: list) -> None:
    """What SQL over all files says at once."""
    table = f"read_parquet({files}, union_by_name = true)"
    [(count, traces, ends, errors)] = duckdb.sql(
        f"SELECT count(*), count(DISTINCT trace_id), sum(start_ns::HUGEINT + duration_ns), count_if(status = 2) FROM {table}"
    ).fetchall()
    spans = expected.values()
    wanted = (len(expected), len({ids[0] for ids in expected}), sum(span["end"] for span in spans))
    assert (count, traces, ends) == wanted, f"SQL says {(count, traces, ends)}, sent were {wanted}"
    assert errors == sum(span["status"][0] == 2 for span in spans)
    by_service = dict(duckdb.sql(f'SELECT "service.name", count(*) FROM {table} GROUP BY 1').fetchall())
    services: dict = {}
    for span in spans:
        name = next((text for name, _, text in span["resource"] if name == "service.name"), None)
        services[name] = services.get(name, 0) + 1
    assert by_service == services


def main(path: str, what: str, *files: str) -> None:
    expected = sent(path)
    compare(expected, by_pyarrow, list(files))
    compare(expected, by_duckdb, list(files))
    sums(expected, list(files))
    print(f"ok: {what}: {len(expected)} spans in {len(files)} files, all as they were sent")


main(*sys.argv[1:])
