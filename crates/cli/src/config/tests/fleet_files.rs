//! Files and settings of the engines that a fleet works with.

use super::*;

#[test]
fn files_that_will_not_do_and_settings_without_use_are_named_before_anything_starts() {
    let directory = TempDir::new().unwrap();
    let empty = directory.path().join("empty");
    fs::write(&empty, "\n").unwrap();
    let said = problems(&format!(
        "[process]\ninstance = \"a b\"\n\
         [kafka]\nca_file = \"/nowhere/ca.pem\"\nsasl_username = \"me\"\n\
         [clickhouse]\npassword_file = {empty:?}\n"
    ));
    for named in [
        "process.instance: \"a b\" cannot be the name of a process",
        "kafka.ca_file: is for TLS, which kafka.security does not ask for",
        "kafka.sasl_username: is for SASL, which kafka.security does not ask for",
        &format!("clickhouse.password_file: {} is empty", empty.display()),
    ] {
        assert!(said.contains(named), "{named}: {said}");
    }
    let said = problems("[clickhouse]\npassword_file = \"/nowhere/password\"\n");
    assert!(
        said.contains("clickhouse.password_file: /nowhere/password can't be read"),
        "{said}"
    );
    // Whoever does not work with it need not be able to read it.
    let file = "[clickhouse]\npassword_file = \"/nowhere/password\"\n";
    let path = directory.path().join("sextant.toml");
    fs::write(&path, file).unwrap();
    let collector = Engines {
        kafka: true,
        clickhouse: false,
        collectors: false,
        providers: false,
        receivers: false,
    };
    let loaded = Settings::load_for(collector, Some(&path), &BTreeMap::new(), Vec::new());
    assert!(loaded.is_ok());
}
