//! Mutual TLS from an exporter of one server to the receiver of another.

use http::StatusCode;

use crate::server::Server;

#[tokio::test]
async fn one_server_hands_its_spans_to_another_over_mutual_tls() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name).display().to_string();
    write_certificates(directory.path());
    let to = Server::start(
        &directory.path().join("to"),
        &[&format!(
            "receivers::otlp::protocols::grpc::tls={{cert_file: {}, key_file: {}, client_ca_file: {}}}",
            file("server.pem"),
            file("server.key"),
            file("ca.pem")
        )],
    );
    let grpc = to.port("OTLP/gRPC").replace("127.0.0.1", "localhost");
    let out = format!(
        "exporters::otlp={{endpoint: \"https://{grpc}\", sending_queue: {{enabled: false}}, tls: {{ca_file: {}, cert_file: {}, key_file: {}}}}}",
        file("ca.pem"),
        file("client.pem"),
        file("client.key")
    );
    let from = Server::start(
        &directory.path().join("from"),
        &[&out, "service::pipelines::traces::exporters=[otlp]"],
    );
    let now = model::Clock::now(&model::SystemClock).to_string();
    let body = format!(
        r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{{"traceId":"5b8efff798038103d269b633813fc60c","spanId":"eee19b7ec3c1b174","name":"x","startTimeUnixNano":"{now}","endTimeUnixNano":"{now}"}}]}}]}}]}}"#
    );
    assert_eq!(from.post_traces(body).await.0, StatusCode::OK);
    assert_eq!(to.get("/api/traces/5b8efff798038103d269b633813fc60c").await.0, StatusCode::OK);
}

const WORKS: &str = "certificates can be made and written";

fn write_certificates(directory: &std::path::Path) {
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect(WORKS);
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let key = rcgen::KeyPair::generate().expect(WORKS);
    std::fs::write(directory.join("ca.pem"), params.self_signed(&key).expect(WORKS).pem()).expect(WORKS);
    let ca = rcgen::Issuer::new(params, key);
    for name in ["server", "client"] {
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).expect(WORKS);
        let key = rcgen::KeyPair::generate().expect(WORKS);
        let signed = params.signed_by(&key, &ca).expect(WORKS);
        std::fs::write(directory.join(format!("{name}.pem")), signed.pem()).expect(WORKS);
        std::fs::write(directory.join(format!("{name}.key")), key.serialize_pem()).expect(WORKS);
    }
}
