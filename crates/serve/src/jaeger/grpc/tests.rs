//! A client made of Jaeger's own .proto files asks and writes as Jaeger does.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use ::query::{Limits, Query};
use bytes::Bytes;
use model::{Batch, Kind, StatusCode, Tenant};
use net::{Budget, HttpLimits, Listener, Server};
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde_json::{Value, json};
use store::conformance::{Draft, NOW, batch, trace_id};
use store::memory::MemoryStore;

use super::{Services, query_handler, storage_handler};
use crate::purge::Purge;
use crate::testing::Fixed;
use crate::testing::grpc::{self, Answered};

mod queries;
mod remote;
mod spans;

/// Jaeger's definitions, compiled.
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto");
    let includes = ["jaeger", "jaeger/api_v2", "stubs"].map(|folder| root.join(folder));
    let mut compiler = protox::Compiler::new(includes).expect("the folders are there");
    let files = [
        "query.proto",
        "api_v3/query_service.proto",
        "storage/v2/trace_storage.proto",
        "storage/v2/dependency_storage.proto",
        "storage/v2/capabilities.proto",
    ];
    compiler.open_files(files).unwrap_or_else(|error| panic!("{error:?}"));
    compiler.descriptor_pool()
});

/// Both doors over one store.
struct Doors {
    query: SocketAddr,
    storage: SocketAddr,
}

/// What a call answers: its messages, or its code and message.
async fn served(handler: net::Handler) -> SocketAddr {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr();
    let server = Server { listener, tls: None, limits: HttpLimits::default() };
    tokio::spawn(server.serve(handler, std::future::pending()));
    address
}

impl Doors {
    async fn open() -> Self {
        let store = Arc::new(MemoryStore::default());
        let services = Arc::new(Services {
            query: Query::new(Arc::clone(&store) as _, Limits::default()),
            keeper: None,
            purge: Purge::Refused,
            writer: Some(store),
            clock: Arc::new(Fixed),
            tenant: Tenant::default(),
            budget: Budget::new(64 << 20),
        });
        Self {
            query: served(query_handler(Arc::clone(&services))).await,
            storage: served(storage_handler(services)).await,
        }
    }

    /// The shop, written as Jaeger's collector writes: by OTLP to the storage.
    async fn shop() -> Self {
        let doors = Self::open().await;
        for number in 1..=3 {
            let web =
                Draft::new(number, 1).service("web").name("GET /").kind(Kind::Server).lasting(20_000_000);
            let cart = Draft::new(number, 2)
                .service("cart")
                .name("add")
                .under(1)
                .with("user.id", "u7")
                .with("items", 3);
            let cart = if number == 2 { cart.status(StatusCode::Error) } else { cart };
            let bytes = batch(&Tenant::default(), &[web, cart]).bytes().clone();
            grpc::call(doors.storage, super::storage::EXPORT, &bytes).await.unwrap();
        }
        doors
    }

    /// Calls a method with a message as JSON; a method is `jaeger.storage.v2.TraceReader/GetServices`.
    async fn call(&self, method: &str, request: Value) -> Answered {
        let address = if method.contains("storage") { self.storage } else { self.query };
        let (service, name) = method.split_once('/').unwrap();
        let service = POOL.get_service_by_name(service).expect("Jaeger has the service");
        let method =
            service.methods().find(|method| method.name() == name).expect("the service has the method");
        let message = DynamicMessage::deserialize(method.input(), request).expect("a message of Jaeger's");
        let path = format!("/{}/{name}", service.full_name());
        grpc::call(address, &path, &message.encode_to_vec()).await
    }

    /// The messages of an answer as JSON.
    async fn ask(&self, method: &str, request: Value) -> Result<Vec<Value>, (i32, String)> {
        let messages = self.call(method, request).await?;
        let (service, name) = method.split_once('/').unwrap();
        let service = POOL.get_service_by_name(service).unwrap();
        let output = service.methods().find(|method| method.name() == name).unwrap().output();
        let json = |bytes: Bytes| {
            let message = DynamicMessage::decode(output.clone(), bytes).expect("a message of Jaeger's");
            serde_json::to_value(&message).unwrap()
        };
        Ok(messages.into_iter().map(json).collect())
    }

    /// The names of the spans in each chunk of OTLP, with the number of their trace.
    async fn spans(&self, method: &str, request: Value) -> Result<Vec<(u64, Vec<String>)>, (i32, String)> {
        let chunks = self.call(method, request).await?;
        let read = |bytes: Bytes| {
            let batch = Batch::read(bytes, Tenant::default()).expect("OTLP");
            let ids: std::collections::BTreeSet<_> = batch.spans().map(|span| span.trace_id()).collect();
            assert_eq!(ids.len(), 1, "a chunk holds spans of one trace");
            let number = (1..9).find(|number| ids.contains(&trace_id(*number))).unwrap();
            (number, batch.spans().map(|span| span.name().to_owned()).collect())
        };
        Ok(chunks.into_iter().map(read).collect())
    }
}

/// A time as protobuf's JSON writes it, so many milliseconds before now.
fn before(millis: u64) -> String {
    ::query::moment::write(NOW - millis * 1_000_000)
}

/// An id as protobuf's JSON writes bytes.
fn base64(number: u64) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(trace_id(number).0)
}

const INVALID: i32 = 3;
const NOT_FOUND: i32 = 5;
const UNIMPLEMENTED: i32 = 12;

#[track_caller]
fn refused<T: std::fmt::Debug>(answered: Result<T, (i32, String)>, code: i32, message: &str) {
    let (found, said) = answered.expect_err(message);
    assert!(found == code && said.contains(message), "{found}: {said}, but {message} was expected");
}

#[tokio::test]
async fn both_doors_are_healthy_and_know_their_services() {
    let doors = Doors::open().await;
    for (address, service) in [
        (doors.query, "jaeger.api_v2.QueryService"),
        (doors.query, "jaeger.api_v3.QueryService"),
        (doors.storage, "jaeger.storage.v2.TraceReader"),
    ] {
        let mut asked = vec![0x0a, service.len() as u8];
        asked.extend(service.as_bytes());
        let answer = grpc::call(address, "/grpc.health.v1.Health/Check", &asked).await.unwrap();
        assert_eq!(answer[0].as_ref(), [8, 1]);
    }
    refused(grpc::call(doors.query, "/a.B/C", &[]).await, UNIMPLEMENTED, "unknown method /a.B/C");
    let path = "/jaeger.storage.v2.TraceReader/FindTraces";
    refused(grpc::call(doors.storage, path, &[0x0a, 9]).await, INVALID, "broken");
    refused(grpc::call(doors.query, path, &[]).await, UNIMPLEMENTED, "unknown method");
}
