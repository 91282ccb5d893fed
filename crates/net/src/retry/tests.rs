use super::*;

fn pauses(policy: &RetryPolicy, chance: f64) -> Vec<f64> {
    let mut backoff = Backoff::new(policy.clone());
    let mut elapsed = Duration::ZERO;
    let mut pauses = Vec::new();
    while let Some(pause) = backoff.pause(elapsed, None, chance) {
        elapsed += pause;
        pauses.push(pause.as_secs_f64());
        if pauses.len() == 100 {
            break;
        }
    }
    pauses
}

#[test]
fn pauses_grow_by_half_up_to_thirty_seconds_for_five_minutes() {
    let pauses = pauses(&RetryPolicy::default(), 0.5);
    assert_eq!(&pauses[..6], [5.0, 7.5, 11.25, 16.875, 25.3125, 30.0]);
    assert!(pauses[5..].iter().all(|pause| *pause == 30.0));
    assert!(pauses.iter().sum::<f64>() <= 300.0);
}

#[test]
fn chance_moves_each_pause_by_half_at_most() {
    assert_eq!(pauses(&RetryPolicy::default(), 0.0)[0], 2.5);
    assert_eq!(pauses(&RetryPolicy::default(), 1.0)[0], 7.5);
}

#[test]
fn zero_means_for_ever_and_disabled_means_never() {
    let forever = RetryPolicy { elapsed_max: Duration::ZERO, ..RetryPolicy::default() };
    assert_eq!(pauses(&forever, 0.5).len(), 100);
    let never = RetryPolicy { enabled: false, ..RetryPolicy::default() };
    assert!(pauses(&never, 0.5).is_empty());
}

#[test]
fn the_servers_hint_is_a_lower_bound() {
    let mut backoff = Backoff::new(RetryPolicy::default());
    let minute = Duration::from_secs(60);
    assert_eq!(backoff.pause(Duration::ZERO, Some(minute), 0.5), Some(minute));
    assert_eq!(backoff.pause(minute, Some(Duration::ZERO), 0.5), Some(Duration::from_millis(7500)));
    assert_eq!(parse_retry_after(" 7"), Some(Duration::from_secs(7)));
    assert_eq!(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT"), None);
}
