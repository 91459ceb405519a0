//! What a crate's code may name.

use proc_macro2::TokenStream;

use super::table;
use crate::problem::Problem;
use crate::source::Source;
use crate::tokens::{self, Word};

const PRINTING: [&str; 4] = ["eprint", "eprintln", "print", "println"];
const ENVIRONMENT: [&str; 4] = ["var", "var_os", "vars", "vars_os"];

pub(super) fn check(source: &Source) -> Vec<Problem> {
    // What does not parse is for `tidy` and the compiler to tell.
    let Ok(code) = source.text.parse::<TokenStream>() else {
        return Vec::new();
    };
    let mut problems = Vec::new();
    for word in tokens::words(&code) {
        if let Some(text) = out_of_place(&source.path, &word) {
            problems.push(Problem::new(&source.path, word.line, text));
        }
    }
    if is_library(&source.path) {
        for word in tokens::words(&tokens::without_tests(&code)) {
            if let Some(text) = for_processes(&word) {
                problems.push(Problem::new(&source.path, word.line, text));
            }
        }
    }
    problems
}

/// Why the word may not stand in this file.
fn out_of_place(path: &str, word: &Word) -> Option<String> {
    let (_, places) = table::PLACES.iter().find(|(name, _)| *name == word.text)?;
    let mine = places.iter().any(|place| path.starts_with(place));
    (!mine).then(|| format!("names `{}`: only {} may", word.text, places.join(", ")))
}

/// Code that runs inside others' processes: a crate's own sources, not its tests.
fn is_library(path: &str) -> bool {
    let processes = table::PROCESSES
        .iter()
        .any(|folder| path.starts_with(folder));
    let test_module = path.ends_with("/tests.rs") || path.contains("/src/tests/");
    path.contains("/src/") && !processes && !test_module && !path.contains("/tests/")
}

/// Why no library may use the word.
fn for_processes(word: &Word) -> Option<String> {
    let is_one_of = |words: &[&str]| words.contains(&word.text.as_str());
    let parent = word.parent.as_deref();
    if word.is_macro && is_one_of(&PRINTING) {
        Some(format!("`{}!`: only `cli` prints", word.text))
    } else if parent == Some("env") && is_one_of(&ENVIRONMENT) {
        Some("only `cli` reads the environment: take the value as an argument".to_owned())
    } else if parent == Some("process") && is_one_of(&["exit"]) {
        Some("only `cli` ends the process: return an error".to_owned())
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn protobuf_is_named_only_by_what_reads_it() {
        let text = "//! prost apart.\nuse prost::Message;\n";
        assert_eq!(found("crates/wire/src/batch.rs", text), NOTHING);
        assert_eq!(
            found("crates/collector/src/admit.rs", text),
            [(
                2,
                "names `prost`: only crates/otlp/, crates/wire/ may".to_owned()
            )]
        );
    }

    #[test]
    fn sqlite_is_named_only_by_the_modules_for_it() {
        let text = "use rusqlite::Connection;\n";
        assert_eq!(found("crates/store/src/sqlite.rs", text), NOTHING);
        assert_eq!(found("crates/store/src/sqlite/minutes.rs", text), NOTHING);
        assert_eq!(found("crates/store/src/error.rs", text).len(), 1);
    }

    #[test]
    fn clickhouse_is_named_only_by_the_module_for_it_and_by_the_root() {
        let text = "use clickhouse::Client;\n";
        assert_eq!(found("crates/store/src/clickhouse/write.rs", text), NOTHING);
        assert_eq!(found("crates/store/src/error.rs", text).len(), 1);
        let text = "use sextant_store::clickhouse::ClickHouseStore;\n";
        assert_eq!(found("crates/cli/src/process/mod.rs", text), NOTHING);
        assert_eq!(found("crates/server/src/history.rs", text).len(), 1);
    }

    #[test]
    fn a_library_that_prints_reads_the_environment_or_exits_is_found() {
        let text =
            "fn a() {\n println!(\"\");\n std::env::var(\"A\");\n std::process::exit(1);\n}\n";
        let lines: Vec<_> = found("crates/store/src/lib.rs", text)
            .into_iter()
            .map(|problem| problem.0)
            .collect();
        assert_eq!(lines, [2, 3, 4]);
    }

    #[test]
    fn the_binary_and_all_tests_may_do_that() {
        let text = "fn a() { println!(\"\"); std::env::var(\"A\"); std::process::exit(1) }\n";
        for path in [
            "crates/cli/src/main.rs",
            "crates/testkit/src/kafka.rs",
            "crates/store/tests/it/main.rs",
            "crates/store/benches/insert.rs",
            "crates/store/src/minutes/tests.rs",
            "xtask/src/main.rs",
        ] {
            assert_eq!(found(path, text), NOTHING, "{path}");
        }
        let inside = format!("#[cfg(test)]\nmod tests {{ {text} }}\n");
        assert_eq!(found("crates/store/src/lib.rs", &inside), NOTHING);
    }

    #[test]
    fn similar_words_are_left_alone() {
        let text = "fn a() { env!(\"A\"); value.var(); exit(); writeln!(f); }\n";
        assert_eq!(found("crates/store/src/lib.rs", text), NOTHING);
    }

    const NOTHING: [(usize, String); 0] = [];

    fn found(path: &str, text: &str) -> Vec<(usize, String)> {
        let source = Source {
            path: path.to_owned(),
            text: text.to_owned(),
        };
        check(&source)
            .into_iter()
            .map(|problem| (problem.line, problem.text))
            .collect()
    }
}
