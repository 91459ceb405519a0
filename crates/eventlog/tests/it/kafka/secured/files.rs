//! Files that settings name and that won't do are refused before anything is asked of a broker.

use std::fs;
use std::path::{Path, PathBuf};

use sextant_eventlog::kafka::{KafkaConfig, KafkaLog, Security};
use tempfile::TempDir;

use super::super::harness::config;
use super::assert_misconfigured;
use super::certificates::Authority;

type Place = fn(&mut KafkaConfig) -> &mut Option<PathBuf>;

/// Settings that name files.
const SETTINGS: [(&str, Place); 4] = [
    ("ca_file", |config| &mut config.ca_file),
    ("certificate_file", |config| &mut config.certificate_file),
    ("key_file", |config| &mut config.key_file),
    ("sasl_password_file", |config| {
        &mut config.sasl_password_file
    }),
];

/// Files that all do.
fn sound() -> (TempDir, KafkaConfig) {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new("authority");
    let identity = authority.vouch_for("sextant", &[]);
    let mut config = config("127.0.0.1:1".to_owned());
    config.security = Security::SaslTls;
    config.sasl_username = Some("sextant".to_owned());
    let contents = [
        authority.pem(),
        identity.certificate,
        identity.key,
        "secret\n".to_owned(),
    ];
    for ((setting, place), content) in SETTINGS.iter().zip(contents) {
        let path = folder.path().join(setting);
        fs::write(&path, content).unwrap();
        *place(&mut config) = Some(path);
    }
    (folder, config)
}

/// Expects that the log isn't opened, and that the refusal has these words.
fn refuse(config: &KafkaConfig, says: &[&str]) {
    let Err(refusal) = KafkaLog::open(config, "test") else {
        panic!("opened where it should say {says:?}")
    };
    assert_misconfigured(&refusal, says);
}

/// Expects a refusal that names the setting and the path, for one file after the other.
fn refuse_each(settings: &[(&str, Place)], spoil: impl Fn(&Path), says: &str) {
    for (setting, place) in settings {
        let (_folder, mut config) = sound();
        KafkaLog::open(&config, "test").unwrap();
        let path = place(&mut config).clone().unwrap();
        spoil(&path);
        let (setting, path) = (format!("`{setting}`"), path.display().to_string());
        refuse(&config, &[&setting, &path, says]);
    }
}

#[tokio::test]
async fn p9_a_file_that_is_missing_is_named_with_its_setting() {
    refuse_each(
        &SETTINGS,
        |path| fs::remove_file(path).unwrap(),
        "No such file",
    );
}

#[tokio::test]
async fn p9_a_file_that_cannot_be_read_is_named_with_its_setting() {
    // Root may read everything but a directory.
    let spoil = |path: &Path| {
        fs::remove_file(path).unwrap();
        fs::create_dir(path).unwrap();
    };
    refuse_each(&SETTINGS, spoil, "cannot read");
}

#[tokio::test]
async fn p9_a_file_that_is_empty_is_named_with_its_setting() {
    refuse_each(&SETTINGS, |path| fs::write(path, "\n").unwrap(), "is empty");
}

#[tokio::test]
async fn a_file_that_is_no_pem_is_named_with_its_setting() {
    let spoil = |path: &Path| fs::write(path, [0x30, 0x03, 0x02, 0x01, 0x07]).unwrap();
    refuse_each(&SETTINGS[..3], spoil, "no PEM");
}

#[tokio::test]
async fn a_pem_file_with_nonsense_in_it_is_refused() {
    let nonsense = "-----BEGIN CERTIFICATE-----\nbm9uc2Vuc2U=\n-----END CERTIFICATE-----\n";
    let spoil = |path: &Path| fs::write(path, nonsense).unwrap();
    refuse_each(&SETTINGS[..3], spoil, "");
}

#[tokio::test]
async fn a_certificate_with_anothers_key_is_refused() {
    let (_folder, mut config) = sound();
    let (_another_folder, another) = sound();
    config.key_file = another.key_file;
    refuse(&config, &["`key_file`"]);
}

#[tokio::test]
async fn a_certificate_without_a_key_is_refused() {
    for (setting, place) in &SETTINGS[1..3] {
        let (_folder, mut config) = sound();
        *place(&mut config) = None;
        refuse(&config, &[setting, "go together"]);
    }
}
