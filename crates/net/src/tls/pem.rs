//! Reads certificates and keys.

use std::path::PathBuf;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Pem, TlsError};

/// Every certificate in the text, the leaf first.
pub(super) fn certificates(from: &Pem) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let text = text(from)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&text).collect();
    match all {
        Ok(all) if !all.is_empty() => Ok(all),
        Ok(_) => Err(TlsError(format!("{from:?} holds no certificate: expected PEM with BEGIN CERTIFICATE"))),
        Err(cause) => Err(TlsError(format!("{from:?} is not a PEM certificate: {cause}"))),
    }
}

/// The first private key in the text.
pub(super) fn key(from: &Pem) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_slice(&text(from)?).map_err(|cause| {
        TlsError(format!(
            "{from:?} is not a PEM private key (PKCS#8, SEC1 or PKCS#1, not encrypted): {cause}"
        ))
    })
}

/// The certificates as roots of trust.
pub(super) fn roots(from: &Pem) -> Result<Arc<RootCertStore>, TlsError> {
    let mut store = RootCertStore::empty();
    add_roots(&mut store, from)?;
    Ok(Arc::new(store))
}

pub(super) fn add_roots(store: &mut RootCertStore, from: &Pem) -> Result<(), TlsError> {
    for certificate in certificates(from)? {
        store
            .add(certificate)
            .map_err(|cause| TlsError(format!("{from:?} holds a CA that cannot be used: {cause}")))?;
    }
    Ok(())
}

/// The files among these.
pub(super) fn paths<'a>(pems: impl IntoIterator<Item = Option<&'a Pem>>) -> Vec<PathBuf> {
    let path = |pem: &Pem| match pem {
        Pem::File(path) => Some(path.clone()),
        Pem::Text(_) => None,
    };
    pems.into_iter().flatten().filter_map(path).collect()
}

fn text(from: &Pem) -> Result<Vec<u8>, TlsError> {
    match from {
        Pem::Text(text) => Ok(text.clone().into_bytes()),
        Pem::File(path) => {
            std::fs::read(path).map_err(|cause| TlsError(format!("cannot read {}: {cause}", path.display())))
        }
    }
}
