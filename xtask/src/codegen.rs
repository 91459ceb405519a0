//! `cargo xtask codegen`: the protocol's Rust code and its descriptor, from `proto/`.
//!
//! The output is committed, so that a plain build needs no tool for it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, anyhow};
use protox::Compiler;

use crate::source::GENERATED_FOLDER;
use crate::workspace;

/// What server reflection answers from.
const DESCRIPTOR: &str = "descriptor.bin";

/// Contents by file name.
type Files = BTreeMap<String, Vec<u8>>;

/// Brings the committed code up to date.
pub(crate) fn write() -> Result<()> {
    let changed = replace(&generated_folder(), &generate(&proto_folder())?)?;
    for name in &changed {
        println!("{GENERATED_FOLDER}{name}: written");
    }
    if changed.is_empty() {
        println!("codegen: nothing to change");
    }
    Ok(())
}

/// Whether the committed code is what `proto/` gives; says what is not.
pub(crate) fn check() -> Result<bool> {
    let differing = differences(&generated_folder(), &generate(&proto_folder())?)?;
    for name in &differing {
        println!("{GENERATED_FOLDER}{name}: not what proto/ gives");
    }
    if differing.is_empty() {
        println!("codegen: nothing to change");
    } else {
        println!("run `cargo xtask codegen` and commit what it writes");
    }
    Ok(differing.is_empty())
}

fn proto_folder() -> PathBuf {
    workspace::root().join("proto")
}

fn generated_folder() -> PathBuf {
    workspace::root().join(GENERATED_FOLDER)
}

/// Nothing when there are no protocol files.
fn generate(proto_folder: &Path) -> Result<Files> {
    let mut sources = Vec::new();
    if proto_folder.exists() {
        find_protos(proto_folder, &mut sources)?;
    }
    if sources.is_empty() {
        return Ok(Files::new());
    }
    // The order of files must not depend on the file system.
    sources.sort();

    let mut compiler = Compiler::new([proto_folder]).context("open the proto folder")?;
    compiler
        .open_files(&sources)
        // Only this form of the error has the file, the line and the column.
        .map_err(|error| anyhow!("{error:?}"))?;

    let scratch = tempfile::tempdir().context("make a temporary folder")?;
    // The generator needs every type that is named. Imports from google.protobuf
    // give no code: theirs stands in other crates.
    compiler.include_source_info(true).include_imports(true);
    tonic_prost_build::configure()
        .out_dir(scratch.path())
        .bytes(".")
        .emit_rerun_if_changed(false)
        .compile_fds(compiler.file_descriptor_set())
        .context("generate Rust code")?;
    let mut files = read_files(scratch.path())?;

    // Comments have become documentation; reflection has no use for them.
    compiler.include_source_info(false);
    files.insert(DESCRIPTOR.to_owned(), compiler.encode_file_descriptor_set());
    Ok(files)
}

fn find_protos(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let context = || format!("list {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        if path.is_dir() {
            find_protos(&path, found)?;
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            found.push(path);
        }
    }
    Ok(())
}

/// A folder that does not exist holds no files.
fn read_files(folder: &Path) -> Result<Files> {
    let mut files = Files::new();
    if !folder.exists() {
        return Ok(files);
    }
    let context = || format!("read {}", folder.display());
    for entry in fs::read_dir(folder).with_context(context)? {
        let path = entry.with_context(context)?.path();
        let content = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        files.insert(name.into_owned(), content);
    }
    Ok(files)
}

/// Names of files that are missing in the folder, differ, or should not be there.
fn differences(folder: &Path, wanted: &Files) -> Result<Vec<String>> {
    let present = read_files(folder)?;
    let names: BTreeSet<_> = present.keys().chain(wanted.keys()).collect();
    Ok(names
        .into_iter()
        .filter(|name| present.get(*name) != wanted.get(*name))
        .cloned()
        .collect())
}

/// Touches only what differs, so that nothing is rebuilt for the rest; the names of that.
fn replace(folder: &Path, wanted: &Files) -> Result<Vec<String>> {
    let differing = differences(folder, wanted)?;
    for name in &differing {
        let path = folder.join(name);
        let done = match wanted.get(name) {
            Some(content) => fs::create_dir_all(folder).and_then(|()| fs::write(&path, content)),
            None => fs::remove_file(&path),
        };
        done.with_context(|| format!("write {}", path.display()))?;
    }
    Ok(differing)
}

#[cfg(test)]
mod tests {
    use tempfile::TempDir;

    use super::*;

    const PROTO: &str = r#"
        syntax = "proto3";
        package shop.v1;
        import "google/protobuf/timestamp.proto";
        // Sells things.
        service ShopService { rpc Buy(BuyRequest) returns (BuyResponse); }
        // What is bought.
        message BuyRequest { bytes token = 1; google.protobuf.Timestamp at = 2; }
        message BuyResponse {}
    "#;

    #[test]
    fn the_committed_code_is_what_proto_gives() {
        assert!(check().unwrap());
    }

    #[test]
    fn code_has_client_server_comments_and_shared_bytes() {
        let files = generate(shop(PROTO).path()).unwrap();
        let names: Vec<_> = files.keys().map(String::as_str).collect();
        assert_eq!(names, [DESCRIPTOR, "shop.v1.rs"]);
        let code = String::from_utf8(files["shop.v1.rs"].clone()).unwrap();
        for part in [
            "pub mod shop_service_client",
            "pub mod shop_service_server",
            "/// What is bought.",
            "pub token: ::prost::bytes::Bytes",
            "pub at: ::core::option::Option<::prost_types::Timestamp>",
        ] {
            assert!(code.contains(part), "{part} in\n{code}");
        }
    }

    #[test]
    fn the_descriptor_holds_the_imports_and_no_comments() {
        let files = generate(shop(PROTO).path()).unwrap();
        let descriptor = String::from_utf8_lossy(&files[DESCRIPTOR]);
        assert!(descriptor.contains("shop/v1/shop.proto"));
        assert!(descriptor.contains("google/protobuf/timestamp.proto"));
        assert!(!descriptor.contains("What is bought."));
    }

    #[test]
    fn the_same_files_give_the_same_code() {
        let folder = shop(PROTO);
        let again = generate(folder.path()).unwrap();
        assert_eq!(generate(folder.path()).unwrap(), again);
    }

    #[test]
    fn without_protocol_files_there_is_nothing_to_generate() {
        let folder = TempDir::new().unwrap();
        assert_eq!(generate(folder.path()).unwrap(), Files::new());
        assert_eq!(generate(&folder.path().join("none")).unwrap(), Files::new());
        assert_eq!(
            differences(&folder.path().join("none"), &Files::new()).unwrap(),
            NOTHING
        );
    }

    #[test]
    fn an_error_in_a_protocol_file_names_the_place() {
        let error = generate(shop("syntax = \"proto3\"; message {}").path()).unwrap_err();
        assert!(
            format!("{error:#}").contains("shop/v1/shop.proto:1:"),
            "{error:#}"
        );
    }

    #[test]
    fn every_kind_of_difference_is_found_and_then_mended() {
        let folder = TempDir::new().unwrap();
        let wanted = Files::from([
            ("changed".to_owned(), b"new".to_vec()),
            ("missing".to_owned(), b"new".to_vec()),
            ("same".to_owned(), b"same".to_vec()),
        ]);
        for (name, content) in [("changed", "old"), ("same", "same"), ("surplus", "old")] {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let found = differences(folder.path(), &wanted).unwrap();
        assert_eq!(found, ["changed", "missing", "surplus"]);
        assert_eq!(replace(folder.path(), &wanted).unwrap(), found);
        assert_eq!(read_files(folder.path()).unwrap(), wanted);
        assert_eq!(differences(folder.path(), &wanted).unwrap(), NOTHING);
    }

    const NOTHING: [&str; 0] = [];

    fn shop(proto: &str) -> TempDir {
        let folder = TempDir::new().unwrap();
        fs::create_dir_all(folder.path().join("shop/v1")).unwrap();
        fs::write(folder.path().join("shop/v1/shop.proto"), proto).unwrap();
        folder
    }
}
