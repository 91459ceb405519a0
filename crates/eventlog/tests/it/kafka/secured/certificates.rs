//! Certificates for a test, made by it.

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DistinguishedName, DnType, IsCa, Issuer,
    KeyPair, KeyUsagePurpose, date_time_ymd,
};

/// Who vouches for certificates.
pub(super) struct Authority {
    certificate: Certificate,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
pub(super) struct Identity {
    pub(super) certificate: String,
    pub(super) key: String,
}

impl Authority {
    pub(super) fn new(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut wanted = named(name, &[]);
        wanted.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        wanted.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self {
            certificate: wanted.self_signed(&key).unwrap(),
            issuer: Issuer::new(wanted, key),
        }
    }

    /// Its own certificate, as PEM.
    pub(super) fn pem(&self) -> String {
        self.certificate.pem()
    }

    /// Vouches for who goes by a name, at these hosts.
    pub(super) fn vouch_for(&self, name: &str, hosts: &[&str]) -> Identity {
        self.sign(&named(name, hosts))
    }

    /// Vouched for someone, once.
    pub(super) fn expired(&self, name: &str, hosts: &[&str]) -> Identity {
        let mut wanted = named(name, hosts);
        wanted.not_before = date_time_ymd(2019, 1, 1);
        wanted.not_after = date_time_ymd(2020, 1, 1);
        self.sign(&wanted)
    }

    fn sign(&self, wanted: &CertificateParams) -> Identity {
        let key = KeyPair::generate().unwrap();
        let certificate = wanted.signed_by(&key, &self.issuer).unwrap();
        Identity {
            certificate: certificate.pem(),
            key: key.serialize_pem(),
        }
    }
}

fn named(name: &str, hosts: &[&str]) -> CertificateParams {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let mut wanted = CertificateParams::new(hosts).unwrap();
    wanted.distinguished_name = DistinguishedName::new();
    wanted.distinguished_name.push(DnType::CommonName, name);
    wanted
}
