use std::time::Duration;

use proptest::prelude::*;

use crate::*;

const NOTHING_AROUND: Surroundings<'static> =
    Surroundings { env: &|_| None, file: &|_| Err("there are no files here".to_owned()) };

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

fn env(name: &str) -> Option<String> {
    let text = match name {
        "PORT" => "4317",
        "HOST" => "edge.example",
        "TOKEN" => "012#34: 5 $$ ${HOST}",
        "EMPTY" => "",
        "GRPC" => "{endpoint: 'a:1', max: 3}",
        "LOOP" => "${env:LOOP}",
        "LOOPS" => "x${env:LOOPS}${env:LOOPS}",
        "HALF" => "[1, 2",
        _ => return None,
    };
    Some(text.to_owned())
}

fn file(path: &str) -> Result<String, String> {
    match path {
        "part.yaml" => Ok("host: ${env:HOST}\nbroken: ${env:MISSING}\n".to_owned()),
        "self.yaml" => Ok("a: ${file:self.yaml}\nb: ${file:self.yaml}\n".to_owned()),
        "password" => Ok("s3cr$$et\n".to_owned()),
        _ => Err("no such file".to_owned()),
    }
}

const AROUND: Surroundings<'static> = Surroundings { env: &env, file: &file };

fn ask_for_a(root: &mut Block<'_>) {
    root.node("a");
}

/// What is reported when `read` runs over the text.
fn problems(text: &str, read: impl FnOnce(&mut Block<'_>)) -> Vec<String> {
    let problems = Problems::new();
    if let Some(root) = load(&[source("edge.yaml", text)], &AROUND, &problems) {
        let mut block = Block::of(&root, &problems);
        read(&mut block);
        block.finish();
    }
    problems.sorted().iter().map(ToString::to_string).collect()
}

#[track_caller]
fn reads<T: PartialEq + std::fmt::Debug>(text: &str, read: impl FnOnce(&mut Block<'_>) -> T, expected: T) {
    let mut got = None;
    assert_eq!(problems(text, |block| got = Some(read(block))), Vec::<String>::new());
    assert_eq!(got, Some(expected));
}

#[test]
fn every_problem_of_a_file_is_reported_at_once_and_in_its_place() {
    let text = "\
receivers:
  otlp:
    protocols:
      gprc:
      http: {endpoint: [1]}
    timeout: 5 parsecs
    retries: 900
    compression: gzipp
    verbose: yes
";
    let found = problems(text, |root| {
        let mut receivers = root.section("receivers", "");
        let mut otlp = receivers.section("otlp", "");
        let mut protocols = otlp.section("protocols", "");
        assert!(protocols.block("grpc", "").is_none());
        let mut http = protocols.block("http", "").expect("it is written");
        assert_eq!(http.text("endpoint", "localhost:4318", ""), "localhost:4318");
        assert_eq!(otlp.duration("timeout", "5s", ""), Duration::from_secs(5));
        assert_eq!(otlp.integer("retries", 3_u8, 0..=10, ""), 3);
        assert_eq!(otlp.choice("compression", &["gzip", "none"], "gzip", ""), "gzip");
        assert!(!otlp.boolean("verbose", false, ""));
    });
    let expected = [
        "edge.yaml:4:7: receivers::otlp::protocols::gprc: unknown key; did you mean \"grpc\"?",
        "edge.yaml:5:24: receivers::otlp::protocols::http::endpoint: expected a text, found a list",
        "edge.yaml:6:14: receivers::otlp::timeout: \"5 parsecs\" is not a duration; write a number with its \
         unit, such as 200ms, 5s, 1h30m or 7d",
        "edge.yaml:7:14: receivers::otlp::retries: 900 is not between 0 and 10",
        "edge.yaml:8:18: receivers::otlp::compression: \"gzipp\" is not possible here; did you mean \"gzip\"?",
        "edge.yaml:9:14: receivers::otlp::verbose: \"yes\" is neither true nor false; write true or false",
    ];
    assert_eq!(found, expected);
}

#[test]
fn a_null_block_is_present_with_defaults_and_an_absent_one_is_not() {
    reads(
        "protocols: {grpc: }",
        |root| {
            let mut protocols = root.section("protocols", "");
            let grpc =
                protocols.block("grpc", "").map(|mut grpc| grpc.text("endpoint", "localhost:4317", ""));
            (grpc, protocols.block("http", "").is_some())
        },
        (Some("localhost:4317".to_owned()), false),
    );
}

#[test]
fn typing_is_as_weak_as_the_collectors() {
    let text =
        "{a: 12, b: true, c: '7', d: 0x10, e: 'true', f: 1_000, g: 20%, h: 64MiB, i: 100, j: 1h1.5s, k: 7d}";
    reads(
        text,
        |root| {
            let texts = (root.text("a", "", ""), root.text("b", "", ""));
            let numbers = [root.integer("c", 0_u64, 0..=99, ""), root.integer("d", 0, 0..=99, "")];
            let more = (
                root.boolean("e", false, ""),
                root.integer("f", 0_i32, 0..=9999, ""),
                root.ratio("g", 1.0, ""),
            );
            let sizes = (root.bytes("h", "1", ""), root.optional_bytes("i", ""));
            let times = (root.duration("j", "0", ""), root.optional_duration("k", ""));
            (texts, numbers, more, sizes, times)
        },
        (
            ("12".to_owned(), "true".to_owned()),
            [7, 16],
            (true, 1000, 0.2),
            (64 << 20, Some(100)),
            (Duration::from_millis(3_601_500), Some(Duration::from_secs(7 * 86_400))),
        ),
    );
}

#[test]
fn lists_and_maps_keep_their_order_and_headers_stay_secret() {
    reads(
        "{a: [x, 1], b: 'p, q', c: {z: 1, y: two}, d: {authorization: Bearer abc}}",
        |root| {
            let lists = (root.list_of_text("a", &[], ""), root.list_of_text("b", &[], ""));
            let missing = root.list_of_text("none", &["otlp"], "");
            let secrets = root.map_of_secrets("d", "");
            assert_eq!(format!("{secrets:?}"), "[(\"authorization\", [redacted])]");
            assert_eq!(secrets[0].1.expose(), "Bearer abc");
            (lists, missing, root.map_of_text("c", ""))
        },
        (
            (vec!["x".to_owned(), "1".to_owned()], vec!["p".to_owned(), "q".to_owned()]),
            vec!["otlp".to_owned()],
            vec![("z".to_owned(), "1".to_owned()), ("y".to_owned(), "two".to_owned())],
        ),
    );
}

#[test]
fn a_later_file_lays_its_mappings_over_an_earlier_one_and_replaces_lists() {
    let problems = Problems::new();
    let files = [
        source("base.yaml", "a: {b: 1, c: [1, 2]}\nd: 4"),
        source("over.yaml", "\na: {c: [3], e: 5}\nd: {f: 6}"),
    ];
    let root = load(&files, &NOTHING_AROUND, &problems).expect("both files are fine");
    assert!(problems.is_empty());
    let a = root.get("a").expect("it is written");
    assert_eq!(a.get("b").and_then(Node::text), Some("1"));
    assert_eq!(a.get("b").map(|b| b.place.to_string()), Some("base.yaml:1:8".to_owned()));
    let c = a.get("c").expect("it is written");
    assert!(matches!(&c.value, Value::Sequence(items) if items.len() == 1));
    assert_eq!((c.place.to_string(), c.path.to_string()), ("over.yaml:2:8".to_owned(), "a::c".to_owned()));
    let f = root.get("d").and_then(|d| d.get("f"));
    assert_eq!(f.map(|f| f.path.to_string()), Some("d::f".to_owned()));
}

#[test]
fn values_expand_from_the_environment() {
    let text = "\
a: ${env:HOST}:${PORT}
b: ${env:PORT}
c: ${env:NO:-x${HOST}}
d: $$5 $x ${
e: ${env:EMPTY}
";
    reads(
        text,
        |root| {
            let texts = [root.text("a", "", ""), root.text("c", "", ""), root.text("d", "", "")];
            (texts, root.integer("b", 0_u16, 1..=9999, ""), root.text("e", "default", ""))
        },
        (
            ["edge.example:4317".to_owned(), "xedge.example".to_owned(), "$5 $x ${".to_owned()],
            4317,
            "default".to_owned(),
        ),
    );
}

#[test]
fn a_whole_value_from_the_environment_may_be_a_mapping_and_stays_text_where_text_is_wanted() {
    reads(
        "{grpc: '${env:GRPC}', text: '${env:GRPC}', token: '${env:TOKEN}', half: '${env:HALF}'}",
        |root| {
            let mut grpc = root.section("grpc", "");
            let endpoint = grpc.text("endpoint", "", "");
            let max = grpc.integer("max", 0_u8, 0..=9, "");
            (endpoint, max, root.text("text", "", ""), root.text("token", "", ""), root.text("half", "", ""))
        },
        (
            "a:1".to_owned(),
            3,
            "{endpoint: 'a:1', max: 3}".to_owned(),
            "012#34: 5 $$ edge.example".to_owned(),
            "[1, 2".to_owned(),
        ),
    );
}

#[test]
fn files_are_read_in_and_problems_inside_them_name_the_file() {
    let found =
        problems("part: ${file:part.yaml}\npassword: ${file:password}\nnone: ${file:none}\n", |root| {
            assert_eq!(root.section("part", "").text("host", "", ""), "edge.example");
            assert_eq!(
                root.secret("password", "").map(|s| s.expose().to_owned()),
                Some("s3cr$et".to_owned())
            );
            root.text("none", "", "");
        });
    let unset =
        "the environment variable MISSING is not set; set it, or give a default as in ${env:NAME:-default}";
    assert!(found.contains(&format!("part.yaml:2:9: part::broken: {unset}")), "{found:?}");
    assert!(
        found.contains(&"edge.yaml:3:7: none: cannot read the file none: no such file".to_owned()),
        "{found:?}"
    );
}

#[test]
fn expansions_that_cannot_end_are_refused() {
    for text in
        ["a: ${env:LOOP}", "a: x${env:LOOP}", "a: ${env:LOOPS}", "a: ${file:self.yaml}", "a: ${foo:x}"]
    {
        let found = problems(text, ask_for_a);
        assert!(!found.is_empty(), "{text}");
    }
    let many = format!("a: {}", "${env:PORT}".repeat(limits::EXPANSIONS_PER_VALUE_MAX + 1));
    assert_eq!(problems(&many, ask_for_a), ["edge.yaml:1:4: a: more than 100 \"${…}\" in one value"]);
}

#[test]
fn a_broken_file_says_where() {
    let found = problems("a: 1\nb: [1, 2\nc: 3\n", |_| {});
    assert_eq!(found.len(), 1);
    assert!(found[0].starts_with("edge.yaml:3:"), "{found:?}");
    assert!(found[0].contains("not valid YAML"), "{found:?}");
}

#[test]
fn duplicate_keys_second_documents_and_foreign_tags_are_problems() {
    let found = problems("a: 1\na: 2\n", ask_for_a);
    assert_eq!(found, ["edge.yaml:2:1: the key \"a\" stands here twice; it was first written in line 1"]);
    assert_eq!(problems("a: 1\n---\nb: 2\n", |_| {}).len(), 1);
    assert_eq!(problems("a: !ruby x\n", ask_for_a).len(), 1);
}

#[test]
fn aliases_and_merge_keys_work() {
    reads(
        "base: &b {x: 1, y: 2}\nuse: {<<: *b, y: 3}\nsame: *b\n",
        |root| {
            root.node("base");
            let mut merged = root.section("use", "");
            let mut same = root.section("same", "");
            let numbers =
                |block: &mut Block<'_>| (block.integer("x", 0, 0..=9, ""), block.integer("y", 0, 0..=9, ""));
            (numbers(&mut merged), numbers(&mut same))
        },
        ((1, 3), (1, 2)),
    );
}

#[test]
fn an_alias_bomb_is_refused() {
    let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..9 {
        let inside = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{inside}]\n"));
    }
    let found = problems(&text, |_| {});
    assert_eq!(found.len(), 1);
    assert!(found[0].contains("more than 100000 values"), "{found:?}");
}

#[test]
fn deep_nesting_is_refused() {
    for text in ["[".repeat(100_000), "- ".repeat(20_000), format!("{}1", "{a: ".repeat(500))] {
        let Err(problems) = parse(&text, "deep.yaml") else { panic!("it was taken") };
        assert!(
            problems.to_string().contains("nested deeper than 64 levels") || flow_limit(&problems),
            "{problems}"
        );
    }
}

/// The YAML parser has a limit of its own for lists in brackets, which it reads ahead.
fn flow_limit(problems: &Problems) -> bool {
    problems.to_string().contains("recursion limit exceeded")
}

#[test]
fn renamed_and_ignored_keys_are_accepted() {
    let found = problems("{loglevel: debug, gc: 3s}", |root| {
        root.renamed("loglevel", "verbosity");
        root.ignored("gc", "there is no garbage collector");
        assert_eq!(root.text("verbosity", "basic", ""), "debug");
    });
    assert_eq!(found, ["edge.yaml:1:2: warning: loglevel: \"loglevel\" is now called \"verbosity\""]);
}

#[test]
fn required_text_that_is_missing_is_a_problem_at_its_block() {
    let found = problems("a: {}\n", |root| {
        root.section("a", "").required_text("endpoint", "");
        root.section("b", "").required_text("url", "");
    });
    assert_eq!(
        found,
        ["edge.yaml:1:1: b::url: this must be given", "edge.yaml:1:4: a::endpoint: this must be given"]
    );
}

#[test]
fn the_code_that_reads_also_describes() {
    let table = OptionTable::new();
    let mut root = Block::describe(&table);
    root.text("endpoint", "localhost:4317", "address to listen on");
    root.section("tls", "encryption").choice("min_version", &["1.2", "1.3"], "1.2", "oldest version");
    for (_, mut user) in root.blocks("users", "who may enter") {
        user.secret("password", "what they say");
    }
    drop(root);
    let rows = table.into_rows();
    let expected = "\
| option | type | default | meaning |
|---|---|---|---|
| `endpoint` | text | `localhost:4317` | address to listen on |
| `tls` | block |  | encryption |
| `tls.min_version` | choice | `1.2` | oldest version (1.2, 1.3) |
| `users` | block |  | who may enter |
| `users.<name>.password` | secret |  | what they say |
";
    assert_eq!(markdown(&rows), expected);
    assert!(
        plain(&rows).starts_with("endpoint               text    localhost:4317  address to listen on\n")
    );
}

#[test]
fn durations_and_sizes_that_are_none_are_refused() {
    for text in ["", "5", "s", ".s", "1.5", "-1s", "1s2", "99999999999h", "1 s", "1e3s", "1.2.3s"] {
        assert_eq!(parse_duration(text), None, "{text}");
    }
    for text in ["", "MiB", "1 parsec", "-1", "99999999999999999999", "1..5MiB"] {
        assert_eq!(parse_bytes(text), None, "{text}");
    }
    assert_eq!(parse_duration("1.5h"), Some(Duration::from_secs(5400)));
    assert_eq!(parse_duration("10µs"), Some(Duration::from_micros(10)));
    assert_eq!(parse_bytes("1.5GB"), Some(1_500_000_000));
    assert_eq!(parse_bytes("2 GiB"), Some(2 << 30));
}

/// Pieces of YAML that mean something to the parser.
fn yaml_like() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("a: "),
        Just("- "),
        Just("\n"),
        Just("  "),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just(", "),
        Just("&x "),
        Just("*x"),
        Just("<<: "),
        Just("'"),
        Just("\""),
        Just("|\n"),
        Just(">-\n"),
        Just("? "),
        Just("!!str "),
        Just("---\n"),
        Just("...\n"),
        Just("#c\n"),
        Just("${env:HOST}"),
        Just("${"),
        Just("$$"),
        Just("%YAML 1.2\n"),
        Just("\t"),
        Just("é"),
        Just("1"),
        Just("b"),
        Just(": "),
        Just("\\x"),
    ];
    proptest::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn no_text_panics(text in prop_oneof![yaml_like(), ".{0,200}"]) {
        let problems = Problems::new();
        let source = Source { name: "any".to_owned(), text };
        if let Some(root) = load(&[source], &AROUND, &problems) {
            let mut block = Block::of(&root, &problems);
            block.duration("a", "1s", "");
            block.bytes("b", "1MiB", "");
            block.list_of_text("a", &[], "");
            block.finish();
        }
        let _ = problems.to_string();
    }

    #[test]
    fn scalars_never_panic(text in ".{0,40}") {
        let _ = (parse_duration(&text), parse_bytes(&text));
        let _ = (scalar::parse_integer(&text), scalar::parse_float(&text));
    }

    #[test]
    fn what_expands_to_nothing_special_stays_as_it_is(text in "([a-z{}]|\\$[a-z}]){0,15}") {
        let problems = Problems::new();
        let yaml = format!("a: '{text}'");
        let root = load(&[source("any", &yaml)], &NOTHING_AROUND, &problems).expect("quoted text is YAML");
        prop_assert_eq!(root.get("a").and_then(Node::text), Some(text.as_str()));
    }
}
