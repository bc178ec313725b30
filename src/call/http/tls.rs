//! Who is trusted, and why somebody is not.

use std::io;
use std::path::Path;
use std::sync::Arc;

use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::{self, CertificateError, ClientConfig, InvalidMessage, RootCertStore};

use crate::model::call::{Failure, FailureKind};
use crate::model::text::escape_controls;

/// Trusts what the system trusts; where the environment names a file or a directory, those.
pub(super) fn trusting_system(
    file: Option<&Path>,
    dir: Option<&Path>,
) -> Result<Arc<ClientConfig>, String> {
    let found = match (file, dir) {
        (None, None) => rustls_native_certs::load_native_certs(),
        _ => rustls_native_certs::load_certs_from_paths(file, dir),
    };
    let mut roots = RootCertStore::empty();
    // Some systems carry certificates that are no authorities any more; the others still count.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    match (added, found.errors.first()) {
        (0, Some(error)) => Err(format!("the system's certificates cannot be read: {error}")),
        (0, None) => Err("the system has no certificates to trust".to_owned()),
        _ => config(roots),
    }
}

/// Trusts the certificates of a PEM file, and no others.
pub(super) fn trusting_file(path: &str) -> Result<Arc<ClientConfig>, String> {
    let unread = |why: &dyn std::fmt::Display| {
        format!(
            "the certificates in `{}` cannot be read: {why}",
            escape_controls(path)
        )
    };
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path).map_err(|e| unread(&e))? {
        let certificate = certificate.map_err(|e| unread(&e))?;
        roots.add(certificate).map_err(|e| unread(&e))?;
    }
    if roots.is_empty() {
        return Err(unread(&"there are none in it"));
    }
    config(roots)
}

fn config(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    // The provider is named, because a default of the whole process could be somebody else's.
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Why no TLS connection came about; nothing of the request was sent.
pub(super) fn failure(who: &str, error: &io::Error) -> Failure {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    let failure = |text: String| Failure::new(FailureKind::NotStarted, text);
    match inner {
        Some(rustls::Error::InvalidCertificate(why)) => {
            let (why, hint) = certificate(why);
            let failure = failure(format!("the certificate of {who} is not accepted: {why}"));
            match hint {
                Some(hint) => failure.hint(hint),
                None => failure,
            }
        }
        Some(rustls::Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            failure(format!("what answers at {who} does not speak TLS"))
                .hint("write http:// if it is meant to be without, or look at the port")
        }
        Some(rustls::Error::AlertReceived(alert)) => {
            failure(format!("{who} ended the TLS handshake: {alert:?}"))
        }
        Some(other) => failure(format!("no TLS with {who}: {other}")),
        None => failure(format!(
            "{who} closed the connection during the TLS handshake: {}",
            super::connect::reason(error)
        )),
    }
}

fn certificate(error: &CertificateError) -> (String, Option<&'static str>) {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => (
            "it has expired".to_owned(),
            Some("renew it, or look at this machine's clock"),
        ),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => (
            "it is not valid yet".to_owned(),
            Some("look at this machine's clock"),
        ),
        CertificateError::UnknownIssuer => (
            "nobody that is trusted here has issued it".to_owned(),
            Some("where the issuer is your own, name its certificate with `ca_file:`"),
        ),
        CertificateError::BadSignature => (
            "who is trusted here under the issuer's name has not signed it".to_owned(),
            Some("the issuer may have a new certificate: name it with `ca_file:`"),
        ),
        CertificateError::NotValidForName => (
            "it is for another name".to_owned(),
            Some("look at the URL: a name must be one of those in the certificate"),
        ),
        CertificateError::NotValidForNameContext { presented, .. } => (
            match presented.as_slice() {
                [] => "it is for another name".to_owned(),
                names => {
                    let names = names.join(", ");
                    let names = crate::model::text::clip(&names, 120).into_owned();
                    format!("it is for other names: {}", escape_controls(&names))
                }
            },
            Some("look at the URL: a name must be one of those in the certificate"),
        ),
        CertificateError::Revoked => ("it was revoked".to_owned(), None),
        other => (
            escape_controls(&other.to_string()).into_owned(),
            Some("a certificate that is its own issuer is trusted only as an authority's"),
        ),
    }
}
