//! The protocol keeps Buf's rules, and what v1 was.
//!
//! `tests/buf/v1.binpb` is what Buf compares with: the descriptors as `cargo xtask codegen` writes
//! them to `crates/wire/src/generated/descriptor.bin`. Whatever v1 gains is copied there, so that it
//! is kept too.

use std::fs;
use std::path::Path;
use std::process::Output;

use sextant_testbed::buf;
use tempfile::TempDir;

fn lint(protocol: &Path) -> Output {
    let mut command = buf::command().unwrap_or_else(|error| panic!("{error:#}"));
    command.arg("lint").arg(protocol).output().unwrap()
}

fn compare(protocol: &Path) -> Output {
    let mut command = buf::command().unwrap_or_else(|error| panic!("{error:#}"));
    let command = command.arg("breaking").arg(protocol);
    let command = command.arg("--against").arg(buf::as_it_was());
    command.output().unwrap()
}

fn said(output: &Output) -> String {
    let said = [&output.stdout[..], &output.stderr].concat();
    String::from_utf8(said).unwrap()
}

/// A copy of the protocol with something else in place of what stands in one of its files.
fn changed(file: &str, from: &str, to: &str) -> TempDir {
    let place = tempfile::tempdir().unwrap();
    let package = Path::new("sextant/v1");
    fs::create_dir_all(place.path().join(package)).unwrap();
    let rules = Path::new("buf.yaml");
    fs::copy(buf::protocol().join(rules), place.path().join(rules)).unwrap();
    for entry in fs::read_dir(buf::protocol().join(package)).unwrap() {
        let name = entry.unwrap().file_name();
        let text = fs::read_to_string(buf::protocol().join(package).join(&name)).unwrap();
        let text = if name == file {
            assert_eq!(text.matches(from).count(), 1, "{from}");
            text.replace(from, to)
        } else {
            text
        };
        fs::write(place.path().join(package).join(name), text).unwrap();
    }
    place
}

#[test]
fn the_protocol_keeps_the_rules() {
    let output = lint(&buf::protocol());
    assert!(output.status.success(), "{}", said(&output));
    let of_another_style = changed("gate.proto", "rpc ListGates(", "rpc list_gates(");
    let output = lint(of_another_style.path());
    assert!(!output.status.success());
    assert!(said(&output).contains("PascalCase"), "{}", said(&output));
}

#[test]
fn the_protocol_breaks_nobody_who_speaks_v1() {
    let output = compare(&buf::protocol());
    assert!(output.status.success(), "{}", said(&output));
    for (from, to) in [
        (
            "string version = 1;\n  // In micro",
            "string version = 9;\n  // In micro",
        ),
        ("int64 generated_at_us = 2;", "uint32 generated_at_us = 2;"),
        ("rpc GetSnapshot(", "rpc ReadSnapshot("),
    ] {
        let broken = changed("snapshot.proto", from, to);
        let output = compare(broken.path());
        assert!(!output.status.success(), "{to} was taken");
        assert!(
            said(&output).contains("snapshot.proto"),
            "{}",
            said(&output)
        );
    }
}
