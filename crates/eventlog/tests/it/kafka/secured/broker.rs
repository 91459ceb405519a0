//! A broker with a listener of each kind.

use std::fs;
use std::path::PathBuf;
use std::sync::OnceLock;

use sextant_eventlog::kafka::{KafkaConfig, SaslMechanism, Security};
use sextant_testbed::kafka::{Kafka, Options};

use super::super::harness::config;
use super::certificates::{Authority, Identity};

/// May do everything, by password or by certificate.
pub(super) const OWNER: &str = "sextant";
/// May do what access rules allow.
pub(super) const USERS: [&str; 6] = [
    "collector",
    "aggregator",
    "archive",
    "server",
    "alerts",
    "nobody",
];

const LISTENERS: [(&str, &str); 6] = [
    ("TLS", "SSL"),
    ("MUTUAL", "SSL"),
    ("ELSEWHERE", "SSL"),
    ("EXPIRED", "SSL"),
    ("SASL", "SASL_PLAINTEXT"),
    ("SASLTLS", "SASL_SSL"),
];

const SETTINGS: &str = r#"
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:sextant;User:CN=sextant
ssl.keystore.type=PEM
ssl.truststore.type=PEM
ssl.truststore.certificates=@CA@
listener.name.mutual.ssl.client.auth=required
sasl.enabled.mechanisms=SCRAM-SHA-256,SCRAM-SHA-512
listener.name.sasl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasltls.sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasltls.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasltls.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_sextant="sextant's";
"#;

/// A broker, and files with what it takes to be let in.
pub(super) struct Broker {
    pub(super) kafka: Kafka,
    pub(super) authority: Authority,
    /// Goes with the broker.
    files: PathBuf,
}

/// The broker that the tests of this process share.
pub(super) fn shared() -> &'static Broker {
    static SHARED: OnceLock<Broker> = OnceLock::new();
    SHARED.get_or_init(Broker::start)
}

impl Broker {
    fn start() -> Self {
        let authority = Authority::new("authority");
        let here = ["127.0.0.1"];
        let mut settings = SETTINGS.replace("@CA@", &on_one_line(&authority.pem()));
        for (listener, identity) in [
            ("tls", authority.vouch_for("broker", &here)),
            ("mutual", authority.vouch_for("broker", &here)),
            ("sasltls", authority.vouch_for("broker", &here)),
            ("expired", authority.expired("broker", &here)),
            (
                "elsewhere",
                authority.vouch_for("broker", &["kafka.elsewhere.example"]),
            ),
        ] {
            settings.push_str(&shown(listener, &identity));
        }
        let owned = |(name, other): (&str, &str)| (name.to_owned(), other.to_owned());
        let users = USERS.into_iter().chain([OWNER]);
        let options = Options {
            settings,
            listeners: LISTENERS.map(owned).to_vec(),
            users: users.map(|user| owned((user, &password(user)))).collect(),
        };
        let kafka = Kafka::start_with(&options).unwrap();
        let files = kafka.data().with_file_name("files");
        fs::create_dir(&files).unwrap();
        Self {
            kafka,
            authority,
            files,
        }
    }

    /// Over TLS: the broker shows a certificate, who asks shows none.
    pub(super) fn tls(&self, listener: &str) -> KafkaConfig {
        let mut config = self.at(listener, Security::Tls);
        config.ca_file = Some(self.file(&self.authority.pem()));
        config
    }

    /// Over TLS, with certificates on both sides.
    pub(super) fn mutual_tls(&self) -> KafkaConfig {
        let mut config = self.tls("MUTUAL");
        self.show(&mut config, &self.authority.vouch_for(OWNER, &[]));
        config
    }

    /// By password, over a connection that anyone can read.
    pub(super) fn sasl(&self, mechanism: SaslMechanism) -> KafkaConfig {
        let mut config = self.at("SASL", Security::SaslPlaintext);
        config.sasl_mechanism = mechanism;
        self.log_in(&mut config, OWNER, &password(OWNER));
        config
    }

    /// By password, over TLS.
    pub(super) fn sasl_tls(&self, mechanism: SaslMechanism) -> KafkaConfig {
        let mut config = self.tls("SASLTLS");
        config.security = Security::SaslTls;
        config.sasl_mechanism = mechanism;
        self.log_in(&mut config, OWNER, &password(OWNER));
        config
    }

    pub(super) fn at(&self, listener: &str, security: Security) -> KafkaConfig {
        let port = self.kafka.port(listener).unwrap();
        let mut config = config(format!("127.0.0.1:{port}"));
        config.security = security;
        config
    }

    /// Shows a certificate from now on.
    pub(super) fn show(&self, config: &mut KafkaConfig, identity: &Identity) {
        config.certificate_file = Some(self.file(&identity.certificate));
        config.key_file = Some(self.file(&identity.key));
    }

    /// Is someone else from now on.
    pub(super) fn log_in(&self, config: &mut KafkaConfig, user: &str, password: &str) {
        config.sasl_username = Some(user.to_owned());
        // Editors end a file with a line break.
        config.sasl_password_file = Some(self.file(&format!("{password}\n")));
    }

    /// A file with this in it.
    pub(super) fn file(&self, content: &str) -> PathBuf {
        let named = tempfile::Builder::new().tempfile_in(&self.files).unwrap();
        fs::write(named.path(), content).unwrap();
        named.into_temp_path().keep().unwrap()
    }
}

pub(super) fn password(user: &str) -> String {
    format!("{user}'s")
}

/// What a listener shows of itself.
fn shown(listener: &str, identity: &Identity) -> String {
    let [chain, key] = [&identity.certificate, &identity.key].map(|pem| on_one_line(pem));
    format!(
        "listener.name.{listener}.ssl.keystore.certificate.chain={chain}\n\
         listener.name.{listener}.ssl.keystore.key={key}\n"
    )
}

/// A value of several lines, as Java's property files have them.
fn on_one_line(pem: &str) -> String {
    pem.replace('\r', "").replace('\n', "\\n")
}
