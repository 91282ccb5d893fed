use net::tls::Pem;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use super::*;

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn issue(ca: &CertifiedIssuer<'static, KeyPair>) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    (params.signed_by(&key, ca).unwrap().pem(), key.serialize_pem())
}

#[tokio::test]
async fn only_clients_with_a_certificate_may_send() {
    let ca = authority();
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = issue(&ca);
    for (name, text) in [("cert.pem", &cert), ("key.pem", &key), ("ca.pem", &ca.pem())] {
        std::fs::write(dir.path().join(name), text).unwrap();
    }
    let yaml = format!(
        "protocols: {{ grpc: {{ endpoint: 'localhost:0',
            tls: {{ cert_file: {0}/cert.pem, key_file: {0}/key.pem, client_ca_file: {0}/ca.pem }} }} }}",
        dir.path().display()
    );
    let next = Scripted::open([]);
    let server = running(&yaml, next.clone()).await;
    let client = |identity| {
        let tls = ClientTls { ca: Some(Pem::Text(ca.pem())), identity, ..ClientTls::default() };
        let http = HttpClient::http2_only(tls, &ClientLimits::default()).unwrap();
        rpc::Client::new(http, format!("https://localhost:{}", server.grpc.port()).parse().unwrap())
    };
    let (cert, key) = issue(&ca);
    let known = client(Some((Pem::Text(cert), Pem::Text(key))));
    export(&known, &request(3)).await.unwrap();
    assert!(export(&client(None), &request(3)).await.is_err());
    assert!(server.export(&request(3)).await.is_err(), "plain text");
    assert_eq!(next.sizes(), [3]);
}

#[tokio::test]
async fn a_port_in_use_is_named() {
    let taken = net::Listener::bind("127.0.0.1:0").await.unwrap();
    let yaml = format!("protocols: {{ grpc: {{ endpoint: '{}' }} }}", taken.local_addr());
    let node = config::parse(&yaml, "test.yaml").unwrap();
    let problems = Problems::new();
    let build = (KIND.parse)(&mut Block::of(&node, &problems));
    let error = build(context("otlp")).unwrap().bind().await.unwrap_err();
    assert!(error.message.contains(&taken.local_addr().to_string()), "{error}");
    assert!(error.remedy.unwrap().contains("another process"));
}

#[test]
fn a_receiver_without_a_protocol_is_a_problem() {
    for yaml in ["", "protocols:", "protocols: {}", "protocols: { grcp: {} }"] {
        let node = config::parse(yaml, "test.yaml").unwrap();
        let problems = Problems::new();
        let _ = (KIND.parse)(&mut Block::of(&node, &problems));
        assert!(problems.has_errors(), "{yaml:?}");
    }
    let node = config::parse("protocols: { grpc: , http: }", "test.yaml").unwrap();
    let problems = Problems::new();
    let _ = (KIND.parse)(&mut Block::of(&node, &problems));
    assert!(problems.is_empty(), "{:?}", problems.sorted());
}

#[test]
fn every_option_is_described() {
    let options = KIND.options();
    for path in
        ["protocols.grpc.endpoint", "protocols.http.cors.allowed_origins", "protocols.http.traces_url_path"]
    {
        assert!(options.iter().any(|row| row.path == path && !row.doc.is_empty()), "{path}");
    }
}

#[test]
fn two_receivers_count_apart() {
    let problems = Problems::new();
    let node = config::parse(BOTH, "test.yaml").unwrap();
    let context = context("otlp");
    for id in ["otlp", "otlp/edge"] {
        let build = (KIND.parse)(&mut Block::of(&node, &problems));
        assert!(build(context.for_component(&pipeline::ComponentId::parse(id).unwrap())).is_ok(), "{id}");
    }
}
