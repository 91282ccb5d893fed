use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use config::{Block, Problems};
use model::Tenant;
use pipeline::testing::{Scripted, batch, context};
use pipeline::{Consumer, Memory, Outcome};

use super::config::read;
use super::{Bounds, Limiter};

const MIB: u64 = 1 << 20;

fn settings(text: &str) -> (super::config::Settings, String) {
    let node = config::parse(text, "f.yaml").expect("it is YAML");
    let problems = Problems::new();
    let mut block = Block::of(&node, &problems);
    let settings = read(&mut block);
    block.finish();
    (settings, problems.to_string())
}

fn bounds(text: &str, total: fn() -> Option<u64>) -> Bounds {
    let (settings, problems) = settings(text);
    assert_eq!(problems, "");
    settings.bounds(Memory { live: || 0, total }).expect("the limits are known")
}

#[test]
fn limits_are_reckoned_as_the_collector_does() {
    let check_interval = Duration::from_secs(1);
    let expected = Bounds { hard_bytes: 100 * MIB, soft_bytes: 80 * MIB, check_interval };
    assert_eq!(bounds("{check_interval: 1s, limit_mib: 100}", || None), expected);
    let expected = Bounds { hard_bytes: 100 * MIB, soft_bytes: 70 * MIB, check_interval };
    let text =
        "{check_interval: 1s, limit_mib: 100, spike_limit_mib: 30, min_gc_interval_when_soft_limited: 10s}";
    assert_eq!(bounds(text, || None), expected);
    let expected = Bounds { hard_bytes: 80 * MIB, soft_bytes: 55 * MIB, check_interval };
    let text = "{check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 25}";
    assert_eq!(bounds(text, || Some(100 * MIB)), expected);
}

#[test]
fn options_without_sense_are_problems() {
    let (_, problems) = settings("{}");
    assert!(problems.contains("check_interval: it must be more than 0; write 1s"), "{problems}");
    assert!(
        problems.contains("limit_mib: there is no limit; give limit_mib or limit_percentage"),
        "{problems}"
    );
    let (_, problems) = settings("{check_interval: 1s, limit_mib: 10, spike_limit_mib: 10}");
    assert!(problems.contains("spike_limit_mib: it must be less than limit_mib"), "{problems}");
    let (_, problems) = settings("{check_interval: 1s, limit_percentage: 10, spike_limit_percentage: 20}");
    assert!(problems.contains("spike_limit_percentage: it must be less than limit_percentage"), "{problems}");
}

#[test]
fn a_share_of_unknown_memory_says_what_to_write_instead() {
    let (settings, _) = settings("{check_interval: 1s, limit_percentage: 80}");
    let error = settings.bounds(Memory { live: || 0, total: || None }).unwrap_err();
    let expected = "limit_percentage needs to know how much memory there is; give limit_mib instead";
    assert_eq!(error.to_string(), expected);
}

static LIVE: AtomicU64 = AtomicU64::new(0);

#[tokio::test(start_paused = true)]
async fn spans_are_held_off_while_memory_is_short_and_taken_again_after() {
    let exporter = Scripted::open([]);
    let bounds = Bounds { hard_bytes: 100, soft_bytes: 80, check_interval: Duration::from_secs(1) };
    let memory = Memory { live: || LIVE.load(Ordering::SeqCst), total: || None };
    let context = context("memory_limiter");
    let meter = context.telemetry.limiter(&context.id);
    let limiter = Limiter::new(bounds, memory, Arc::clone(&exporter) as Arc<dyn Consumer>, meter.clone());
    let held_off =
        Outcome::retry(Some(Duration::from_secs(1)), "memory_limit", "memory is short, send again later");
    let send = async || limiter.consume(batch(5, Tenant::default())).await;

    assert_eq!(send().await, Outcome::Stored);
    LIVE.store(80, Ordering::SeqCst);
    assert_eq!(send().await, Outcome::Stored, "it looks once per interval");
    for live in [80, 100] {
        LIVE.store(live, Ordering::SeqCst);
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(send().await, held_off);
    }
    LIVE.store(79, Ordering::SeqCst);
    assert_eq!(send().await, held_off, "it looks once per interval");
    tokio::time::advance(Duration::from_secs(1)).await;
    assert_eq!(send().await, Outcome::Stored);
    assert_eq!((meter.accepted.get(), meter.refused.get()), (15, 15));
    assert_eq!(exporter.sizes(), [5, 5, 5]);
}
