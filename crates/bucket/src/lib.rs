//! An object store on loopback that speaks S3 and fails when it is told to: for tests only.
//!
//! Objects live in memory. Creating one conditionally is atomic, as it is on S3. Signatures are checked. Every
//! request goes through [`Faults`] first, which tests change while the server runs. Not for anything but tests:
//! nothing is kept, and nothing bounds the memory but the test itself.

mod faults;
mod objects;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use s3s::auth::SimpleAuth;
use s3s::service::S3ServiceBuilder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use faults::Faulty;
pub use faults::{Faults, Often};
use objects::Objects;

const KEY: &str = "faden-test-key";
const SECRET: &str = "faden-test-secret";
const REGION: &str = "eu-test-1";

/// A running server with one bucket in it; it ends when it is dropped.
pub struct Bucket {
    name: String,
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What the server and the test both see.
struct Shared {
    faults: Mutex<Faults>,
    objects: Objects,
    calls: Mutex<BTreeMap<String, u64>>,
}

impl Bucket {
    /// Listens on a free port of loopback, with an empty bucket of this name.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn start(name: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound listener has an address");
        let shared = Arc::new(Shared {
            faults: Mutex::default(),
            objects: Objects::new(name),
            calls: Mutex::default(),
        });
        let mut service = S3ServiceBuilder::new(shared.objects.clone());
        service.set_auth(SimpleAuth::from_single(KEY, SECRET));
        let service = Faulty::new(service.build(), Arc::clone(&shared));
        let task = tokio::spawn(serve(listener, service));
        Self { name: name.into(), address, shared, task }
    }

    /// The address of a place in the bucket, as `store.url` takes it.
    #[must_use]
    pub fn url(&self, prefix: &str) -> String {
        format!("s3://{}/{prefix}", self.name)
    }

    /// What a client has to know besides the address, as the environment variables of AWS name it.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let endpoint = format!("http://{}", self.address);
        let pairs = [
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("AWS_ALLOW_HTTP", "true"),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", SECRET),
        ];
        pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into()
    }

    /// The same in the form of `store.url_options`.
    #[must_use]
    pub fn options(&self) -> Vec<(String, String)> {
        let lower = |(key, value): (String, String)| (key.to_lowercase(), value);
        self.environment().into_iter().map(lower).collect()
    }

    /// Changes what goes wrong from now on.
    pub fn fail(&self, change: impl FnOnce(&mut Faults)) {
        let mut faults = lock(&self.shared.faults);
        change(&mut faults);
        self.shared.objects.lag(faults.listing_lags);
    }

    /// From now on nothing goes wrong.
    pub fn heal(&self) {
        self.fail(|faults| *faults = Faults::default());
    }

    /// The keys of all objects.
    #[must_use]
    pub fn keys(&self) -> Vec<String> {
        self.shared.objects.keys()
    }

    /// The content of an object.
    #[must_use]
    pub fn object(&self, key: &str) -> Option<bytes::Bytes> {
        self.shared.objects.content(key)
    }

    /// Writes an object, past everything that checks or fails.
    pub fn put(&self, key: &str, content: impl Into<bytes::Bytes>) {
        self.shared.objects.put(key, content.into());
    }

    /// Deletes an object, past everything that checks or fails.
    pub fn delete(&self, key: &str) {
        self.shared.objects.delete(key);
    }

    /// How many requests there were since the last look, by method and kind: `GET`, `GET range`, `LIST`, `PUT`,
    /// `PUT if none`, `PUT part`, `POST`, `HEAD`, `DELETE`.
    #[must_use]
    pub fn calls(&self) -> BTreeMap<String, u64> {
        std::mem::take(&mut *lock(&self.shared.calls))
    }
}

impl Drop for Bucket {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, service: Faulty) {
    let mut connections = tokio::task::JoinSet::new();
    loop {
        let Ok((socket, _)) = listener.accept().await else { continue };
        while connections.try_join_next().is_some() {}
        if service.is_down() {
            continue;
        }
        let service = service.clone();
        connections.spawn(async move {
            let connection = auto::Builder::new(TokioExecutor::new());
            let _cut = connection.serve_connection(TokioIo::new(socket), service).await;
        });
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
