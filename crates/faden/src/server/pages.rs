//! The ports on which a server answers about its spans and about itself.

use std::sync::Arc;

use blocks::engine::Engine;
use pipeline::{Listening, Stop};
use query::{Limits, Query};
use serve::faden::{Faden, Flow, StatusSource};
use serve::jaeger::{Jaeger, grpc};
use serve::metrics::Asked;
use serve::tempo::Tempo;
use serve::zipkin::Zipkin;
use serve::{Router, Rules, Site};
use tokio::task::JoinSet;

use super::Parts;
use super::peers::EngineHeads;
use super::state::State;
use crate::exit::Failure;
use crate::settings::{ServeSettings, Settings};

/// How old the store's figures may be in the metrics.
const FIGURES_EVERY: std::time::Duration = std::time::Duration::from_secs(2);

/// Ports that are open and do not answer yet.
pub struct Pages(Vec<(&'static str, Site)>);

/// Ports that answer.
pub struct Serving(JoinSet<()>);

impl Pages {
    /// Opens the query port where there is a store, and the port of the metrics.
    pub async fn bind(
        settings: &Settings,
        parts: &Parts,
        state: &Arc<State>,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let mut pages = Vec::new();
        if let (Some(serve), Some(storage)) = (&settings.serve, &parts.storage) {
            let query = Query::new(storage.reader(), Limits::default());
            let asked = Asked::register(&parts.registry).map_err(Failure::problem)?;
            let flow =
                Flow { registry: parts.registry.clone(), pipelines: settings.pipeline.pipelines.clone() };
            let faden = queries((serve, flow), query.clone(), (parts, state, stop), &asked).await?;
            pages.push(("Jaeger's API and Faden's", faden));
            let services = Arc::new(grpc::Services {
                query: query.clone(),
                keeper: state.keeper(),
                writer: settings
                    .store
                    .as_ref()
                    .is_some_and(|store| !store.reads_only)
                    .then(|| storage.writer()),
                clock: Arc::clone(&parts.clock),
                tenant: model::Tenant::default(),
                budget: parts.budget.clone(),
            });
            if !serve.grpc.is_empty() {
                let handler = grpc::query_handler(Arc::clone(&services));
                pages
                    .push(("Jaeger's gRPC", Site::of(&serve.grpc, handler).await.map_err(Failure::problem)?));
            }
            if !serve.storage.is_empty() {
                let handler = grpc::storage_handler(services);
                let site = Site::of(&serve.storage, handler).await.map_err(Failure::problem)?;
                pages.push(("Jaeger's remote storage", site));
            }
            if !serve.tempo.is_empty() {
                let api = tempo(serve, query.clone(), parts);
                pages.push(("Tempo's API", site(&serve.tempo, api, serve, &asked).await?));
            }
            if !serve.zipkin.is_empty() {
                let api = zipkin(serve, query, parts);
                pages.push(("Zipkin's API", site(&serve.zipkin, api, serve, &asked).await?));
            }
            if !serve.peers.is_empty() {
                let routes = serve::peers::routes(Arc::new(EngineHeads(storage.engine())));
                let site = Site::bind(&serve.peers, vec![routes], Rules::default()).await;
                pages.push(("other nodes", site.map_err(Failure::problem)?));
            }
        }
        if let Some(address) = &settings.pipeline.telemetry.metrics_address {
            let routes = serve::metrics::routes(parts.registry.clone());
            let site = Site::bind(address, vec![routes], Rules::default()).await.map_err(Failure::problem)?;
            pages.push(("metrics", site));
        }
        Ok(Self(pages))
    }

    /// Every port, as the components of a pipeline say it.
    pub fn ports(&self) -> Vec<(String, Listening)> {
        let listening = |(what, site): &(&'static str, Site)| {
            let listening = Listening { what: (*what).to_owned(), address: site.address(), protected: false };
            ("serve".to_owned(), listening)
        };
        self.0.iter().map(listening).collect()
    }

    /// Answers until the stop is requested.
    pub fn serve(self, stop: &Stop) -> Serving {
        let mut tasks = JoinSet::new();
        for (_, site) in self.0 {
            let stop = stop.clone();
            tasks.spawn(site.serve(async move { stop.requested().await }));
        }
        Serving(tasks)
    }
}

impl Serving {
    /// Keeps the figures of the store fresh for whoever reads the metrics.
    pub fn keep(&mut self, engine: Arc<Engine>, stop: &Stop) {
        let stop = stop.clone();
        self.0.spawn(async move {
            loop {
                engine.update_metrics().await;
                tokio::select! {
                    () = tokio::time::sleep(FIGURES_EVERY) => {}
                    () = stop.requested() => return,
                }
            }
        });
    }

    /// Ends when every request was answered.
    pub async fn finished(mut self) {
        while self.0.join_next().await.is_some() {}
    }
}

async fn queries(
    (settings, flow): (&ServeSettings, Flow),
    query: Query,
    (parts, state, stop): (&Parts, &Arc<State>, &Stop),
    asked: &Asked,
) -> Result<Site, Failure> {
    let origins = settings.allowed_origins.clone();
    let jaeger = Jaeger {
        query: query.clone(),
        keeper: state.keeper(),
        clock: Arc::clone(&parts.clock),
        allowed_origins: origins.clone(),
    };
    let faden = Faden {
        query,
        tap: parts.tap.clone(),
        status: Arc::clone(state) as Arc<dyn StatusSource>,
        keeper: state.keeper(),
        clock: Arc::clone(&parts.clock),
        stop: stop.clone(),
        flow,
        allowed_origins: origins,
    };
    let rules = rules(settings);
    let apis = [serve::jaeger::routes(jaeger), serve::faden::routes(faden), serve::ui::routes()];
    let apis = apis.into_iter().map(|api| asked.count(api)).collect();
    Site::bind(&settings.http, apis, rules).await.map_err(Failure::problem)
}

fn tempo(settings: &ServeSettings, query: Query, parts: &Parts) -> Router {
    let allowed_origins = settings.allowed_origins.clone();
    serve::tempo::routes(Tempo { query, clock: Arc::clone(&parts.clock), allowed_origins })
}

fn zipkin(settings: &ServeSettings, query: Query, parts: &Parts) -> Router {
    let allowed_origins = settings.allowed_origins.clone();
    serve::zipkin::routes(Zipkin { query, clock: Arc::clone(&parts.clock), allowed_origins })
}

/// An API at an address of its own.
async fn site(address: &str, api: Router, settings: &ServeSettings, asked: &Asked) -> Result<Site, Failure> {
    Site::bind(address, vec![asked.count(api)], rules(settings)).await.map_err(Failure::problem)
}

fn rules(settings: &ServeSettings) -> Rules {
    let mut rules = Rules::default();
    rules.allowed.origins.clone_from(&settings.allowed_origins);
    rules
}
