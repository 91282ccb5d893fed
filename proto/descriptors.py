"""Writes services.binpb: what Faden's gRPC reflection serves.

Run by hand after a change of the definitions, where the modules that `tests/peers/run proto` generates are importable:
PYTHONPATH=$FADEN_TEST_CACHE/peers/generated $FADEN_TEST_CACHE/peers/python/bin/python proto/descriptors.py
"""

import pathlib

import query_pb2
from api_v3 import capabilities_pb2 as capabilities_v3
from api_v3 import query_service_pb2
from google.protobuf import descriptor_pb2
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from storage.v2 import capabilities_pb2, dependency_storage_pb2, trace_storage_pb2

found = {}


def add(file):
    if file.name in found:
        return
    for imported in file.dependencies:
        add(imported)
    found[file.name] = file


for module in (query_pb2, query_service_pb2, capabilities_v3, trace_storage_pb2, dependency_storage_pb2,
               capabilities_pb2, trace_service_pb2):
    add(module.DESCRIPTOR)
files = descriptor_pb2.FileDescriptorSet()
for file in found.values():
    file.CopyToProto(files.file.add())
pathlib.Path(__file__).with_name("services.binpb").write_bytes(files.SerializeToString(deterministic=True))
