use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Batch, Kind, StatusCode, Tenant};
use store::Level;
use store::conformance::{Any, Draft, NOW, batch};
use store::sketch::Sketch;

use super::cubes::Role;
use super::listing::{Listing, OPERATIONS_MAX};
use super::merge::merge;
use super::{Cube, Detail, Digest, KeyValues, OF_TENANT, STATUSES, Uses, digest};
use crate::columns::order;
use crate::columns::schema::Layout;
use crate::columns::shred;
use crate::index::section::Section;

const SECOND: u64 = 1_000_000_000;

fn digested(spans: &[Draft]) -> Arc<Digest> {
    let batches: [Batch; 1] = [batch(&Tenant::default(), spans)];
    let ordered = order::order(&batches);
    let layout = Layout::new(Vec::new());
    let shredded = shred::shred(&layout, &batches, &ordered, &ordered.traces, Vec::new());
    Arc::new(digest(&layout, &shredded, Detail::Values).0)
}

/// Every cell of a cube: by service, name (of operations), kind and status, the step's begin and what it counts.
type Cells = BTreeMap<(String, String, Kind, StatusCode, u64), Sketch>;

fn cells(digest: &Digest, role: Role) -> Cells {
    let (listing, cube) = (&digest.listing, digest.cubes[role as usize].as_ref().unwrap());
    let kinds = listing.kinds();
    let mut cells = Cells::new();
    for subject in 0..cube.subjects() {
        let (service, name, kind) = match role {
            Role::Operations => {
                let of = &listing.operations[subject];
                (of.service, listing.name(of).unwrap_or("any"), of.kind)
            }
            _ => kinds.get(subject).map(|(service, kind)| (*service, "", *kind)).unwrap(),
        };
        let service = listing.services[service as usize].to_string();
        let visited = cube.visit(subject, |status, begin, bytes| {
            let cell = (service.clone(), name.to_owned(), kind, STATUSES[status], begin);
            cells.entry(cell).or_default().merge_bytes(bytes)
        });
        visited.unwrap();
    }
    cells
}

/// Spans over ten minutes, of few operations.
fn spans(from: u64, to: u64) -> Vec<Draft> {
    let span = |at: u64| {
        Draft::new(at + 1, 1)
            .service(["web", "api", "db"][(at % 3) as usize])
            .name(["get", "put"][(at % 2) as usize])
            .kind([Kind::Server, Kind::Client][(at / 2 % 2) as usize])
            .status(STATUSES[(at % 7 / 3) as usize])
            .with("db.system", ["redis", "mysql"][(at % 2) as usize])
            .at(NOW + at * SECOND, at * at * 1_000)
    };
    (from..to).map(span).collect()
}

fn expected(spans: &[Draft], step: u64, with_name: bool) -> Cells {
    let mut cells = Cells::new();
    for span in spans {
        let Any::Text(service) = &span.resource[0].1 else { panic!("it has a service") };
        let name = if with_name { span.name.clone() } else { String::new() };
        let begin = span.start - span.start.checked_rem(step).unwrap_or(span.start);
        let cell = (service.clone(), name, span.kind, span.status, begin);
        cells.entry(cell).or_default().add(span.end - span.start);
    }
    cells
}

#[test]
fn digests_of_parts_add_up_to_that_of_the_whole() {
    let parts = [digested(&spans(0, 100)), digested(&spans(100, 350)), digested(&spans(350, 600))];
    let once = Arc::new(merge(&parts[..2], false));
    let merged = merge(&[once, parts[2].clone()], true);
    let all = spans(0, 600);
    assert_eq!(cells(&merged, Role::Operations), expected(&all, 60 * SECOND, true));
    assert_eq!(cells(&merged, Role::Services), expected(&all, 60 * SECOND, false));
    assert_eq!(cells(&merged, Role::Whole), expected(&all, 0, false));
    let spans: u64 = merged.listing.operations.iter().map(|of| of.spans).sum();
    assert_eq!((spans, &merged.listing.keys[0].1[..]), (600, "service.name"));
    let failed: u64 = merged.listing.operations.iter().map(|of| of.errors).sum();
    assert_eq!(failed, all.iter().filter(|span| span.status == StatusCode::Error).count() as u64);
}

/// The values that a merged digest tells of a key, each with its spans.
fn told(digest: &Digest, key: &str) -> Option<BTreeMap<String, u64>> {
    let values = digest.values.as_ref().unwrap();
    let of = &values.keys[values.place(Level::Span, key)?];
    Some(of.values.iter().map(|(text, spans)| (text.to_string(), *spans)).collect())
}

#[test]
fn values_of_parts_add_up_to_those_of_the_whole() {
    let plain = |from: u64, to: u64| {
        (from..to).map(|at| Draft::new(at + 1, 1).at(NOW + at * SECOND, at * 7)).collect::<Vec<_>>()
    };
    let [first, without, last] = [spans(0, 100), plain(100, 350), spans(350, 600)];
    let parts = [digested(&first), digested(&without), digested(&last)];
    let once = Arc::new(merge(&parts[..2], false));
    let merged = merge(&[once, parts[2].clone()], true);
    let mut expected: BTreeMap<String, u64> = BTreeMap::new();
    for (_, value) in first.iter().chain(&last).filter_map(|span| span.attributes.first()) {
        let Any::Text(text) = value else { panic!("{value:?} is no text") };
        *expected.entry(text.clone()).or_default() += 1;
    }
    assert_eq!(told(&merged, "db.system"), Some(expected));
    let values = merged.values.as_ref().unwrap();
    let bytes = values.write();
    assert_eq!(KeyValues::read(&bytes, OF_TENANT).as_ref(), Some(&**values));
    for length in 0..bytes.len() {
        assert_ne!(KeyValues::read(&bytes[..length], OF_TENANT).as_ref(), Some(&**values));
    }
}

#[test]
fn keys_with_many_values_are_not_told() {
    let many = |values: u64, length: usize, from: u64| {
        let span = move |at: u64| {
            let value = format!("{:0length$}", at % values);
            Draft::new(at + 1, 1).with("url.path", value.as_str())
        };
        digested(&(from..from + 4_000).map(span).collect::<Vec<_>>())
    };
    let two = |values, length| merge(&[many(values, length, 0), many(values, length, 4_000)], true);
    assert_eq!(told(&two(500, 8), "url.path").map(|told| told.len()), Some(500));
    assert_eq!(told(&two(600, 8), "url.path"), None);
    assert_eq!(told(&two(500, 40), "url.path"), None, "they take too many bytes");
}

#[test]
fn operations_beyond_the_limit_are_not_told_apart_but_counted() {
    let named = |from: usize, to: usize| {
        let span = |at: usize| Draft::new(at as u64 + 1, 1).name(&format!("operation {at}"));
        let few = Draft::new(9, 9).service("few");
        digested(&(from..to).map(span).chain([few]).collect::<Vec<_>>())
    };
    let half = OPERATIONS_MAX * 2 / 3;
    let merged = merge(&[named(0, half), named(half, 2 * half)], true);
    let told: Vec<_> =
        merged.listing.operations.iter().map(|of| (merged.listing.name(of), of.spans)).collect();
    assert_eq!(told, [(Some("work"), 2), (None, 2 * half as u64)]);
    let counts: Vec<u64> = cells(&merged, Role::Operations).values().map(Sketch::count).collect();
    assert_eq!(counts.iter().sum::<u64>(), 2 + 2 * half as u64);
}

#[test]
fn sparse_spans_have_longer_steps_instead_of_more_bytes() {
    let sparse = |part: u64| {
        let span = |at: u64| Draft::new(at + 1, 1).at(NOW + at * 97 * SECOND, at * 7_919 + 1);
        digested(&(part * 4_000..(part + 1) * 4_000).map(span).collect::<Vec<_>>())
    };
    let merged = merge(&[sparse(0), sparse(1)], true);
    let cube = merged.cubes[Role::Operations as usize].as_ref().unwrap();
    assert!(cube.step > 60 * SECOND, "{}", cube.step);
    assert!(cube.len() <= Role::Operations.bytes_max(8_000), "{} bytes", cube.len());
    assert_eq!(cells(&merged, Role::Operations).values().map(Sketch::count).sum::<u64>(), 8_000);
}

#[test]
fn sections_come_back_and_broken_ones_are_noticed() {
    let merged = merge(&[digested(&spans(0, 600))], true);
    let used = merged.used.as_ref().unwrap();
    let uses = used.uses.write();
    assert_eq!(Uses::read(&uses, OF_TENANT).as_ref(), Some(&*used.uses));
    assert_eq!((used.uses.targets.len(), used.uses.uses.len()), (2, 12));
    assert_eq!(
        (0..uses.len()).find(|length| Uses::read(&uses[..*length], OF_TENANT) == Some((*used.uses).clone())),
        None
    );
    let listing = merged.listing.write();
    assert_eq!(Listing::read(&listing, OF_TENANT).as_ref(), Some(&*merged.listing));
    for cube in merged.cubes.iter().flatten() {
        let bytes = cube.write();
        assert_eq!(Cube::read(&bytes, OF_TENANT).as_ref(), Some(&**cube));
        for length in 0..bytes.len() {
            assert_eq!(Cube::read(&bytes[..length], OF_TENANT), None);
        }
    }
    for at in 0..listing.len() {
        let mut broken = listing.clone();
        broken[at] ^= 0x55;
        _ = Listing::read(&broken, OF_TENANT);
    }
}
