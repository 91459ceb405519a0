//! `cargo xtask tidy`: sizes, whitespace, markers, names and what documents point to. There is no
//! list of exceptions.

use anyhow::Result;
use proc_macro2::TokenStream;

use crate::documents;
use crate::problem::{Problem, report};
use crate::source::{self, Source};
use crate::tokens;
use crate::workspace::{self, Package};

const FILE_LINES_MAX: usize = 400;
const FUNCTION_LINES_MAX: usize = 70;

/// Words that put work off. Spelt in halves, so that this file passes too.
const MARKERS: [&str; 3] = [
    concat!("TO", "DO"),
    concat!("FIX", "ME"),
    concat!("XX", "X"),
];

/// Names that say nothing of what is inside, so that everything ends up there.
const EMPTY_NAMES: [&str; 9] = [
    "common", "core", "helper", "helpers", "misc", "shared", "types", "util", "utils",
];

pub(crate) fn run() -> Result<bool> {
    let mut problems: Vec<_> = source::all()?.iter().flat_map(check_source).collect();
    problems.extend(workspace::packages()?.iter().filter_map(check_package));
    for document in source::documents()? {
        problems.extend(documents::check(&document, workspace::root()));
    }
    Ok(report("tidy", problems))
}

fn check_source(source: &Source) -> Vec<Problem> {
    let mut problems = check_lines(source);
    match source.text.parse::<TokenStream>() {
        Ok(code) => {
            problems.extend(check_functions(&source.path, &code));
            problems.extend(check_modules(&source.path, &code));
        }
        Err(error) => {
            let line = error.span().start().line;
            problems.push(Problem::new(&source.path, line, "isn't Rust"));
        }
    }
    problems
}

fn check_lines(source: &Source) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut problem = |line, text: String| problems.push(Problem::new(&source.path, line, text));
    let count = source.text.lines().count();
    if count > FILE_LINES_MAX {
        let text = format!("file of {count} lines, at most {FILE_LINES_MAX}: split it by meaning");
        problem(FILE_LINES_MAX + 1, text);
    }
    // Not `lines()`, which would hide a carriage return.
    for (text, line) in source.text.split('\n').zip(1..) {
        if text.ends_with(char::is_whitespace) {
            problem(line, "whitespace at the end of the line".to_owned());
        }
        if text.contains('\t') {
            problem(line, "a tab: use spaces".to_owned());
        }
        if let Some(marker) = marker(text) {
            problem(
                line,
                format!("{marker}: finish it, or write down elsewhere what is left"),
            );
        }
    }
    problems
}

fn marker(line: &str) -> Option<&str> {
    line.split(|character: char| !character.is_alphanumeric())
        .find(|word| MARKERS.contains(word))
}

fn check_functions<'a>(path: &'a str, code: &TokenStream) -> impl Iterator<Item = Problem> + 'a {
    tokens::functions(code)
        .into_iter()
        .filter(|function| function.lines > FUNCTION_LINES_MAX)
        .map(|function| {
            let text = format!(
                "function `{}` of {} lines, at most {FUNCTION_LINES_MAX}",
                function.name, function.lines
            );
            Problem::new(path, function.line, text)
        })
}

fn check_modules<'a>(path: &'a str, code: &TokenStream) -> impl Iterator<Item = Problem> + 'a {
    tokens::words(code)
        .into_iter()
        .filter(|word| word.is_module && EMPTY_NAMES.contains(&word.text.as_str()))
        .map(|word| {
            let text = format!("module `{}`: name it by what is inside", word.text);
            Problem::new(path, word.line, text)
        })
}

/// A crate's folder is a bare noun, and its package is called after it.
fn check_package(package: &Package) -> Option<Problem> {
    let folder = package.folder();
    let noun = folder.strip_prefix("crates/")?;
    let text = if EMPTY_NAMES.contains(&noun) {
        format!("crate `{noun}`: name it by what is inside")
    } else if !noun.chars().all(|character| character.is_ascii_lowercase()) {
        format!("folder `{noun}`: a crate's folder is one lower-case noun")
    } else if package.name != format!("sextant-{noun}") {
        format!(
            "package `{}`: call it `sextant-{noun}` after its folder",
            package.name
        )
    } else {
        return None;
    };
    Some(Problem::new(&format!("{folder}/Cargo.toml"), 1, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_project_is_tidy() {
        assert!(run().unwrap());
    }

    #[test]
    fn a_plain_file_has_no_problem() {
        assert_eq!(found("//! A file.\n\nfn a() {}\n"), NOTHING);
    }

    #[test]
    fn a_function_may_have_seventy_lines_and_no_more() {
        assert_eq!(found(&function_of(70)), NOTHING);
        assert_eq!(
            found(&function_of(71)),
            [(1, "function `long` of 71 lines, at most 70".to_owned())]
        );
    }

    #[test]
    fn a_file_may_have_four_hundred_lines_and_no_more() {
        assert_eq!(found(&"//\n".repeat(400)), NOTHING);
        let problems = found(&"//\n".repeat(401));
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].0, 401);
    }

    #[test]
    fn trailing_whitespace_is_found_of_every_kind() {
        let lines: Vec<_> = found("// a \n//\r\n// b\u{a0}\n// c\n")
            .into_iter()
            .map(|problem| problem.0)
            .collect();
        assert_eq!(lines, [1, 2, 3]);
    }

    #[test]
    fn a_tab_is_found() {
        assert_eq!(found("//\ta\n"), [(1, "a tab: use spaces".to_owned())]);
    }

    #[test]
    fn a_marker_is_found_as_a_word_and_only_so() {
        for marker in MARKERS {
            assert_eq!(found(&format!("// {marker}: later\n")).len(), 1, "{marker}");
            assert_eq!(found(&format!("// {marker}s and X{marker}\n")), NOTHING);
        }
    }

    #[test]
    fn a_module_with_an_empty_name_is_found() {
        for name in EMPTY_NAMES {
            assert_eq!(found(&format!("//\nmod {name};\n"))[0].0, 2, "{name}");
        }
        assert_eq!(found("mod corel;\nuse core::fmt;\n"), NOTHING);
    }

    #[test]
    fn what_is_not_rust_is_said_so() {
        assert_eq!(found("fn a() {\n"), [(1, "isn't Rust".to_owned())]);
    }

    #[test]
    fn a_crate_is_a_bare_noun_with_the_projects_prefix() {
        assert_eq!(package_problem("crates/store", "sextant-store"), None);
        assert_eq!(package_problem("xtask", "xtask"), None);
        for (folder, name) in [
            ("crates/store", "store"),
            ("crates/event-log", "sextant-event-log"),
            ("crates/sextant-store", "sextant-sextant-store"),
            ("crates/common", "sextant-common"),
        ] {
            assert!(package_problem(folder, name).is_some(), "{folder}");
        }
    }

    const NOTHING: [(usize, String); 0] = [];

    fn found(text: &str) -> Vec<(usize, String)> {
        let source = Source {
            path: "a.rs".to_owned(),
            text: text.to_owned(),
        };
        check_source(&source)
            .into_iter()
            .map(|problem| (problem.line, problem.text))
            .collect()
    }

    fn function_of(lines: usize) -> String {
        format!("fn long() {{\n{}}}\n", "    a();\n".repeat(lines - 2))
    }

    fn package_problem(folder: &str, name: &str) -> Option<Problem> {
        check_package(&Package {
            name: name.to_owned(),
            manifest_path: workspace::root().join(folder).join("Cargo.toml"),
            dependencies: Vec::new(),
        })
    }
}
