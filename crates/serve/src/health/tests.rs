use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use model::Clock;
use net::HttpLimits;
use net::settings::HttpServerSettings;
use pipeline::{Extension as _, Shared, Stopper};
use store::conformance::NOW;

use super::extension::HealthCheck;
use super::{Bodies, Health, KIND, Phase, go_duration, routes};
use crate::testing::get;
use crate::{Rules, Site};

struct Moving(AtomicU64);

impl Clock for Moving {
    fn now(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

async fn serve(health: Health, path: &str, bodies: Bodies) -> SocketAddr {
    let site = Site::bind("127.0.0.1:0", vec![routes(health, path, bodies)], Rules::default()).await.unwrap();
    let address = site.address();
    tokio::spawn(site.serve(std::future::pending()));
    address
}

#[tokio::test]
async fn a_server_is_up_only_between_start_and_drain() {
    let clock = Arc::new(Moving(AtomicU64::new(NOW)));
    let health = Health::new(clock.clone());
    let address = serve(health.clone(), "/healthz", Bodies::default()).await;
    let status = async |path: &str| get(address, path).await.status;
    assert_eq!([status("/").await, status("/status").await], [503, 503]);
    clock.0.store(NOW + 90_500_000_000, Relaxed);
    health.set(Phase::Ready);
    for path in ["/", "/health", "/healthz"] {
        let reply = get(address, path).await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.body,
            r#"{"status":"Server available","upSince":"2026-01-01T00:00:00.000000000Z","uptime":"1m30.5s"}"#
        );
    }
    let reply = get(address, "/status").await.json();
    assert_eq!((reply["healthy"].as_bool(), reply["status"].as_str()), (Some(true), Some("StatusOK")));
    assert_eq!(reply["status_time"], "2026-01-01T00:01:30.500000000Z");
    health.set(Phase::Draining);
    assert_eq!([status("/").await, status("/health").await, status("/status").await], [503, 503, 503]);
}

#[tokio::test]
async fn bodies_are_those_of_the_configuration() {
    let health = Health::new(Arc::new(Moving(AtomicU64::new(NOW))));
    let bodies = Bodies { healthy: Some("fine".into()), unhealthy: Some("not yet".into()) };
    let address = serve(health.clone(), "/", bodies).await;
    assert_eq!(get(address, "/").await.body, "not yet");
    health.set(Phase::Ready);
    assert_eq!(get(address, "/").await.body, "fine");
}

#[tokio::test]
async fn the_extension_answers_until_everything_is_shut_down() {
    let health = Health::new(Arc::new(Moving(AtomicU64::new(NOW))));
    health.set(Phase::Ready);
    let mut context = pipeline::testing::context("health_check");
    context.shared = Shared::new().with(health.clone());
    let http = HttpServerSettings {
        endpoint: "127.0.0.1:0".into(),
        tls: None,
        limits: HttpLimits::default(),
        body_bytes_max: 0,
        cors: None,
        response_headers: Vec::new(),
    };
    let extension = HealthCheck::new(http, "/".into(), Bodies::default(), &context);
    let (stopper, stop) = Stopper::new();
    let address = extension.start(stop).await.unwrap()[0].address;
    assert_eq!(get(address, "/").await.status, 200);
    stopper.request();
    while health.phase() != Phase::Draining {
        tokio::task::yield_now().await;
    }
    assert_eq!(get(address, "/").await.status, 503);
    extension.shutdown().await;
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
}

#[test]
fn the_options_are_the_collectors() {
    assert!(KIND.is_called("health_check") && KIND.is_called("healthcheck"));
    let options: Vec<_> = KIND.options().into_iter().map(|row| row.path).collect();
    for key in ["endpoint", "path", "response_body.healthy", "check_collector_pipeline"] {
        assert!(options.iter().any(|option| option == key), "{key} in {options:?}");
    }
}

#[test]
fn durations_are_written_as_go_writes_them() {
    for (nanos, text) in [
        (0, "0s"),
        (1_500, "1.5µs"),
        (850_000_000, "850ms"),
        (1_000_000_000, "1s"),
        (49_013_251_800, "49.0132518s"),
        (3_723_500_000_000, "1h2m3.5s"),
        (3_600_000_000_000, "1h0m0s"),
    ] {
        assert_eq!(go_duration(nanos), text);
    }
}
