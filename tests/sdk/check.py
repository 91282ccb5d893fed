"""Asks Faden's Jaeger API what arrived, until it is right or ten seconds are over.

check.py URL served SERVICE NAME        a server span whose name holds NAME arrived without error
check.py URL error SERVICE NAME TYPE    a failed span arrived with an exception event of the type
check.py URL chain COUNT SERVICE...     COUNT traces each run through the services in this order, whole
"""

import json
import sys
import time
import urllib.parse
import urllib.request


def traces(url, **parameters):
    query = urllib.parse.urlencode({"limit": 100, **parameters})
    with urllib.request.urlopen(f"{url}/api/traces?{query}", timeout=5) as answer:
        return json.load(answer)["data"]


def tag(span, key):
    return next((tag["value"] for tag in span["tags"] if tag["key"] == key), None)


def parent(span):
    return next((r["spanID"] for r in span["references"] if r["refType"] == "CHILD_OF"), None)


def served(url, service, name):
    spans = [span for trace in traces(url, service=service) for span in trace["spans"]]
    found = [span for span in spans if name in span["operationName"] and tag(span, "span.kind") == "server"]
    return f"{len(spans)} spans, {len(found)} server spans named {name!r}", bool(found)


def error(url, service, name, kind):
    spans = [span for trace in traces(url, service=service, tags='{"error":"true"}') for span in trace["spans"]]
    fields = [field for span in spans for log in span["logs"] for field in log["fields"]]
    found = any(name in span["operationName"] for span in spans)
    exception = any(field["key"] == "exception.type" and field["value"] == kind for field in fields)
    return f"{len(spans)} failed spans, {len(fields)} fields of events", found and exception


def chain(url, count, *services):
    orders = [trace for trace in traces(url, service=services[0]) if is_order(trace)]
    problems = [problem for trace in orders if (problem := broken(trace, services))]
    report = f"{len(orders)} of {count} traces; " + "; ".join(problems)
    return report, len(orders) == int(count) and not problems


def is_order(trace):
    return any("/order/" in str(tag(s, "url.path") or tag(s, "http.target") or "") for s in trace["spans"])


def broken(trace, services):
    by_id = {span["spanID"]: span for span in trace["spans"]}
    name = lambda span: trace["processes"][span["processID"]]["serviceName"]
    roots = [span for span in trace["spans"] if not parent(span)]
    if len(roots) != 1:
        return f"{len(roots)} roots"
    if any(parent(span) and parent(span) not in by_id for span in trace["spans"]):
        return "a parent is missing"
    seen = {name(span) for span in trace["spans"]}
    if seen != set(services):
        return f"services {sorted(seen)}"
    for caller, callee in zip(services, services[1:]):
        entries = [s for s in trace["spans"] if name(s) == callee and tag(s, "span.kind") == "server"]
        if not entries or any(name(by_id[parent(s)]) != caller for s in entries):
            return f"{callee} is not called by {caller}"
    return None


def main():
    url, check, *arguments = sys.argv[1:]
    end = time.monotonic() + 10
    while True:
        report, good = globals()[check](url, *arguments)
        if good:
            return
        if time.monotonic() > end:
            sys.exit(f"FAILED: {check} {' '.join(arguments)}: {report}")
        time.sleep(0.2)


main()
