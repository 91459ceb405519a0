//! Whom a prober believes.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use sextant_measure::outcome::Outcome;
use tempfile::TempDir;
use tokio_rustls::TlsAcceptor;

use crate::kit::start;
use crate::provider::{Provider, whole};

struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut of = CertificateParams::new(Vec::new()).unwrap();
        of.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        Self {
            issuer: CertifiedIssuer::self_signed(of, key).unwrap(),
        }
    }

    /// A server's end of TLS, under a name.
    fn acceptor(&self, name: &str) -> TlsAcceptor {
        let key = KeyPair::generate().unwrap();
        let of = CertificateParams::new(vec![name.to_owned()]).unwrap();
        let certificate = of.signed_by(&key, &self.issuer).unwrap();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        TlsAcceptor::from(Arc::new(config))
    }
}

#[tokio::test]
async fn a_certificate_must_be_for_the_host_and_by_an_authority_that_is_believed() {
    let (ours, others) = (Authority::new(), Authority::new());
    let directory = TempDir::new().unwrap();
    let ca_file = directory.path().join("ca.pem");
    std::fs::write(&ca_file, ours.issuer.pem()).unwrap();
    for (acceptor, expected) in [
        (ours.acceptor("localhost"), Outcome::Ok),
        (ours.acceptor("example.com"), Outcome::TransportError),
        (others.acceptor("localhost"), Outcome::TransportError),
    ] {
        let provider = Provider::serve([("p", whole())], Some(acceptor)).await;
        let running = start(&format!(
            "ca_file = {ca_file:?}\n[[targets]]\nmodel = \"a/b\"\nprovider = \"p\"\n\
             interval_ms = 100\nkey = {{ env = \"KEY\" }}\n\
             url = \"https://localhost:{}/p/v1\"\n",
            provider.port
        ));
        let seen = running.firsts(1).await;
        assert_eq!(seen[0].measurement.outcome, expected);
        let is_told = !provider.requests().is_empty();
        assert_eq!(
            is_told,
            expected == Outcome::Ok,
            "who is not believed gets no key"
        );
        running.end().await;
    }
}
