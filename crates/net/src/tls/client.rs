//! The side that connects.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::reload::Reloading;
use super::{HANDSHAKE_MAX, Pem, RELOAD_AFTER, TlsError, TlsVersion, pem, versions};

/// How a client speaks TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientTls {
    /// Whom to trust; without it, whom the system trusts.
    pub ca: Option<Pem>,
    /// Trust whom the system trusts as well as `ca`.
    pub include_system_ca: bool,
    /// The certificate and key shown to servers that ask.
    pub identity: Option<(Pem, Pem)>,
    /// Trust anybody.
    pub insecure_skip_verify: bool,
    /// The name that the server's certificate must carry, if not the host's.
    pub server_name_override: Option<String>,
    /// The oldest version that is spoken.
    pub min_version: TlsVersion,
    /// The newest, if it is to be limited.
    pub max_version: Option<TlsVersion>,
    /// How often the files are looked at.
    pub reload_after: Duration,
}

impl Default for ClientTls {
    fn default() -> ClientTls {
        ClientTls {
            ca: None,
            include_system_ca: false,
            identity: None,
            insecure_skip_verify: false,
            server_name_override: None,
            min_version: TlsVersion::V1_2,
            max_version: None,
            reload_after: RELOAD_AFTER,
        }
    }
}

/// Does the handshake for a client.
#[derive(Clone)]
pub struct TlsClient {
    configs: Arc<Reloading<Configs>>,
    server_name: Option<String>,
}

/// One offer per protocol, because gRPC must not end up on HTTP/1.1.
struct Configs {
    http2_only: Arc<rustls::ClientConfig>,
    any: Arc<rustls::ClientConfig>,
}

impl TlsClient {
    /// Reads the files; an error names the one that cannot be used.
    pub fn new(settings: ClientTls) -> Result<TlsClient, TlsError> {
        if settings.insecure_skip_verify {
            tracing::warn!("insecure_skip_verify is set: the server's certificate is not checked");
        }
        let identity = settings.identity.as_ref();
        let paths = pem::paths([settings.ca.as_ref(), identity.map(|it| &it.0), identity.map(|it| &it.1)]);
        let look_after = settings.reload_after;
        let server_name = settings.server_name_override.clone();
        let make = Box::new(move || {
            let mut any = config(&settings)?;
            let mut http2_only = any.clone();
            any.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            http2_only.alpn_protocols = vec![b"h2".to_vec()];
            Ok(Configs { http2_only: Arc::new(http2_only), any: Arc::new(any) })
        });
        Ok(TlsClient { configs: Arc::new(Reloading::new(paths, look_after, make)?), server_name })
    }

    /// Shakes hands within [`HANDSHAKE_MAX`].
    pub async fn connect(
        &self,
        host: &str,
        stream: TcpStream,
        http2_only: bool,
    ) -> io::Result<TlsStream<TcpStream>> {
        let name = self.server_name.as_deref().unwrap_or(host).trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        let configs = self.configs.current();
        let config = if http2_only { &configs.http2_only } else { &configs.any };
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        tokio::time::timeout(HANDSHAKE_MAX, handshake).await.map_err(|_| io::ErrorKind::TimedOut)?
    }
}

impl std::fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TlsClient")
    }
}

fn config(settings: &ClientTls) -> Result<rustls::ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let versions = versions(settings.min_version, settings.max_version)?;
    let builder = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&versions)
        .map_err(|cause| TlsError(cause.to_string()))?;
    let builder = if settings.insecure_skip_verify {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(TrustAnybody(provider)))
    } else {
        builder.with_root_certificates(trusted(settings)?)
    };
    match &settings.identity {
        None => Ok(builder.with_no_client_auth()),
        Some((cert, key)) => builder
            .with_client_auth_cert(pem::certificates(cert)?, pem::key(key)?)
            .map_err(|cause| TlsError(format!("{cert:?} and {key:?} do not go together: {cause}"))),
    }
}

fn trusted(settings: &ClientTls) -> Result<RootCertStore, TlsError> {
    let mut store = RootCertStore::empty();
    if settings.ca.is_none() || settings.include_system_ca {
        store.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if store.is_empty() {
            // A container without CA certificates still reaches public servers.
            store.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
    }
    if let Some(ca) = &settings.ca {
        pem::add_roots(&mut store, ca)?;
    }
    Ok(store)
}

/// What `insecure_skip_verify` asks for: signatures are checked, names and chains are not.
#[derive(Debug)]
struct TrustAnybody(Arc<CryptoProvider>);

impl ServerCertVerifier for TrustAnybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
