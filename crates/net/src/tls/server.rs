//! The side that listens.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::server::WebPkiClientVerifier;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::reload::Reloading;
use super::{HANDSHAKE_MAX, Pem, RELOAD_AFTER, TlsError, TlsVersion, pem, versions};

/// What a listener needs to speak TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerTls {
    /// The certificate chain, leaf first.
    pub cert: Pem,
    /// Its private key.
    pub key: Pem,
    /// If set, clients must show a certificate that one of these signed.
    pub client_ca: Option<Pem>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The newest, if it is to be limited.
    pub max_version: Option<TlsVersion>,
    /// How often the files are looked at.
    pub reload_after: Duration,
}

impl ServerTls {
    /// A certificate and its key, everything else as usual.
    pub fn new(cert: Pem, key: Pem) -> ServerTls {
        ServerTls {
            cert,
            key,
            client_ca: None,
            min_version: TlsVersion::V1_2,
            max_version: None,
            reload_after: RELOAD_AFTER,
        }
    }
}

/// Does the handshake for a listener.
#[derive(Clone)]
pub struct TlsServer(Arc<Reloading<rustls::ServerConfig>>);

impl TlsServer {
    /// Reads the files; an error names the one that cannot be used.
    pub fn new(settings: ServerTls) -> Result<TlsServer, TlsError> {
        let paths = pem::paths([Some(&settings.cert), Some(&settings.key), settings.client_ca.as_ref()]);
        let look_after = settings.reload_after;
        let make = Box::new(move || config(&settings));
        Ok(TlsServer(Arc::new(Reloading::new(paths, look_after, make)?)))
    }

    /// Shakes hands within [`HANDSHAKE_MAX`], with the certificates that are valid now.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let handshake = TlsAcceptor::from(self.0.current()).accept(stream);
        tokio::time::timeout(HANDSHAKE_MAX, handshake).await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

impl std::fmt::Debug for TlsServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsServer")
    }
}

fn config(settings: &ServerTls) -> Result<rustls::ServerConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = versions(settings.min_version, settings.max_version)?;
    let builder = rustls::ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|cause| TlsError(cause.to_string()))?;
    let builder = match &settings.client_ca {
        None => builder.with_no_client_auth(),
        Some(ca) => {
            let verifier = WebPkiClientVerifier::builder_with_provider(pem::roots(ca)?, provider).build();
            builder.with_client_cert_verifier(verifier.map_err(|cause| TlsError(format!("{ca:?}: {cause}")))?)
        }
    };
    let mut config = builder
        .with_single_cert(pem::certificates(&settings.cert)?, pem::key(&settings.key)?)
        .map_err(|cause| {
        TlsError(format!("{:?} and {:?} do not go together: {cause}", settings.cert, settings.key))
    })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}
