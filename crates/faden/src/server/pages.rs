//! The ports on which a server answers about its spans and about itself.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use blocks::engine::Engine;
use net::listen::BindError;
use pipeline::{Listening, Stop};
use query::Query;
use serve::faden::{Demo, Faden, Flow, StatusSource};
use serve::jaeger::{Jaeger, grpc};
use serve::metrics::Asked;
use serve::purge::Purge;
use serve::tempo::Tempo;
use serve::zipkin::Zipkin;
use serve::{Router, Rules, Site};
use tokio::task::JoinSet;

use super::Parts;
use super::demo::DemoMaker;
use super::peers::EngineHeads;
use super::state::State;
use super::storage::Storage;
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
            let query = Query::new(storage.reader(), serve.limits.query);
            let asked = Asked::register(&parts.registry).map_err(Failure::problem)?;
            let metrics = |paths: &[&str]| serve::metrics::routes(parts.registry.clone(), paths);
            let flow = Flow {
                registry: parts.registry.clone(),
                audit: parts.context.telemetry.audit().clone(),
                pipelines: settings.pipeline.pipelines.clone(),
            };
            let faden = queries((serve, flow), query.clone(), (parts, state, stop), &asked).await?;
            pages.push(("the pages, Jaeger's API and Faden's", faden));
            let grpc = jaeger_grpc(settings, query.clone(), (parts, state), storage);
            if !serve.grpc.is_empty() {
                let site = Site::of(&serve.grpc, grpc::query_handler(Arc::clone(&grpc))).await;
                pages.push(("Jaeger's gRPC", site.map_err(refused("serve.grpc"))?));
            }
            if !serve.storage.is_empty() {
                let site = Site::of(&serve.storage, grpc::storage_handler(grpc)).await;
                pages.push(("Jaeger's remote storage", site.map_err(refused("serve.storage"))?));
            }
            if !serve.tempo.is_empty() {
                let api = asked.count(tempo(serve, query.clone(), parts));
                let apis = vec![api, metrics(&["/metrics"])];
                let site = Site::bind(&serve.tempo, apis, rules(serve)).await;
                pages.push(("Tempo's API", site.map_err(refused("serve.tempo"))?));
            }
            if !serve.zipkin.is_empty() {
                let api = asked.count(zipkin(serve, query, parts));
                let apis = vec![api, metrics(&["/prometheus", "/actuator/prometheus"])];
                let site = Site::bind(&serve.zipkin, apis, rules(serve)).await;
                pages.push(("Zipkin's API", site.map_err(refused("serve.zipkin"))?));
            }
            if !serve.peers.is_empty() {
                let routes = serve::peers::routes(Arc::new(EngineHeads(storage.engine())));
                let site = Site::bind(&serve.peers, vec![routes], Rules::default()).await;
                pages.push(("other nodes", site.map_err(refused("serve.peers"))?));
            }
        }
        if let Some(address) = &settings.pipeline.telemetry.metrics_address {
            let routes = serve::metrics::routes(parts.registry.clone(), &["/metrics"]);
            let site = Site::bind(address, vec![routes], Rules::default()).await;
            pages.push(("metrics", site.map_err(refused("service.telemetry.metrics.address"))?));
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
        purge: purge(settings, state),
        clock: Arc::clone(&parts.clock),
        allowed_origins: origins.clone(),
    };
    let faden = Faden {
        query,
        tap: parts.tap.clone(),
        status: Arc::clone(state) as Arc<dyn StatusSource>,
        keeper: state.keeper(),
        demo: parts.storage.as_ref().map(|storage| {
            let maker = DemoMaker {
                rule: settings.demo,
                engine: storage.engine(),
                state: Arc::clone(state),
                clock: Arc::clone(&parts.clock),
                made: AtomicU64::new(0),
            };
            Arc::new(maker) as Arc<dyn Demo>
        }),
        clock: Arc::clone(&parts.clock),
        stop: stop.clone(),
        flow,
        allowed_origins: origins,
    };
    let rules = rules(settings);
    let faden = serve::faden::routes(faden);
    let apis = [serve::jaeger::routes(jaeger), serve::mcp::routes(faden.clone()), faden, serve::ui::routes()];
    let apis = apis.into_iter().map(|api| asked.count(api)).collect();
    Site::bind(&settings.http, apis, rules).await.map_err(refused("serve.http"))
}

fn tempo(settings: &ServeSettings, query: Query, parts: &Parts) -> Router {
    let allowed_origins = settings.allowed_origins.clone();
    let budget = parts.budget.clone();
    serve::tempo::routes(Tempo { query, clock: Arc::clone(&parts.clock), budget, allowed_origins })
}

fn zipkin(settings: &ServeSettings, query: Query, parts: &Parts) -> Router {
    let allowed_origins = settings.allowed_origins.clone();
    serve::zipkin::routes(Zipkin { query, clock: Arc::clone(&parts.clock), allowed_origins })
}

fn jaeger_grpc(
    settings: &Settings,
    query: Query,
    (parts, state): (&Parts, &Arc<State>),
    storage: &Storage,
) -> Arc<grpc::Services> {
    let is_written = settings.store.as_ref().is_some_and(|store| !store.reads_only);
    Arc::new(grpc::Services {
        query,
        keeper: state.keeper(),
        purge: settings.serve.as_ref().map_or(Purge::Refused, |serve| purge(serve, state)),
        writer: is_written.then(|| storage.writer()),
        clock: Arc::clone(&parts.clock),
        tenant: model::Tenant::default(),
        budget: parts.budget.clone(),
    })
}

fn purge(settings: &ServeSettings, state: &State) -> Purge {
    state.keeper().filter(|_| settings.may_purge).map_or(Purge::Refused, Purge::By)
}

/// Why a port is not open, by the setting that names it.
fn refused(setting: &'static str) -> impl FnOnce(BindError) -> Failure {
    move |error| Failure::problem(format!("{setting}: {error}; {}", error.remedy()))
}

fn rules(settings: &ServeSettings) -> Rules {
    let mut rules = Rules::default();
    rules.allowed.origins.clone_from(&settings.allowed_origins);
    rules.answer_bytes_max = settings.limits.answer_bytes_max;
    rules
}
