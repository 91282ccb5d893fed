use std::io::{BufRead, BufReader};

use model::proto::Message;
use model::{Batch, Tenant, Trace, otlp};
use proptest::prelude::*;

use super::{Form, Parts, Place};
use crate::json::Writer;
use crate::{jaeger_json, otlp_json};

const SHOP: &str = include_str!("../../../../fixtures/jaeger/shop.otlp.json");
const SHOP_JAEGER: &str = include_str!("../../../../fixtures/jaeger/shop.json");
const ODD_JAEGER: &str = include_str!("../../../../fixtures/jaeger/odd.raw.json");

/// Everything in a file, or the fault.
fn read(file: &[u8]) -> Result<(Form, Batch), String> {
    read_by(file)
}

fn read_by(file: impl BufRead) -> Result<(Form, Batch), String> {
    let mut parts = Parts::open(file).map_err(|cause| cause.to_string())?;
    let mut otlp = Vec::new();
    while let Some(some) = parts.next_parts().map_err(|fault| fault.to_string())? {
        some.into_iter().for_each(|part| otlp.extend(part.otlp));
    }
    let batch = Batch::read(otlp.into(), Tenant::default()).map_err(|error| error.to_string())?;
    Ok((parts.form(), batch))
}

fn shop() -> Batch {
    let otlp = otlp_json::decode(SHOP.as_bytes()).expect("OTLP JSON");
    Batch::read(otlp.into(), Tenant::default()).expect("OTLP")
}

/// The spans of a batch in Jaeger's form, which has its own order of things.
fn as_jaeger(batch: &Batch) -> String {
    let trace = Trace::join(batch.rows()[0].trace_id, vec![batch.clone()]).expect("a trace");
    let mut out = Writer::indented(4);
    jaeger_json::trace(&trace, jaeger_json::Form::Raw, &mut out);
    String::from_utf8(out.into_bytes()).expect("UTF-8")
}

#[track_caller]
fn check(file: &[u8], form: Form, spans: usize) {
    let (found, batch) = read(file).expect("a good file");
    assert_eq!((found, batch.len()), (form, spans));
    if spans > 0 {
        assert_eq!(as_jaeger(&batch.select(|at| at < shop().len())), as_jaeger(&shop()));
    }
}

#[track_caller]
fn wrong(file: &[u8], expected: &[&str]) {
    let fault = read(file).expect_err("a bad file");
    for words in expected {
        assert!(fault.contains(words), "{fault:?} lacks {words:?}");
    }
}

#[test]
fn otlp_json_is_read_whole_and_line_by_line() {
    let spans = shop().len();
    check(SHOP.as_bytes(), Form::Json, spans);
    let line: String = SHOP.lines().map(str::trim).collect();
    check(format!("\n {line}\n{line}\r\n\n{line}").as_bytes(), Form::Json, 3 * spans);
    check(format!("[{line},{line}]").as_bytes(), Form::Json, 2 * spans);
    check(b"", Form::Json, 0);
    check(b"\n\n", Form::Json, 0);
    check(b"{\"resourceSpans\":[],\"more\":{\"a\":[1,2,\"}\"]}}", Form::Json, 0);
}

#[test]
fn otlp_protobuf_is_read_whole_and_in_frames() {
    let (bytes, spans) = (shop().bytes().clone(), shop().len());
    check(&bytes, Form::Protobuf, spans);
    check(&[&bytes[..], &bytes[..]].concat(), Form::Protobuf, 2 * spans);
    let framed = |content: &[u8]| [&(content.len() as u32).to_be_bytes()[..], content].concat();
    check(&framed(&bytes), Form::Framed, spans);
    let packed = zstd::bulk::compress(&bytes, 1).unwrap();
    check(&[framed(&bytes), framed(SHOP.as_bytes()), framed(&packed)].concat(), Form::Framed, 3 * spans);
}

#[test]
fn a_protobuf_whose_first_bytes_look_like_blank_lines_is_a_protobuf() {
    for length in [b'{', b'[', b' ', b'\n'] {
        let mut resource = Message::new();
        let text = usize::from(length) - 2;
        resource.bytes(otlp::resource_spans::SCHEMA_URL, &vec![b'x'; text]);
        let mut file = Message::new();
        file.bytes(otlp::request::RESOURCE_SPANS, resource.as_bytes());
        assert_eq!(file.as_bytes()[..2], [b'\n', length]);
        assert_eq!(read(file.as_bytes()).unwrap().0, Form::Protobuf);
    }
}

#[test]
fn what_jaeger_wrote_comes_back_as_it_was_written() {
    for golden in [SHOP_JAEGER, ODD_JAEGER] {
        let file = format!("{{\"data\":[{golden}],\"total\":0,\"limit\":0,\"offset\":0,\"errors\":null}}");
        let (form, batch) = read(file.as_bytes()).expect("Jaeger's JSON");
        assert_eq!(form, Form::Json);
        let warned = |text: &str| {
            let value: serde_json::Value = serde_json::from_str(text).unwrap();
            let mut spans = value["spans"].clone();
            for span in spans.as_array_mut().unwrap() {
                span.as_object_mut().unwrap().remove("warnings");
                for list in ["tags", "references"] {
                    span[list].as_array_mut().unwrap().sort_by_key(ToString::to_string);
                }
            }
            (spans, value["processes"].clone())
        };
        assert_eq!(warned(&as_jaeger(&batch)), warned(golden));
    }
}

#[test]
fn tags_keep_their_types() {
    let tags = r#"[{"key":"a","type":"int64","value":9007199254740993},{"value":"9007199254740993","type":"int64","key":"b"},
        {"key":"c","type":"float64","value":2},{"key":"d","type":"bool","value":true},{"key":"e","type":"binary","value":"AQI="},
        {"key":"f","type":"int64","value":"many"},{"key":"g","value":1.5},{"key":"error","type":"bool","value":false}]"#;
    let trace = format!(
        r#"{{"data":[{{"traceID":"1","processes":{{"p":{{"serviceName":"s"}}}},"spans":[{{"traceID":"1","spanID":"2","processID":"p","startTime":3,"duration":4,"tags":{tags},"operationName":"o"}}]}}]}}"#
    );
    let (_, batch) = read(trace.as_bytes()).expect("Jaeger's JSON");
    let span = batch.span(0);
    let shown: Vec<String> = span.attributes().map(|one| format!("{}={:?}", one.key, one.value)).collect();
    let expected = [
        "a=Int(9007199254740993)",
        "b=Int(9007199254740993)",
        "c=Double(2.0)",
        "d=Bool(true)",
        "e=Bytes([1, 2])",
        "f=Text(\"many\")",
        "g=Double(1.5)",
        "error=Bool(false)",
    ];
    assert_eq!(shown, expected);
    assert_eq!((span.start(), span.end(), span.service(), span.name()), (3_000, 7_000, "s", "o"));
}

#[test]
fn a_wrong_file_is_told_with_the_place_and_the_remedy() {
    wrong(b"hello, world", &["byte 0", "neither OTLP"]);
    wrong(b"\x00\x00\x00\x10abc", &["byte 4", "cut off"]);
    wrong(b"\n\x05abc", &["byte 2", "cut off"]);
    wrong(b"\n\x02\x12\x00\x12\x00", &["byte 4", "0x12"]);
    wrong(b"{\"resource\":1}", &["line 1", "neither OTLP's"]);
    wrong(
        b"{\"resourceSpans\":[\n\n{\"scopeSpans\":[{\"spans\":[{\"traceId\":\"xyz\"}]}]}]}",
        &["line 3", "resourceSpans[0].scopeSpans[0].spans[0].traceId", "hexadecimal"],
    );
    wrong(&SHOP.as_bytes()[..SHOP.len() / 2], &["cut off"]);
    wrong(
        b"{\"data\":[{\"spans\":[{\"traceID\":\"1\",\"processID\":\"p7\"}]}]}",
        &["data[0].spans[0]", "p7"],
    );
    wrong(b"{\"data\":{}}", &["expected an array"]);
}

proptest! {
    #[test]
    fn nothing_panics(bytes in proptest::collection::vec(any::<u8>(), 0..300), cut in 0..SHOP_JAEGER.len()) {
        _ = read_by(&bytes[..]);
        let text = format!("{{\"data\":[{}", &SHOP_JAEGER[..cut]);
        prop_assert!(read_by(text.as_bytes()).is_err());
        let mut damaged = SHOP.as_bytes().to_vec();
        for (at, byte) in bytes.iter().enumerate() {
            let place = at * 7919 % damaged.len();
            damaged[place] = *byte;
        }
        _ = read_by(&damaged[..]);
    }

    #[test]
    fn reading_is_the_same_in_any_pieces(size in 1_usize..50) {
        let text = format!("{{\"data\":[{SHOP_JAEGER}]}}\n{SHOP}");
        let whole = read_by(text.as_bytes()).unwrap().1;
        let pieces = read_by(BufReader::with_capacity(size, text.as_bytes())).unwrap().1;
        prop_assert_eq!(whole.bytes(), pieces.bytes());
    }
}

#[test]
fn faults_know_lines_and_bytes() {
    assert_eq!([Place::Line(3).to_string(), Place::Byte(9).to_string()], ["line 3", "byte 9"]);
}
