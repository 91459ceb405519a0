//! Whom to believe.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

/// All authorities of a system are a few hundred kilobytes.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// A configuration that believes the authorities of a file, or the system's without one. It offers
/// HTTP/1.1 alone, whatever a server would rather speak.
///
/// # Errors
/// Why there is nobody to believe.
pub fn client(ca_file: Option<&Path>) -> Result<Arc<ClientConfig>, String> {
    let roots = match ca_file {
        Some(path) => of_file(path).map_err(|why| format!("{} {why}", path.display()))?,
        None => of_system()?,
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions();
    let builder = builder.map_err(|error| error.to_string())?;
    let mut config = builder.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn of_file(path: &Path) -> Result<RootCertStore, String> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|error| format!("can't be read: {error}"))?;
    let read = file.take(FILE_BYTES_MAX).read_to_end(&mut bytes);
    read.map_err(|error| format!("can't be read: {error}"))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&bytes) {
        let certificate = certificate.map_err(|error| format!("is no PEM: {error}"))?;
        let added = roots.add(certificate);
        added.map_err(|error| format!("has a certificate that is none: {error}"))?;
    }
    if roots.is_empty() {
        return Err("has no certificate".to_owned());
    }
    Ok(roots)
}

fn of_system() -> Result<RootCertStore, String> {
    let found = rustls_native_certs::load_native_certs();
    let mut roots = RootCertStore::empty();
    // A system may keep some that are too old to be read.
    roots.add_parsable_certificates(found.certs);
    if roots.is_empty() {
        let why = found.errors.first().map(|error| format!(": {error}"));
        let why = why.unwrap_or_default();
        return Err(format!("this system has no authorities{why}"));
    }
    Ok(roots)
}
