//! Draws the services and the calls between them.

use super::{
    Call, Database, Keys, Layer, OPERATIONS, Operation, STATEMENTS, Service, Statement, Topic, generation,
    language,
};
use crate::chance::Chance;

const NOUNS: [&str; 25] = [
    "checkout",
    "cart",
    "payment",
    "order",
    "user",
    "warehouse",
    "catalog",
    "shipping",
    "pricing",
    "listing",
    "review",
    "invoice",
    "session",
    "coupon",
    "refund",
    "stock",
    "location",
    "profile",
    "message",
    "ledger",
    "token",
    "wallet",
    "fee",
    "quote",
    "feed",
];
const DOORS: [&str; 6] = ["web", "mobile", "partner", "admin", "public", "internal"];
const METHODS: [&str; 5] = ["GET", "GET", "POST", "PUT", "DELETE"];
const SYSTEMS: [(&str, i64); 4] =
    [("postgresql", 5432), ("mysql", 3306), ("mariadb", 3306), ("microsoft.sql_server", 1433)];

/// A service before it has anything but its place.
pub(super) struct Seat {
    layer: Layer,
    rank: usize,
}

/// How many services each layer gets: 6 % edge, 24 % api, 40 % domain, 15 % data and 15 % workers, at least one edge.
pub(super) fn plan(count: usize) -> Vec<Seat> {
    let share = |percent: usize| (count * percent).div_ceil(100);
    let wanted = [
        (Layer::Edge, share(6)),
        (Layer::Api, share(24)),
        (Layer::Domain, share(40)),
        (Layer::Data, share(15)),
        (Layer::Worker, count),
    ];
    let seats =
        wanted.into_iter().flat_map(|(layer, seats)| (0..seats).map(move |rank| Seat { layer, rank }));
    seats.take(count.max(1)).collect()
}

/// A service without calls, topics and pods.
pub(super) fn service(chance: &mut Chance, place: usize, seat: Seat) -> Service {
    let (noun, name) = name(&seat);
    let role = role(seat.layer);
    let language = language(place);
    let scope_version = format!("{}.{}.0", 1 + chance.below(4), chance.below(30));
    let functions = (0..8).map(|function| {
        let verb = ["load", "compute", "validate", "render"][function % 4];
        format!("{noun}Service.{verb}_{}", NOUNS[(place + function) % 25])
    });
    let stacks = (0..language.exception_count()).map(|which| language.stack(noun, which, place));
    Service {
        operations: (0..OPERATIONS)
            .map(|rank| operation(place, rank, subject(&seat, place, rank, noun)))
            .collect(),
        database: database(place, noun),
        functions: functions.collect(),
        topics: Vec::new(),
        stacks: stacks.collect(),
        keys: Keys {
            mode: format!("app.{noun}.{role}.mode"),
            shard: format!("app.{noun}.{role}.shard"),
            bucket: format!("app.{noun}.{role}.bucket"),
            reference: format!("app.{noun}.{role}.ref"),
        },
        pods: 0..0,
        scopes: super::resource::scopes(language, &scope_version),
        names: generation(place),
        layer: seat.layer,
        name,
        noun,
        language,
    }
}

fn role(layer: Layer) -> &'static str {
    match layer {
        Layer::Edge => "gateway",
        Layer::Api => "api",
        Layer::Domain => "core",
        Layer::Data => "store",
        Layer::Worker => "worker",
    }
}

fn name(seat: &Seat) -> (&'static str, String) {
    let nouns: &'static [&'static str] = if seat.layer == Layer::Edge { &DOORS } else { &NOUNS };
    let noun = nouns[seat.rank % nouns.len()];
    let round = seat.rank / nouns.len();
    let role = role(seat.layer);
    let name = if round == 0 { format!("{noun}-{role}") } else { format!("{noun}-{role}-{}", round + 1) };
    (noun, name)
}

/// What an operation is about: at the edge anything, else what the service is about.
fn subject(seat: &Seat, place: usize, rank: usize, noun: &'static str) -> &'static str {
    if seat.layer == Layer::Edge { NOUNS[(place * 11 + rank * 7) % NOUNS.len()] } else { noun }
}

fn operation(place: usize, rank: usize, noun: &str) -> Operation {
    let method = METHODS[(rank + place) % 5];
    let other = NOUNS[(place * 7 + rank * 3) % 25];
    let route = match rank % 4 {
        0 => format!("/api/v1/{noun}s/{{id}}/v{}", rank / 4),
        1 => format!("/api/v1/{noun}s/{{id}}/{other}s"),
        2 => format!("/api/v2/{other}s/{{id}}/{noun}s/batch{rank}"),
        _ => format!("/internal/{noun}/{other}-{rank}"),
    };
    Operation { name: format!("{method} {route}"), method, route, calls: Vec::new() }
}

fn database(place: usize, noun: &str) -> Database {
    let (system, port) = SYSTEMS[place % 4];
    let name = format!("{noun}db");
    let statements = (0..STATEMENTS).map(|rank| statement(noun, NOUNS[(place * 5 + rank) % 25], &name, rank));
    Database { statements: statements.collect(), system, port, name }
}

fn statement(noun: &str, other: &str, database: &str, rank: usize) -> Statement {
    let (operation, text) = match rank % 4 {
        0 => (
            "SELECT",
            format!(
                "SELECT {noun}_id, {other}_ref, status, created_at, updated_at, total_amount, currency FROM {noun}s \
             WHERE {noun}_id = $1 AND tenant_id = $2 ORDER BY created_at DESC LIMIT 50"
            ),
        ),
        1 => (
            "INSERT",
            format!(
                "INSERT INTO {noun}_{other} ({noun}_id, {other}_id, payload, version, created_by) \
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT ({noun}_id) DO UPDATE SET payload = EXCLUDED.payload"
            ),
        ),
        2 => (
            "UPDATE",
            format!(
                "UPDATE {other}s SET status = $1, updated_at = now() WHERE {other}_id = $2 AND version = $3"
            ),
        ),
        _ => (
            "SELECT",
            format!(
                "SELECT t.*, j.name FROM {noun}s t JOIN {other}s j ON j.id = t.{other}_id WHERE t.account = "
            ),
        ),
    };
    Statement {
        span_name: format!("{operation} {database}.{other}"),
        operation,
        collection: format!("{other}s"),
        text,
        takes_literal: rank % 4 == 3,
    }
}

/// Gives every operation its calls, and every topic its readers.
pub(super) fn connect(chance: &mut Chance, services: &mut [Service]) {
    let layers: Vec<Layer> = services.iter().map(|service| service.layer).collect();
    let workers: Vec<usize> = (0..layers.len()).filter(|place| layers[*place] == Layer::Worker).collect();
    for (place, service) in services.iter_mut().enumerate() {
        let reach = callees(chance, place, &layers);
        for operation in &mut service.operations {
            let calls = if reach.is_empty() { 0 } else { 3 + chance.below(5) };
            operation.calls = (0..calls)
                .map(|_| Call {
                    service: *chance.pick(&reach),
                    operation: chance.below(OPERATIONS as u64) as usize,
                })
                .collect();
        }
        if !workers.is_empty() && matches!(service.layer, Layer::Api | Layer::Domain) {
            service.topics = (0..3).map(|rank| topic(chance, service.noun, rank, &workers)).collect();
        }
    }
}

/// The few services that one service knows.
fn callees(chance: &mut Chance, place: usize, layers: &[Layer]) -> Vec<usize> {
    let wanted: &[Layer] = match layers[place] {
        Layer::Edge => &[Layer::Api, Layer::Api, Layer::Api, Layer::Api, Layer::Api, Layer::Api],
        Layer::Api => &[Layer::Domain, Layer::Domain, Layer::Domain, Layer::Domain, Layer::Data],
        Layer::Domain => &[Layer::Domain, Layer::Domain, Layer::Data, Layer::Data],
        Layer::Data => &[],
        Layer::Worker => &[Layer::Domain, Layer::Domain, Layer::Data],
    };
    let mut found = Vec::new();
    for layer in wanted {
        let same = *layer == layers[place];
        let able = |at: &usize| layers[*at] == *layer && (!same || *at > place);
        let choices: Vec<usize> = (0..layers.len()).filter(able).collect();
        if !choices.is_empty() {
            let choice = *chance.pick(&choices);
            if !found.contains(&choice) {
                found.push(choice);
            }
        }
    }
    found
}

fn topic(chance: &mut Chance, noun: &str, rank: usize, workers: &[usize]) -> Topic {
    let consumers = (0..1 + chance.below(2)).map(|_| *chance.pick(workers)).collect();
    Topic { name: format!("{noun}.events.v{rank}"), consumers, linked: rank == 2 }
}
