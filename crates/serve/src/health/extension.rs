//! The extension `health_check`, with the Collector's options.
//!
//! While the server drains it goes on answering, with 503, so that nobody sends anything more here.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use net::settings::HttpServerSettings;
use pipeline::{BuildExtension, Context, Extension, ExtensionKind, Listening, Stability, StartError, Stop};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::{Bodies, Health, Phase, routes};
use crate::{Rules, Site};

/// `health_check`: says over HTTP whether the server is up.
pub const KIND: ExtensionKind = ExtensionKind {
    name: "health_check",
    aliases: &["healthcheck"],
    summary: "says over HTTP whether the server is up",
    stability: Stability::Stable,
    parse: |block| {
        let http = net::settings::http_server(block, "localhost:13133", "1MiB");
        let path = block.text("path", "/", "where it answers, beside /health and /status");
        let mut body = block.section("response_body", "what it answers instead of JSON");
        let bodies = Bodies {
            healthy: body.optional_text("healthy", "while spans are accepted"),
            unhealthy: body.optional_text("unhealthy", "otherwise"),
        };
        drop(body);
        block.ignored("check_collector_pipeline", "it has no effect in the Collector either");
        Box::new(move |context| {
            let extension: Arc<dyn Extension> = Arc::new(HealthCheck::new(http, path, bodies, &context));
            Ok(extension)
        }) as BuildExtension
    },
};

pub(super) struct HealthCheck {
    http: HttpServerSettings,
    path: String,
    bodies: Bodies,
    health: Health,
    at_work: Mutex<Option<AtWork>>,
}

/// The running server and how it is asked to end.
struct AtWork {
    task: JoinHandle<()>,
    end: oneshot::Sender<()>,
}

impl HealthCheck {
    /// Without a [`Health`] that the binary lends, the server counts as ready while the extension runs.
    pub(super) fn new(http: HttpServerSettings, path: String, bodies: Bodies, context: &Context) -> Self {
        let health = context.shared.get::<Health>().unwrap_or_else(|| {
            let health = Health::new(context.clock.clone());
            health.set(Phase::Ready);
            health
        });
        Self { http, path, bodies, health, at_work: Mutex::new(None) }
    }
}

#[async_trait]
impl Extension for HealthCheck {
    async fn start(&self, stop: Stop) -> Result<Vec<Listening>, StartError> {
        let apis = vec![routes(self.health.clone(), &self.path, self.bodies.clone())];
        let site = Site::bind(&self.http.endpoint, apis, Rules::default()).await;
        let site = site.map_err(|error| StartError::new(error.to_string()))?;
        let address = site.address();
        let (end, ended) = oneshot::channel();
        let health = self.health.clone();
        let task = tokio::spawn(site.serve(async move {
            let mut ended = ended;
            tokio::select! {
                _ = &mut ended => return,
                () = stop.requested() => health.set(Phase::Draining),
            }
            let _ = ended.await;
        }));
        *self.at_work.lock().expect("no holder of this lock panics") = Some(AtWork { task, end });
        Ok(vec![Listening { what: "health check".into(), address, protected: false }])
    }

    async fn shutdown(&self) {
        let at_work = self.at_work.lock().expect("no holder of this lock panics").take();
        if let Some(AtWork { task, end }) = at_work {
            drop(end);
            let _ = task.await;
        }
    }
}
