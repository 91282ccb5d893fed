use super::{BUCKETS, RELATIVE_ERROR, Sketch, bounds, bucket};

fn of(durations: &[u64]) -> Sketch {
    let mut sketch = Sketch::default();
    durations.iter().for_each(|duration| sketch.add(*duration));
    sketch
}

/// Durations over all magnitudes, the same for the same seed.
fn durations(seed: u64, count: usize) -> Vec<u64> {
    let mut state = seed;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        state >> 16
    };
    (0..count).map(|_| (next() << 16 | next() & 0xffff) >> (next() % 64)).collect()
}

#[test]
fn every_quantile_is_within_the_stated_error() {
    for count in [1, 2, 7, 100, 1_000] {
        let mut sorted = durations(count as u64, count);
        let sketch = of(&sorted);
        sorted.sort_unstable();
        for q in [0.0, 0.01, 0.5, 0.9, 0.95, 0.99, 0.999, 1.0] {
            let rank = ((q * count as f64).ceil() as usize).clamp(1, count);
            let (exact, got) = (sorted[rank - 1], sketch.quantile(q).unwrap());
            let error = exact.abs_diff(got) as f64;
            assert!(error <= exact as f64 * RELATIVE_ERROR, "q {q} of {count}: {got} instead of {exact}");
        }
        let sum: u128 = sorted.iter().map(|duration| u128::from(*duration)).sum();
        assert_eq!((sketch.count(), sketch.sum()), (count as u64, sum));
        assert_eq!((sketch.min(), sketch.max()), (sorted.first().copied(), sorted.last().copied()));
    }
}

#[test]
fn nothing_has_no_quantile() {
    assert_eq!((of(&[]).quantile(0.5), of(&[]).min(), of(&[]).count()), (None, None, 0));
}

#[test]
fn buckets_follow_each_other_without_a_gap() {
    let mut next = 0_u64;
    for at in 0..BUCKETS {
        let (low, width) = bounds(at);
        assert_eq!((low, bucket(low), bucket(low + (width - 1))), (next, at, at));
        next = low.wrapping_add(width);
    }
    assert_eq!(next, 0, "the last bucket ends with the greatest duration");
}

#[test]
fn parts_add_up_to_the_whole_in_any_order() {
    let all = durations(3, 500);
    let (one, two) = all.split_at(123);
    for (first, second) in [(one, two), (two, one)] {
        let mut merged = of(first);
        merged.merge(&of(second));
        assert_eq!(merged, of(&all));
    }
    let mut with_nothing = of(&all);
    with_nothing.merge(&of(&[]));
    assert_eq!(with_nothing, of(&all));
}

#[test]
fn bytes_come_back_the_same_and_add_up() {
    let samples = [vec![], vec![0], vec![u64::MAX], vec![u64::MAX; 3], durations(1, 2), durations(2, 400)];
    let mut bytes = Vec::new();
    samples.iter().for_each(|sample| of(sample).write(&mut bytes));
    let (mut rest, mut skipping) = (&bytes[..], &bytes[..]);
    let mut all = Sketch::default();
    for sample in &samples {
        let mut back = Sketch::default();
        let mut again = rest;
        all.merge_bytes(&mut again).unwrap();
        back.merge_bytes(&mut rest).unwrap();
        Sketch::skip_bytes(&mut skipping).unwrap();
        assert_eq!(back, of(sample));
        assert_eq!(skipping.len(), rest.len());
    }
    assert!(rest.is_empty());
    assert_eq!(all, of(&samples.concat()));
}

#[test]
fn broken_bytes_are_noticed_and_never_panic() {
    let mut bytes = Vec::new();
    of(&durations(2, 40)).write(&mut bytes);
    for length in 0..bytes.len() {
        assert_eq!(Sketch::default().merge_bytes(&mut &bytes[..length]), None);
    }
    for at in 0..bytes.len() {
        for bit in 0..8 {
            let mut broken = bytes.clone();
            broken[at] ^= 1 << bit;
            let mut sketch = of(&[1, u64::MAX]);
            _ = sketch.merge_bytes(&mut &broken[..]);
            _ = Sketch::skip_bytes(&mut &broken[..]);
        }
    }
}

#[test]
fn what_is_taken_out_leaves_the_sketch_of_the_rest_or_everything_as_it_was() {
    let all = [5, 40, 1_000, 1_000, 1_001, 70_000];
    let mut sketch = of(&all);
    assert!(sketch.remove(1_000, false));
    assert_eq!(sketch, of(&[5, 40, 1_000, 1_001, 70_000]));
    assert!(sketch.remove(40, false));
    for end in [5, 70_000, 4, 80_000, 3_000] {
        assert!(!sketch.remove(end, false), "{end}");
    }
    assert_eq!(sketch, of(&[5, 1_000, 1_001, 70_000]));
    sketch.add(5);
    assert!(sketch.remove(5, true));
    assert_eq!(sketch, of(&[5, 1_000, 1_001, 70_000]));
}
