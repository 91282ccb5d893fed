use std::time::Duration;

use config::{Block, OptionTable, Problems, Severity};

use super::*;
use crate::Encoding;
use crate::tls::{Pem, TlsVersion};

/// Reads the text with `read`; gives the result and every problem as text.
fn read<T>(text: &str, read: impl FnOnce(&mut Block<'_>) -> T) -> (T, Vec<String>) {
    let problems = Problems::new();
    let node = config::parse(text, "test.yaml").unwrap();
    let mut block = Block::of(&node, &problems);
    let settings = read(&mut block);
    drop(block);
    let all =
        problems.sorted().into_iter().filter(|it| it.severity == Severity::Error).map(|it| it.to_string());
    (settings, all.collect())
}

fn good<T>(text: &str, reader: impl FnOnce(&mut Block<'_>) -> T) -> T {
    let (settings, problems) = read(text, reader);
    assert_eq!(problems, [""; 0]);
    settings
}

#[test]
fn nothing_at_all_gives_the_defaults() {
    let grpc = good("", |block| grpc_server(block, "localhost:4317"));
    assert_eq!((grpc.endpoint.as_str(), grpc.message_bytes_max), ("localhost:4317", 64 << 20));
    assert!(grpc.tls.is_none() && grpc.limits.streams_max == 128);
    let http = good("", |block| http_server(block, "localhost:4318", "64MiB"));
    assert_eq!(http.body_bytes_max, 64 << 20);
    assert!(http.cors.is_none());
    assert_eq!(good("", retry_on_failure), RetryPolicy::default());
}

#[test]
fn a_listener_is_read_in_full() {
    let text = "
endpoint: 0.0.0.0:1
max_recv_msg_size_mib: 8
max_concurrent_streams: 16
read_buffer_size: 1024
keepalive: { server_parameters: { max_connection_idle: 11s, max_connection_age: 12s, time: 13s }, enforcement_policy: { min_time: 1s } }
tls: { cert_file: c.pem, key_pem: secret, client_ca_file: ca.pem, min_version: '1.3', reload_interval: 1m }
";
    let grpc = good(text, |block| grpc_server(block, "localhost:4317"));
    assert_eq!((grpc.message_bytes_max, grpc.limits.streams_max), (8 << 20, 16));
    assert_eq!(grpc.limits.times.request_idle_max, Some(Duration::from_secs(11)));
    assert_eq!(grpc.limits.times.age_max, Some(Duration::from_secs(12)));
    let tls = grpc.tls.unwrap();
    assert_eq!(tls.key, Pem::Text("secret".into()));
    assert_eq!(tls.client_ca, Some(Pem::File("ca.pem".into())));
    assert_eq!((tls.min_version, tls.reload_after), (TlsVersion::V1_3, Duration::from_secs(60)));
}

#[test]
fn an_http_listener_is_read_in_full() {
    let text = "
max_request_body_size: 1048576
idle_timeout: 0
cors: { allowed_origins: ['https://*.example.com'], allowed_headers: [x-a], max_age: 7200 }
response_headers: { x-b: c }
";
    let http = good(text, |block| http_server(block, "localhost:4318", "64MiB"));
    assert_eq!((http.body_bytes_max, http.limits.times.idle_max), (1 << 20, Duration::MAX));
    let cors = http.cors.unwrap();
    assert!(cors.allowed.allows_origin("https://app.example.com"));
    assert_eq!(cors.max_age, Duration::from_secs(7200));
    assert_eq!(http.response_headers, [("x-b".to_owned(), "c".to_owned())]);
}

#[test]
fn the_endpoint_and_insecure_decide_about_tls() {
    for (endpoint, insecure, expected) in [
        ("collector:4317", false, "https://collector:4317/"),
        ("collector:4317", true, "http://collector:4317/"),
        ("http://collector:4317", false, "http://collector:4317/"),
        ("https://collector:4317/", true, "https://collector:4317/"),
        ("'[::1]:4317'", true, "http://[::1]:4317/"),
        ("dns:///collector:4317", true, "http://collector:4317/"),
    ] {
        let text = format!("endpoint: {endpoint}\ntls: {{ insecure: {insecure} }}\n");
        let client = good(&text, grpc_client);
        assert_eq!(client.server.to_string(), expected, "{endpoint}");
        assert_eq!(client.compression, Some(Encoding::Gzip));
    }
}

#[test]
fn clients_are_read_in_full() {
    let text = "
endpoint: https://collector/v1
compression: zstd
compression_params: { level: 3 }
headers: { authorization: Bearer canary }
disable_keep_alives: true
timeout: 7s
tls: { ca_file: ca.pem, insecure_skip_verify: true }
";
    let http = good(text, |block| http_client(block, "30s", "gzip"));
    assert_eq!(http.compression, Some((Encoding::Zstd, Some(3))));
    assert_eq!((http.timeout, http.limits.idle_connections_max), (Duration::from_secs(7), 0));
    assert!(!format!("{http:?}").contains("canary"), "secrets are not shown");
    let none = good("endpoint: x:1\ncompression: none\n", grpc_client);
    assert_eq!(none.compression, None);
}

#[test]
fn everything_wrong_is_reported_at_once() {
    let text = "
endpoint: 'a b'
compression: brotli
headers: { 'not a header': x }
auth: { authenticator: oauth2client }
tls: { cert_file: only.pem, min_version: '1.0' }
retries: 3
";
    let (_, problems) = read(text, grpc_client);
    for expected in
        ["no host and port", "brotli", "not a header", "authentication", "both cert_file", "1.0", "retries"]
    {
        assert!(problems.iter().any(|it| it.contains(expected)), "{expected} is missing in {problems:#?}");
    }
}

#[test]
fn tls_without_a_certificate_does_not_become_plain_text_in_silence() {
    let (grpc, problems) = read("tls: {}\n", |block| grpc_server(block, "localhost:4317"));
    assert!(grpc.tls.is_none());
    assert!(problems[0].contains("needs a certificate"), "{problems:?}");
}

#[test]
fn every_option_describes_itself() {
    let table = OptionTable::new();
    let mut block = Block::describe(&table);
    grpc_server(&mut block, "localhost:4317");
    http_server(&mut block, "localhost:4318", "64MiB");
    grpc_client(&mut block);
    http_client(&mut block, "30s", "gzip");
    retry_on_failure(&mut block);
    drop(block);
    let rows = table.into_rows();
    assert!(rows.iter().any(|row| row.path == "keepalive.server_parameters.max_connection_idle"));
    assert!(rows.iter().all(|row| !row.doc.is_empty()));
}
