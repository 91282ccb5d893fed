use std::sync::Arc;

use super::{Cache, Key, Memory};

fn key(number: u64) -> Key {
    Key { block: 1, kind: 2, number }
}

fn cache(parts: usize) -> Cache {
    Cache::new(parts * 1024)
}

/// Keeps a part that takes a kibibyte with its bookkeeping.
fn put(cache: &Cache, number: u64) {
    cache.put(key(number), Arc::new(number), 1024 - 128);
}

#[test]
fn what_was_not_used_for_longest_goes() {
    let cache = cache(8);
    (0..10).for_each(|number| put(&cache, number));
    assert_eq!(cache.get::<u64>(key(1)), None);
    assert_eq!(cache.get::<u64>(key(2)).as_deref(), Some(&2));
    assert_eq!(cache.used().bytes, 8 * 1024);
}

#[test]
fn reading_everything_once_drives_out_nothing_that_was_used_twice() {
    let cache = cache(10);
    (0..4).for_each(|number| put(&cache, number));
    (0..4).for_each(|number| assert!(cache.get::<u64>(key(number)).is_some()));
    (100..1000).for_each(|number| put(&cache, number));
    (0..4).for_each(|number| assert!(cache.get::<u64>(key(number)).is_some(), "{number}"));
    assert!(cache.used().bytes <= cache.used().bytes_max);
}

#[test]
fn what_takes_long_to_make_stays_from_the_start() {
    let cache = cache(10);
    cache.put_dear(key(1), Arc::new(1_u64), 4096 - 128);
    (100..1000).for_each(|number| put(&cache, number));
    assert!(cache.get::<u64>(key(1)).is_some());
    assert!(cache.used().bytes <= cache.used().bytes_max);
}

#[test]
fn what_is_brought_up_to_date_stays_as_long_as_what_it_replaces() {
    let cache = cache(10);
    put(&cache, 1);
    assert!(cache.get::<u64>(key(1)).is_some());
    cache.put(key(1), Arc::new(7_u64), 2048 - 128);
    (100..1000).for_each(|number| put(&cache, number));
    assert_eq!(cache.get::<u64>(key(1)).as_deref(), Some(&7));
}

#[test]
fn something_larger_than_half_of_the_budget_is_not_kept() {
    let cache = cache(8);
    cache.put(key(1), Arc::new(1_u64), 4096);
    assert_eq!(cache.get::<u64>(key(1)), None);
    assert_eq!(cache.used().bytes, 0);
}

#[test]
fn a_block_that_is_gone_leaves_its_room_to_others() {
    let memory = Memory::new(8 * 1024, 8 * 1024);
    for cache in [&memory.index, &memory.pages] {
        (0..4).for_each(|number| put(cache, number));
        assert!(cache.get::<u64>(key(0)).is_some());
        cache.put(Key { block: 7, ..key(0) }, Arc::new(7_u64), 1024 - 128);
    }
    memory.forget(1);
    for cache in [&memory.index, &memory.pages] {
        assert_eq!((cache.get::<u64>(key(0)), cache.used().bytes), (None, 1024));
        assert_eq!(cache.get::<u64>(Key { block: 7, ..key(0) }).as_deref(), Some(&7));
    }
}

#[test]
fn a_budget_of_nothing_keeps_nothing() {
    let memory = Memory::new(0, 0);
    put(&memory.index, 1);
    assert_eq!((memory.index().bytes, memory.index().misses), (0, 0));
    assert_eq!(memory.index.get::<u64>(key(1)), None);
    assert_eq!(memory.index().misses, 1);
}

#[test]
fn blocks_with_the_same_columns_share_them() {
    let memory = Memory::default();
    let first = memory.layout(Vec::new());
    assert!(Arc::ptr_eq(&first, &memory.layout(Vec::new())));
}

#[test]
fn any_use_keeps_the_sums_right() {
    let cache = cache(6);
    let mut number = 1_u64;
    for _ in 0..5000 {
        number = number.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        let part = number >> 33;
        match part % 3 {
            0 => cache.put(key(part % 40), Arc::new(part), (part % 1500) as usize),
            _ => _ = cache.get::<u64>(key(part % 40)),
        }
        assert!(cache.used().bytes <= cache.used().bytes_max);
    }
    assert!(cache.used().hits > 100);
}
