use super::*;

const MS: u64 = 1_000_000;

fn span(id: &str, parent: &str, names: (&str, &str), times_ms: (u64, u64)) -> Span {
    Span {
        id: id.into(),
        parent: (!parent.is_empty()).then(|| parent.into()),
        service: names.0.into(),
        name: names.1.into(),
        start_ns: 1_763_671_267_000_000_000 + times_ms.0 * MS,
        duration_ns: times_ms.1 * MS,
        ..Span::default()
    }
}

fn shop() -> Trace {
    let declined = Span {
        is_error: true,
        message: "card declined: insufficient funds".into(),
        ..span("5", "1", ("payment", "Charge"), (400, 800))
    };
    let spans = vec![
        span("3", "2", ("redis", "HGETALL cart"), (20, 2)),
        span("1", "", ("frontend", "GET /checkout"), (0, 1240)),
        span("2", "1", ("cart", "GetCart"), (10, 120)),
        declined,
        span("6", "5", ("bank", "POST /authorize"), (450, 700)),
        span("7", "ee", ("mail", "send receipt"), (1210, 20)),
    ];
    Trace { id: "4bf92f3577b34da6a3ce929d0e0e4736".into(), spans, partial: None }
}

fn plain(columns: usize) -> View {
    View { columns, paint: Paint::OFF, rows_max: 0, is_folding: true }
}

/// Compares with a file; `FADEN_BLESS=1` writes it.
#[track_caller]
#[expect(clippy::disallowed_methods, reason = "golden files are renewed on request")]
fn check(name: &str, drawn: &str) {
    let path = format!("{}/src/waterfall/golden/{name}.txt", env!("CARGO_MANIFEST_DIR"));
    if std::env::var("FADEN_BLESS").is_ok() {
        std::fs::write(&path, drawn).expect("the golden file can be written");
    }
    let golden = std::fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(drawn, golden, "\n{drawn}\ndiffers from {path}");
}

#[test]
fn a_trace_on_a_wide_terminal() {
    check("wide", &draw(&shop(), plain(120)));
}

#[test]
fn a_trace_in_colours() {
    check("colours", &draw(&shop(), View { paint: Paint { is_on: true }, ..plain(100) }));
}

#[test]
fn a_narrow_terminal_has_names_and_times_only() {
    check("narrow", &draw(&shop(), plain(48)));
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    for columns in [20, 30, 59, 60, 61, 79, 80, 100, 200] {
        for line in draw(&shop(), plain(columns)).lines().skip(4) {
            assert!(text::columns(line) <= columns.max(21), "{columns}: {line}");
        }
    }
}

#[test]
fn equal_siblings_are_folded_and_counted() {
    let mut trace = shop();
    for number in 0..9_997 {
        let times = (130 + number % 900, 1 + number % 5);
        let mut query = span(&format!("q{number}"), "1", ("db", "SELECT item"), times);
        query.is_error = number % 1000 == 7;
        trace.spans.push(query);
    }
    let drawn = draw(&trace, plain(120));
    check("folded", &drawn);
    assert!(drawn.contains("+ 9,994 more"));
}

#[test]
fn what_the_limit_cuts_off_is_counted() {
    let mut trace = shop();
    for number in 0..10_000 {
        trace.spans.push(span(
            &format!("q{number}"),
            "1",
            ("db", &format!("op {number}")),
            (number % 1000, 1),
        ));
    }
    let drawn = draw(&trace, View { rows_max: 50, ..plain(100) });
    assert!(drawn.ends_with("… 9,956 more spans; --limit 0 shows all\n"), "{drawn}");
    assert!(drawn.lines().count() < 70);
}

#[test]
fn a_chain_of_ten_thousand_spans_stays_readable() {
    let link = |number: u64| {
        let parent = if number == 0 { String::new() } else { format!("{}", number - 1) };
        span(&format!("{number}"), &parent, ("loop", "again"), (number / 10, 1200 - number / 10))
    };
    let trace = Trace { id: "1".into(), spans: (0..10_000).map(link).collect(), partial: None };
    let drawn = draw(&trace, plain(100));
    assert!(drawn.lines().all(|line| text::columns(line) <= 100));
    assert!(
        drawn.lines().last().is_some_and(|line| line.starts_with("…") && line.contains("loop again")),
        "{drawn}"
    );
}

#[test]
fn a_circle_of_parents_is_drawn_once() {
    let spans = vec![span("1", "2", ("a", "x"), (0, 10)), span("2", "1", ("b", "y"), (1, 5))];
    let drawn = draw(&Trace { id: "1".into(), spans, partial: None }, plain(80));
    assert_eq!(
        drawn.matches("a x").count() + drawn.matches("b y").count(),
        3,
        "title and two rows:\n{drawn}"
    );
}

#[test]
fn names_cannot_steer_the_terminal() {
    let spans = vec![span("1", "", ("\x1b[31mevil", "a\nb\x07\u{202e}"), (0, 10))];
    let trace = Trace { id: "\x1b[2J".into(), spans, partial: Some("\x1b]0;x\x07".into()) };
    let drawn = draw(&trace, plain(100));
    assert!(!drawn.chars().any(|one| one.is_control() && one != '\n'), "{drawn:?}");
}

#[test]
fn times_at_the_ends_of_time_do_not_panic() {
    let ends =
        |start_ns, duration_ns| Span { id: format!("{start_ns}"), start_ns, duration_ns, ..Span::default() };
    let spans = vec![ends(0, 0), ends(u64::MAX, u64::MAX), ends(5, u64::MAX)];
    draw(&Trace { id: "1".into(), spans, partial: None }, plain(120));
    draw(&Trace::default(), plain(120));
}

#[test]
fn a_service_has_the_same_colour_in_every_trace() {
    let alone = [span("1", "", ("payment", "x"), (0, 1))];
    let among = shop();
    assert_eq!(Palette::of(&alone).ink("payment"), Palette::of(&among.spans).ink("payment"));
}
