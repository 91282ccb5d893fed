//! OTLP: over gRPC (4317) and over HTTP as protobuf or JSON (4318).
//!
//! In: export requests of any client. Out: batches, walked once and otherwise as they came. A client
//! is answered when the outcome of its batch is known, or its deadline has passed. Bounded by a byte
//! budget shared by all receivers ([`BUDGET_BYTES`] unless one is lent), by the sizes in the
//! configuration and by [`intake::DELIVERIES_MAX`].

mod config;
mod grpc;
mod http;
mod intake;
mod metrics;
mod poison;
mod response;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use ::config::Block;
use async_trait::async_trait;
use net::tls::{ServerTls, TlsServer};
use net::{Budget, Listener, Server};
use pipeline::{
    BuildReceiver, Consumer, Context, Listening, Receiver, ReceiverKind, Stability, StartError, Stop,
};
use tokio::sync::Semaphore;

use config::Settings;
use intake::{DELIVERIES_MAX, Intake};
use metrics::Metrics;

/// The receiver as the configuration knows it.
pub const KIND: ReceiverKind = ReceiverKind {
    name: "otlp",
    aliases: &[],
    summary: "Receives spans over OTLP: gRPC, and HTTP with protobuf or JSON.",
    stability: Stability::Stable,
    parse,
};

/// Bytes of requests in flight when the binary lends no [`Budget`]; more are refused with a retry hint.
pub const BUDGET_BYTES: usize = 256 << 20;

fn parse(block: &mut Block<'_>) -> BuildReceiver {
    let settings = config::settings(block);
    Box::new(move |context| {
        let metrics = Metrics::register(&context)?;
        Ok(Box::new(Otlp { settings, context, metrics, grpc: None, http: None }) as Box<dyn Receiver>)
    })
}

struct Otlp {
    settings: Settings,
    context: Context,
    metrics: Metrics,
    grpc: Option<Server>,
    http: Option<Server>,
}

#[async_trait]
impl Receiver for Otlp {
    async fn bind(&mut self) -> Result<Vec<Listening>, StartError> {
        let mut listening = Vec::new();
        if let Some(settings) = &self.settings.grpc {
            let (listener, tls) = bound(&settings.endpoint, settings.tls.as_ref()).await?;
            listening.push(open("OTLP/gRPC", &listener, settings.tls.as_ref()));
            self.grpc = Some(Server { listener, tls, limits: settings.limits.clone() });
        }
        if let Some(settings) = &self.settings.http {
            let (listener, tls) = bound(&settings.server.endpoint, settings.server.tls.as_ref()).await?;
            listening.push(open("OTLP/HTTP", &listener, settings.server.tls.as_ref()));
            self.http = Some(Server { listener, tls, limits: settings.server.limits.clone() });
        }
        Ok(listening)
    }

    async fn run(self: Box<Self>, next: Arc<dyn Consumer>, stop: Stop) {
        let Otlp { settings, context, metrics, grpc, http } = *self;
        let budget = context.shared.get::<Budget>().unwrap_or_else(|| Budget::new(BUDGET_BYTES));
        let deliveries = Arc::new(Semaphore::new(DELIVERIES_MAX));
        let intake = |transport| {
            let meter = context.telemetry.receiver(&context.id, transport);
            Arc::new(Intake {
                meter,
                metrics: metrics.clone(),
                next: Arc::clone(&next),
                tenant: context.tenant.clone(),
                budget: budget.clone(),
                poison: poison::Poison::default(),
                deliveries: Arc::clone(&deliveries),
            })
        };
        let grpc = async {
            if let (Some(server), Some(settings)) = (grpc, &settings.grpc) {
                server.serve(grpc::handler(intake("grpc"), settings), stop.requested()).await;
            }
        };
        let http = async {
            if let (Some(server), Some(settings)) = (http, settings.http) {
                let certified = settings.server.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some());
                let open_to_pages = net::is_loopback(&server.listener.local_addr()) && !certified;
                server.serve(http::handler(intake("http"), settings, open_to_pages), stop.requested()).await;
            }
        };
        // Batches whose clients have gone are still on their way; the run ends when they have arrived.
        let all = async {
            tokio::join!(grpc, http);
            let _ = deliveries.acquire_many(DELIVERIES_MAX as u32).await;
        };
        tokio::select! {
            () = all => {}
            () = stop.at_once() => {}
        }
    }
}

async fn bound(endpoint: &str, tls: Option<&ServerTls>) -> Result<(Listener, Option<TlsServer>), StartError> {
    let failed = |cause: net::tls::TlsError| StartError::new(cause.to_string());
    let tls = tls.map(|tls| TlsServer::new(tls.clone())).transpose().map_err(failed)?;
    let listener = Listener::bind(endpoint).await;
    let listener = listener.map_err(|error| StartError::new(error.to_string()).remedy(error.remedy()))?;
    Ok((listener, tls))
}

fn open(what: &str, listener: &Listener, tls: Option<&ServerTls>) -> Listening {
    let protected = tls.is_some_and(|tls| tls.client_ca.is_some());
    Listening { what: what.to_owned(), address: listener.local_addr(), protected }
}
