use super::*;

#[test]
fn the_curves_are_close_to_the_real_ones() {
    for step in -200..200 {
        let power = f64::from(step) * 0.1;
        assert!((exp(power) / power.exp() - 1.0).abs() < 1e-6, "exp({power})");
        let number = power.exp();
        assert!((ln(number) - number.ln()).abs() < 1e-6, "ln({number})");
    }
}

#[test]
fn the_distributions_have_their_centres() {
    let mut chance = Chance::new(3);
    let draws = 100_000;
    let mut log_normal: Vec<f64> = (0..draws).map(|_| chance.log_normal(50.0, 1.0)).collect();
    log_normal.sort_by(f64::total_cmp);
    assert!((log_normal[draws / 2] - 50.0).abs() < 1.5);
    assert!((log_normal[draws * 84 / 100] / 50.0 - 2.7).abs() < 0.15, "one sigma is a factor of e");
    let gaps: f64 = (0..draws).map(|_| chance.gap(9.0)).sum();
    assert!((gaps / draws as f64 - 9.0).abs() < 0.2);
    let low = (0..draws).filter(|_| chance.zipf(1_000_000) < 1_000).count();
    assert!((48_000..52_000).contains(&low), "half of the draws fall on a thousandth of the ranks: {low}");
}

#[test]
fn bounds_hold() {
    let mut chance = Chance::new(0);
    for _ in 0..10_000 {
        assert!(chance.below(7) < 7);
        assert!(chance.zipf(1) == 0);
        assert!(chance.zipf(12) < 12);
        assert!((0.0..1.0).contains(&chance.unit()));
    }
}
