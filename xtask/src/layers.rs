//! `cargo xtask layers`: dependencies only point down, and what only one crate may know
//! stands in no other. The rules are in `table.rs`.

mod dependencies;
mod mentions;
mod table;

use anyhow::Result;

use crate::problem::report;
use crate::{source, workspace};

pub(crate) fn run() -> Result<bool> {
    let packages = workspace::packages()?;
    let mut problems = Vec::new();
    for package in &packages {
        problems.extend(dependencies::check(package));
    }
    for source in source::all()? {
        problems.extend(mentions::check(&source));
    }
    Ok(report("layers", problems))
}

#[cfg(test)]
mod tests {
    #[test]
    fn this_project_keeps_its_layers() {
        assert!(super::run().unwrap());
    }
}
