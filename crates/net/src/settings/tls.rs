//! `tls`, as listeners and clients have it.

use config::Block;

use crate::tls::{ClientTls, Pem, RELOAD_AFTER, ServerTls, TlsVersion};

/// Reads the `tls` of a listener; None if it is not given.
pub fn server_tls(block: &mut Block<'_>) -> Option<ServerTls> {
    let mut tls = block.block("tls", "makes the listener speak TLS only")?;
    let cert = pem(&mut tls, "cert", "the certificate chain, leaf first");
    let key = pem(&mut tls, "key", "the private key of the certificate");
    let client_ca =
        tls.optional_text("client_ca_file", "asks clients for a certificate that one of these CAs signed");
    let (min_version, max_version) = versions(&mut tls);
    let reload_after = tls.optional_duration("reload_interval", "how often files are looked at (3s)");
    tls.ignored("client_ca_file_reload", "all files are reloaded");
    tls.ignored("ca_file", "a listener trusts by client_ca_file");
    tls.ignored("ca_pem", "a listener trusts by client_ca_file");
    ignore_details(&mut tls);
    let (Some(cert), Some(key)) = (cert, key) else {
        let remedy = Some("give cert_file and key_file, or remove tls".to_owned());
        tls.problem_here("a listener with TLS needs a certificate and its key", remedy);
        return None;
    };
    Some(ServerTls {
        cert,
        key,
        client_ca: client_ca.map(|path| Pem::File(path.into())),
        min_version,
        max_version,
        reload_after: reload_after.unwrap_or(RELOAD_AFTER),
    })
}

/// Reads the `tls` of a client, and whether it is to speak without TLS (`insecure`).
pub fn client_tls(block: &mut Block<'_>) -> (ClientTls, bool) {
    let mut tls = block.section("tls", "how the connection is protected");
    let insecure =
        tls.boolean("insecure", false, "speaks without TLS, unless the endpoint begins with https://");
    let ca = pem(&mut tls, "ca", "trusts these CAs instead of the system's");
    let cert = pem(&mut tls, "cert", "the certificate that the client shows");
    let key = pem(&mut tls, "key", "the private key of the certificate");
    let (min_version, max_version) = versions(&mut tls);
    let reload_after = tls.optional_duration("reload_interval", "how often files are looked at (3s)");
    let include_system_ca =
        tls.boolean("include_system_ca_certs_pool", false, "trusts the system's CAs as well as ca_file");
    let insecure_skip_verify =
        tls.boolean("insecure_skip_verify", false, "does not check the server's certificate");
    let server_name_override =
        tls.optional_text("server_name_override", "the name that the certificate must carry");
    ignore_details(&mut tls);
    if cert.is_some() != key.is_some() {
        tls.problem_here("a client certificate needs both cert_file and key_file", None);
    }
    let settings = ClientTls {
        ca,
        include_system_ca,
        identity: cert.zip(key),
        insecure_skip_verify,
        server_name_override: server_name_override.filter(|name| !name.is_empty()),
        min_version,
        max_version,
        reload_after: reload_after.unwrap_or(RELOAD_AFTER),
    };
    (settings, insecure)
}

/// Reads `…_file` or `…_pem`.
fn pem(tls: &mut Block<'_>, what: &str, doc: &str) -> Option<Pem> {
    let (file_key, text_key) = (format!("{what}_file"), format!("{what}_pem"));
    let file = tls.optional_text(&file_key, doc).filter(|path| !path.is_empty());
    let text = tls.secret(&text_key, "the same as PEM text");
    if file.is_some() && text.is_some() {
        tls.problem(&text_key, format!("{file_key} is given as well"), Some("remove one of the two".into()));
    }
    file.map(|path| Pem::File(path.into())).or(text.map(|text| Pem::Text(text.expose().to_owned())))
}

fn versions(tls: &mut Block<'_>) -> (TlsVersion, Option<TlsVersion>) {
    let min = tls.choice("min_version", &["1.2", "1.3"], "1.2", "the oldest TLS that is spoken");
    let max = tls.choice("max_version", &["", "1.2", "1.3"], "", "the newest TLS that is spoken");
    let version = |text| match text {
        "1.2" => Some(TlsVersion::V1_2),
        "1.3" => Some(TlsVersion::V1_3),
        _ => None,
    };
    if min == "1.3" && max == "1.2" {
        tls.problem("max_version", "max_version is older than min_version", None);
    }
    (version(min).unwrap_or(TlsVersion::V1_2), version(max))
}

fn ignore_details(tls: &mut Block<'_>) {
    tls.ignored("cipher_suites", "only suites with forward secrecy and authenticated encryption are spoken");
    tls.ignored("curve_preferences", "X25519, P-256 and P-384 are spoken");
    tls.ignored("tpm", "keys come from files");
}
