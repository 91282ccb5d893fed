use std::net::SocketAddr;
use std::path::Path;

use http::{Request, Response};
use http_body_util::BodyExt;
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use super::*;
use crate::{Body, HttpLimits, Listener, Server, handler};

struct Ca(CertifiedIssuer<'static, KeyPair>);

impl Ca {
    fn new() -> Ca {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ca(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn pem(&self) -> Pem {
        Pem::Text(self.0.pem())
    }

    /// A certificate for this name, and its key.
    fn issue(&self, name: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        (params.signed_by(&key, &self.0).unwrap().pem(), key.serialize_pem())
    }

    fn identity(&self, name: &str) -> (Pem, Pem) {
        let (cert, key) = self.issue(name);
        (Pem::Text(cert), Pem::Text(key))
    }
}

struct Running {
    addr: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A server that answers with the length of the certificate that the client showed.
async fn running(settings: ServerTls) -> Running {
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr();
    let tls = Some(TlsServer::new(settings).unwrap());
    let shown = handler(|_, peer| async move {
        assert!(peer.tls);
        Response::new(Body::full(peer.certificate.map_or(0, |der| der.len()).to_string()))
    });
    let server = Server { listener, tls, limits: HttpLimits::default() };
    Running { addr, task: tokio::spawn(server.serve(shown, std::future::pending())) }
}

async fn ask(addr: SocketAddr, settings: ClientTls) -> Result<String, String> {
    let client = TlsClient::new(settings).unwrap();
    let stream = TcpStream::connect(addr).await.unwrap();
    let stream = client.connect("localhost", stream, false).await.map_err(|cause| cause.to_string())?;
    let io = TokioIo::new(stream);
    let (mut send, connection) =
        hyper::client::conn::http1::handshake(io).await.map_err(|cause| cause.to_string())?;
    tokio::spawn(connection);
    let request = Request::get("/").header("host", "localhost").body(Body::empty()).unwrap();
    let answer = send.send_request(request).await.map_err(|cause| format!("{cause:?}"))?;
    let body = answer.into_body().collect().await.map_err(|cause| cause.to_string())?;
    Ok(String::from_utf8(body.to_bytes().to_vec()).unwrap())
}

fn server(ca: &Ca) -> ServerTls {
    let (cert, key) = ca.identity("localhost");
    ServerTls::new(cert, key)
}

fn trusting(ca: &Ca) -> ClientTls {
    ClientTls { ca: Some(ca.pem()), ..ClientTls::default() }
}

/// ALPN in these tests offers h2 first; the plain HTTP/1 client only works when it is not chosen.
fn plain(mut tls: ClientTls) -> ClientTls {
    tls.max_version.get_or_insert(TlsVersion::V1_3);
    tls
}

#[tokio::test]
async fn a_client_that_trusts_the_ca_gets_through() {
    let ca = Ca::new();
    let server = running(server(&ca)).await;
    assert_eq!(ask(server.addr, trusting(&ca)).await.unwrap(), "0");
    let old = ClientTls { max_version: Some(TlsVersion::V1_2), ..trusting(&ca) };
    assert_eq!(ask(server.addr, plain(old)).await.unwrap(), "0");
}

#[tokio::test]
async fn a_stranger_or_a_wrong_name_is_not_trusted() {
    let ca = Ca::new();
    let server = running(server(&ca)).await;
    assert!(ask(server.addr, trusting(&Ca::new())).await.unwrap_err().contains("invalid peer certificate"));
    let elsewhere = ClientTls { server_name_override: Some("other.example".into()), ..trusting(&ca) };
    assert!(ask(server.addr, elsewhere).await.unwrap_err().contains("not valid for name"));
    let blind = ClientTls { insecure_skip_verify: true, ..ClientTls::default() };
    assert_eq!(ask(server.addr, blind).await.unwrap(), "0");
}

#[tokio::test]
async fn a_listener_with_a_client_ca_lets_only_its_clients_in() {
    let (ca, clients) = (Ca::new(), Ca::new());
    let server = running(ServerTls { client_ca: Some(clients.pem()), ..server(&ca) }).await;
    let known = ClientTls { identity: Some(clients.identity("me")), ..trusting(&ca) };
    assert_ne!(ask(server.addr, known).await.unwrap(), "0");
    assert!(ask(server.addr, trusting(&ca)).await.is_err(), "no certificate");
    let unknown = ClientTls { identity: Some(ca.identity("me")), ..trusting(&ca) };
    assert!(ask(server.addr, unknown).await.is_err(), "a certificate of another ca");
}

#[tokio::test]
async fn a_listener_for_tls_1_3_refuses_1_2() {
    let ca = Ca::new();
    let server = running(ServerTls { min_version: TlsVersion::V1_3, ..server(&ca) }).await;
    assert_eq!(ask(server.addr, trusting(&ca)).await.unwrap(), "0");
    let old = ClientTls { max_version: Some(TlsVersion::V1_2), ..trusting(&ca) };
    assert!(ask(server.addr, old).await.is_err());
}

fn write(dir: &Path, (cert, key): (String, String)) {
    std::fs::write(dir.join("cert.pem"), cert).unwrap();
    std::fs::write(dir.join("key.pem"), key).unwrap();
}

#[tokio::test]
async fn certificates_rotate_under_a_running_listener() {
    let (old, new) = (Ca::new(), Ca::new());
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), old.issue("localhost"));
    let file = |name: &str| Pem::File(dir.path().join(name));
    let settings =
        ServerTls { reload_after: Duration::ZERO, ..ServerTls::new(file("cert.pem"), file("key.pem")) };
    let server = running(settings).await;
    assert!(ask(server.addr, trusting(&old)).await.is_ok());

    std::fs::write(dir.path().join("cert.pem"), "half written").unwrap();
    assert!(ask(server.addr, trusting(&old)).await.is_ok(), "files that cannot be used change nothing");

    write(dir.path(), new.issue("localhost"));
    assert!(ask(server.addr, trusting(&new)).await.is_ok());
    assert!(ask(server.addr, trusting(&old)).await.is_err());
}

#[tokio::test]
async fn a_certificate_and_a_key_that_do_not_belong_together_are_named() {
    let ca = Ca::new();
    let (cert, _) = ca.identity("localhost");
    let (_, key) = ca.identity("localhost");
    let message = TlsServer::new(ServerTls::new(cert, key)).unwrap_err().to_string();
    assert!(message.contains("do not go together"), "{message}");
}

#[tokio::test]
async fn a_missing_file_is_named() {
    let missing = || Pem::File("/no/such/cert.pem".into());
    let message = TlsServer::new(ServerTls::new(missing(), missing())).unwrap_err().to_string();
    assert!(message.contains("/no/such/cert.pem"), "{message}");
}

#[tokio::test(start_paused = true)]
async fn a_handshake_that_does_not_begin_is_given_up() {
    let ca = Ca::new();
    let listener = Listener::bind("127.0.0.1:0").await.unwrap();
    let _silent = TcpStream::connect(listener.local_addr()).await.unwrap();
    let (stream, _, _slot) = listener.accept().await;
    let tls = TlsServer::new(server(&ca)).unwrap();
    assert_eq!(tls.accept(stream).await.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
}
