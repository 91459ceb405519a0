//! What documents point to, as part of `cargo xtask tidy`: files that aren't there mislead.

use std::path::Path;

use crate::problem::Problem;
use crate::source::Source;

/// How a path in code spans begins, if it is one of this project.
const FOLDERS: [&str; 6] = ["crates/", "deploy/", "docs/", "proto/", "tests/", "xtask/"];

/// Paths in code spans and relative links that lead to nothing.
pub(crate) fn check(document: &Source, root: &Path) -> Vec<Problem> {
    let folder = Path::new(&document.path).parent().unwrap_or(Path::new(""));
    let mut problems = Vec::new();
    let mut is_code = false;
    for (text, line) in document.text.lines().zip(1..) {
        if text.trim_start().starts_with("```") {
            is_code = !is_code;
        }
        if is_code {
            continue;
        }
        let paths = spans(text).filter(|path| !root.join(path).exists());
        let links = links(text).filter(|link| !root.join(folder).join(link).exists());
        let missing = paths
            .chain(links)
            .map(|path| format!("`{path}` does not exist"));
        problems.extend(missing.map(|text| Problem::new(&document.path, line, text)));
    }
    problems
}

/// Code spans that are a path from the root, without what stands for several.
fn spans(line: &str) -> impl Iterator<Item = &str> {
    let spans = line.split('`').skip(1).step_by(2);
    spans.filter(|span| {
        let is_ours = FOLDERS.iter().any(|folder| span.starts_with(folder));
        is_ours && !span.contains(['{', '<', '*', ' '])
    })
}

/// Targets of links that don't leave the project, without the place in the file.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1).filter_map(|rest| {
        let target = rest.split(')').next()?;
        target.split('#').next()
    });
    targets.filter(|target| !target.is_empty() && !target.contains(':'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_leads_to_nothing_is_found() {
        let text = "\
see `crates/none/src/lib.rs` and `xtask/src/documents.rs`, `crates/<noun>` and `crates/{a,b}`\n\
[a](../none.md), [b](https://example.org/none), [c](#here), [d](./ONE.md#there)\n\
```\n`crates/none`\n```\n";
        let document = Source {
            path: "docs/a.md".to_owned(),
            text: text.to_owned(),
        };
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let found: Vec<_> = check(&document, root)
            .into_iter()
            .map(|problem| (problem.line, problem.text))
            .collect();
        let missing = |line, path: &str| (line, format!("`{path}` does not exist"));
        assert_eq!(
            found,
            [
                missing(1, "crates/none/src/lib.rs"),
                missing(2, "../none.md"),
                missing(2, "./ONE.md"),
            ]
        );
    }
}
