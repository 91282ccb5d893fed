"""Calls Faden as a program does whose client was generated from Jaeger's own definitions.

In: the addresses of `serve.grpc` and `serve.storage` of a Faden that holds nothing. Every check says what was wrong.
"""

import sys
import time
import urllib.error
import urllib.request

import api_v3.capabilities_pb2  # noqa: F401, its service is described
import grpc
import model_pb2
import query_pb2
import query_pb2_grpc
from api_v3 import query_service_pb2 as v3
from api_v3 import query_service_pb2_grpc as v3_grpc
from expression.v1 import expression_pb2
from google.protobuf.descriptor_pool import Default as default_pool
from google.protobuf.descriptor_pool import DescriptorPool
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2
from storage.v2 import capabilities_pb2, capabilities_pb2_grpc
from storage.v2 import dependency_storage_pb2 as deps
from storage.v2 import dependency_storage_pb2_grpc as deps_grpc
from storage.v2 import trace_storage_pb2 as storage
from storage.v2 import trace_storage_pb2_grpc as storage_grpc

SECOND = 1_000_000_000
NOW = time.time_ns() - 60 * SECOND
LARGE = 30_000


def trace_id(number):
    return number.to_bytes(16, "big")


def span_id(number):
    return number.to_bytes(8, "big")


def attribute(key, value):
    kinds = {str: "string_value", bool: "bool_value", int: "int_value", float: "double_value"}
    return common_pb2.KeyValue(key=key, value=common_pb2.AnyValue(**{kinds[type(value)]: value}))


def resource_spans(service, *spans):
    found = trace_pb2.ResourceSpans()
    found.resource.attributes.append(attribute("service.name", service))
    found.scope_spans.add().spans.extend(spans)
    return found


def span(trace, number, name, *, parent=0, kind=1, at=0, lasts=1_000_000, error=False, **attributes):
    start = NOW + trace * SECOND + at
    made = trace_pb2.Span(
        trace_id=trace_id(trace), span_id=span_id(number), name=name, kind=kind,
        start_time_unix_nano=start, end_time_unix_nano=start + lasts,
        attributes=[attribute(key.replace("__", "."), value) for key, value in attributes.items()],
    )
    if parent:
        made.parent_span_id = span_id(parent)
    if error:
        made.status.code = trace_pb2.Status.STATUS_CODE_ERROR
    return made


def stamp(message, nanos):
    message.seconds, message.nanos = divmod(nanos, SECOND)


def everything(query):
    stamp(query.start_time_min, NOW - SECOND)
    stamp(query.start_time_max, NOW + 60 * SECOND)
    return query


def equal(found, expected, what):
    assert found == expected, f"{what}: {found!r}, but {expected!r} was expected"


def refused(call, code, words):
    try:
        list(call) if hasattr(call, "__iter__") else call()
    except grpc.RpcError as error:
        equal(error.code(), code, words)
        assert words in error.details(), f"{error.details()!r} does not say {words!r}"
        return
    raise AssertionError(f"{words}: was answered")


def whole(chunks):
    """The spans of each trace; no chunk is empty, mixes traces or comes after another trace."""
    traces = []
    for chunk in chunks:
        ids = [s.trace_id for r in chunk.resource_spans for sc in r.scope_spans for s in sc.spans]
        assert ids, "a chunk is empty"
        assert len(set(ids)) == 1, "a chunk holds spans of several traces"
        assert chunk.ByteSize() < 4 << 20, "a chunk is larger than clients take"
        if traces and traces[-1][0] == ids[0]:
            traces[-1][1] += len(ids)
        else:
            assert ids[0] not in [found for found, _ in traces], "a trace is not in one piece"
            traces.append([ids[0], len(ids)])
    return {int.from_bytes(found, "big"): count for found, count in traces}


def write(channel):
    writer = trace_service_pb2_grpc.TraceServiceStub(channel)
    for trace in (1, 2, 3):
        front = span(trace, 1, "GET /", kind=2, lasts=20_000_000 * trace, http__status_code=500 if trace == 2 else 200)
        call = span(trace, 2, "ask stock", parent=1, kind=3, at=1_000_000)
        stock = span(trace, 3, "stock", parent=2, kind=2, at=2_000_000, lasts=4_500, error=trace == 2, user="u7", paid=True)
        request = [resource_spans("front", front, call), resource_spans("stock", stock)]
        writer.Export(trace_service_pb2.ExportTraceServiceRequest(resource_spans=request))
    for start in range(1, LARGE, 5_000):
        spans = [span(4, n, "step", at=n, parent=1 if n > 1 else 0, note="x" * 200) for n in range(start, start + 5_000)]
        writer.Export(trace_service_pb2.ExportTraceServiceRequest(resource_spans=[resource_spans("batch", *spans)]))


def reads(channel):
    reader = storage_grpc.TraceReaderStub(channel)
    asked = [storage.GetTraceParams(trace_id=trace_id(n)) for n in (2, 4, 99)]
    stamp(asked[0].start_time, NOW)
    stamp(asked[0].end_time, NOW + 60 * SECOND)
    equal(whole(reader.GetTraces(storage.GetTracesRequest(query=asked))), {2: 3, 4: LARGE}, "GetTraces")
    chunks = list(reader.GetTraces(storage.GetTracesRequest(query=[storage.GetTraceParams(trace_id=trace_id(4))])))
    assert len(chunks) > 1, "a large trace comes in one chunk"
    equal(list(reader.GetServices(storage.GetServicesRequest()).services), ["batch", "front", "stock"], "GetServices")
    operations = reader.GetOperations(storage.GetOperationsRequest(service="front")).operations
    found = [(operation.name, operation.span_kind) for operation in operations]
    equal(found, [("GET /", "server"), ("ask stock", "client")], "GetOperations")
    operations = reader.GetOperations(storage.GetOperationsRequest(service="front", span_kind="client")).operations
    equal([operation.name for operation in operations], ["ask stock"], "GetOperations of clients")
    refused(lambda: reader.GetOperations(storage.GetOperationsRequest()), grpc.StatusCode.INVALID_ARGUMENT, "service")


def finds(channel):
    reader = storage_grpc.TraceReaderStub(channel)

    def found(**fields):
        duration = {key: fields.pop(key) for key in ("duration_min", "duration_max") if key in fields}
        query = everything(storage.TraceQueryParameters(**fields))
        for key, nanos in duration.items():
            stamp(getattr(query, key), nanos)
        return list(whole(reader.FindTraces(storage.FindTracesRequest(query=query))))

    def tags(**values):
        made = []
        for key, value in values.items():
            pair = storage.KeyValue()
            pair.ParseFromString(attribute(key.replace("__", "."), value).SerializeToString())
            made.append(pair)
        return made

    equal(found(service_name="stock"), [3, 2, 1], "FindTraces by service")
    equal(found(service_name="stock", search_depth=2), [3, 2], "FindTraces with a depth")
    equal(found(), [4, 3, 2, 1], "FindTraces across services")
    equal(found(service_name="front", operation_name="ask stock"), [3, 2, 1], "FindTraces by operation")
    equal(found(service_name="front", operation_name="stock"), [], "FindTraces by an operation of another service")
    equal(found(attributes=tags(http__status_code=500)), [2], "FindTraces by a number")
    equal(found(attributes=tags(http__status_code="500")), [2], "FindTraces by a number as text")
    equal(found(attributes=tags(paid=True, user="u7")), [3, 2, 1], "FindTraces by two tags of one span")
    equal(found(attributes=tags(error="true")), [2], "FindTraces by error")
    equal(found(service_name="front", duration_min=50_000_000), [3], "FindTraces by duration")
    equal(found(service_name="stock", duration_max=4_500), [3, 2, 1], "FindTraces by 4500ns")
    equal(found(service_name="stock", duration_max=4_499), [], "FindTraces by 4499ns")

    pages, token = [], ""
    for _ in range(3):
        query = everything(storage.TraceQueryParameters(pagination=storage.Pagination(page_size=2, page_token=token)))
        answer = reader.FindTraceIDs(storage.FindTraceIDsRequest(query=query))
        pages.append([int.from_bytes(row.trace_id, "big") for row in answer.trace_ids])
        assert all(row.start.seconds and row.end.seconds for row in answer.trace_ids)
        token = answer.next_page_token
        if not token:
            break
    equal(pages[:2], [[4, 3], [2, 1]], "FindTraceIDs in pages")
    request = storage.FindTraceSummariesRequest(query=everything(storage.TraceQueryParameters(service_name="stock")))
    rows = [row for answer in reader.FindTraceSummaries(request) for row in answer.summaries]
    first = rows[0]
    shown = (first.root_service_name, first.root_operation_name, first.span_count, [s.name for s in first.services])
    equal(shown, ("front", "GET /", 3, ["front", "stock"]), "FindTraceSummaries")
    equal([row.error_span_count for row in rows], [0, 1, 0], "errors in FindTraceSummaries")
    refused(reader.FindTraces(storage.FindTracesRequest()), grpc.StatusCode.INVALID_ARGUMENT, "query")
    everywhere = storage.SpanQueryParameters(pagination=storage.Pagination(page_size=2))
    stamp(everywhere.start_time_min, NOW)
    stamp(everywhere.start_time_max, NOW + 60 * SECOND)
    of_stock = everywhere.filter.args.add().call
    everywhere.filter.op, of_stock.op = "and", "eq"
    of_stock.args.add().field.MergeFrom(expression_pb2.FieldReference(name="service", level="resource"))
    of_stock.args.add().scalar.value = "stock"
    paid = everywhere.filter.args.add().call
    paid.op = "eq"
    paid.args.add().attr.MergeFrom(expression_pb2.AttributeReference(key="paid", level="span"))
    paid.args.add().scalar.MergeFrom(expression_pb2.Scalar(value="true", type="bool"))
    pages = []
    while True:
        answers = list(reader.FindSpans(storage.FindSpansRequest(query=everywhere)))
        pages.append([s.trace_id[-1] for a in answers for r in a.spans.resource_spans for sc in r.scope_spans for s in sc.spans])
        everywhere.pagination.page_token = answers[-1].next_page_token
        if not everywhere.pagination.page_token:
            break
    equal(pages, [[3, 2], [1]], "FindSpans in pages")
    zero = storage.GetTracesRequest(query=[storage.GetTraceParams(trace_id=bytes(16))])
    refused(reader.GetTraces(zero), grpc.StatusCode.INVALID_ARGUMENT, "zero")


def says_what_it_can(channel):
    can = capabilities_pb2_grpc.CapabilitiesStub(channel).GetCapabilities(capabilities_pb2.GetCapabilitiesRequest())
    assert can.search.without_service_name and can.search.same_span_conjunction and can.search.paginated
    request = deps.GetDependenciesRequest()
    stamp(request.start_time, NOW - SECOND)
    stamp(request.end_time, NOW + 60 * SECOND)
    found = deps_grpc.DependencyReaderStub(channel).GetDependencies(request).dependencies
    equal([(row.parent, row.child, row.call_count) for row in found], [("front", "stock", 3)], "GetDependencies")


def second(channel):
    query = query_pb2_grpc.QueryServiceStub(channel)
    chunks = list(query.GetTrace(query_pb2.GetTraceRequest(trace_id=trace_id(2))))
    names = sorted(found.operation_name for chunk in chunks for found in chunk.spans)
    equal(names, ["GET /", "ask stock", "stock"], "api_v2 GetTrace")
    asked = query_pb2.TraceQueryParameters(service_name="stock", tags={"error": "true"}, search_depth=5)
    found = list(query.FindTraces(query_pb2.FindTracesRequest(query=everything(asked))))
    equal({found.trace_id for chunk in found for found in chunk.spans}, {trace_id(2)}, "api_v2 FindTraces")
    equal(list(query.GetServices(query_pb2.GetServicesRequest()).services), ["batch", "front", "stock"], "api_v2 GetServices")
    found = query.GetOperations(query_pb2.GetOperationsRequest(service="front"))
    equal(list(found.operationNames), ["GET /", "ask stock"], "api_v2 GetOperations")
    request = query_pb2.GetDependenciesRequest()
    stamp(request.start_time, NOW - SECOND)
    stamp(request.end_time, NOW + 60 * SECOND)
    found = query.GetDependencies(request).dependencies
    equal([(row.parent, row.child, row.call_count) for row in found], [("front", "stock", 3)], "api_v2 GetDependencies")
    query.ArchiveTrace(query_pb2.ArchiveTraceRequest(trace_id=trace_id(2)))
    missing = query_pb2.ArchiveTraceRequest(trace_id=trace_id(99))
    refused(lambda: query.ArchiveTrace(missing), grpc.StatusCode.NOT_FOUND, "not found")
    refused(query.GetTrace(query_pb2.GetTraceRequest(trace_id=trace_id(99))), grpc.StatusCode.NOT_FOUND, "not found")
    refused(query.GetTrace(query_pb2.GetTraceRequest(trace_id=bytes(16))), grpc.StatusCode.INVALID_ARGUMENT, "zero")
    assert model_pb2.Span.DESCRIPTOR.full_name == "jaeger.api_v2.Span"


def third(channel):
    query = v3_grpc.QueryServiceStub(channel)
    equal(whole(query.GetTrace(v3.GetTraceRequest(trace_id=trace_id(2).hex()))), {2: 3}, "api_v3 GetTrace")
    asked = everything(v3.TraceQueryParameters(service_name="front", attributes={"http.status_code": "500"}))
    equal(whole(query.FindTraces(v3.FindTracesRequest(query=asked))), {2: 3}, "api_v3 FindTraces")
    asked = everything(v3.TraceQueryParameters(service_name="stock", search_depth=2))
    rows = [row for answer in query.FindTraceSummaries(v3.FindTraceSummariesRequest(query=asked)) for row in answer.summaries]
    equal([int(row.trace_id, 16) for row in rows], [3, 2], "api_v3 FindTraceSummaries")
    equal(list(query.GetServices(v3.GetServicesRequest()).services), ["batch", "front", "stock"], "api_v3 GetServices")
    found = query.GetOperations(v3.GetOperationsRequest(service="batch")).operations
    equal([(row.name, row.span_kind) for row in found], [("step", "internal")], "api_v3 GetOperations")
    request = v3.GetDependenciesRequest()
    refused(lambda: query.GetDependencies(request), grpc.StatusCode.INVALID_ARGUMENT, "required")
    stamp(request.start_time, NOW - SECOND)
    stamp(request.end_time, NOW + 60 * SECOND)
    found = query.GetDependencies(request).dependencies
    equal([(row.parent, row.child, row.call_count) for row in found], [("front", "stock", 3)], "api_v3 GetDependencies")
    without_time = v3.FindTracesRequest(query=v3.TraceQueryParameters(service_name="front"))
    refused(query.FindTraces(without_time), grpc.StatusCode.INVALID_ARGUMENT, "required")
    refused(query.GetTrace(v3.GetTraceRequest(trace_id="99")), grpc.StatusCode.NOT_FOUND, "not found")


def describes(channel, expected):
    """Reflection names the services, and its definitions are those of this client."""
    database = ProtoReflectionDescriptorDatabase(channel)
    equal(sorted(database.get_services()), sorted(expected), "services by reflection")
    pool = DescriptorPool(database)
    for name in expected:
        served = pool.FindServiceByName(name)
        own = default_pool().FindServiceByName(name)
        methods = [(method.name, method.input_type.full_name, method.output_type.full_name) for method in served.methods]
        equal(methods, [(m.name, m.input_type.full_name, m.output_type.full_name) for m in own.methods], name)
        for theirs, ours in zip(served.methods, own.methods):
            for left, right in ((theirs.input_type, ours.input_type), (theirs.output_type, ours.output_type)):
                equal(sorted(left.fields_by_name), sorted(right.fields_by_name), f"fields of {left.full_name}")
    try:
        pool.FindMessageTypeByName("no.Such")
        raise AssertionError("an unknown message is described")
    except KeyError:
        pass


def purges(channel, storage_address):
    with urllib.request.urlopen(f"http://{storage_address}/purge", data=b"") as answer:
        equal(answer.status, 200, "POST /purge")
    services = storage_grpc.TraceReaderStub(channel).GetServices(storage.GetServicesRequest()).services
    equal(list(services), [], "services after a purge")
    request = urllib.request.Request(f"http://{storage_address}/purge", data=b"", headers={"origin": "http://a.example"})
    try:
        urllib.request.urlopen(request)
        raise AssertionError("a web page could purge")
    except urllib.error.HTTPError as error:
        equal(error.code, 403, "POST /purge of a web page")


def main(query_address, storage_address):
    with grpc.insecure_channel(query_address) as query, grpc.insecure_channel(storage_address) as kept:
        write(kept)
        for check in (reads, finds, says_what_it_can):
            check(kept)
            print(f"ok: remote storage {check.__name__.replace('_', ' ')}")
        second(query)
        third(query)
        print("ok: api_v2 and api_v3 answer")
        describes(query, ["jaeger.api_v2.QueryService", "jaeger.api_v3.Capabilities", "jaeger.api_v3.QueryService"])
        storage_services = ["TraceReader", "DependencyReader", "Capabilities"]
        otlp = "opentelemetry.proto.collector.trace.v1.TraceService"
        describes(kept, [*(f"jaeger.storage.v2.{name}" for name in storage_services), otlp])
        print("ok: reflection describes the services")
        purges(kept, storage_address)
        print("ok: a purge leaves nothing")


main(*sys.argv[1:])
