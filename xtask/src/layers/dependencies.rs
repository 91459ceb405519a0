//! What a crate's manifest may name.

use super::table::{self, Crate, Place};
use crate::problem::Problem;
use crate::workspace::{Kind, Package};

pub(super) fn check(package: &Package) -> Vec<Problem> {
    let manifest = format!("{}/Cargo.toml", package.folder());
    let problem = |text: String| Problem::new(&manifest, 1, text);
    let Some(from) = table::find(&package.name) else {
        return vec![problem(format!(
            "`{}` has no layer: add it to CRATES in xtask/src/layers/table.rs \
             and to the table in ARCHITECTURE.md",
            package.name
        ))];
    };
    package
        .dependencies
        .iter()
        .filter_map(|dependency| {
            let own = dependency.name.starts_with("sextant-");
            match table::find(&dependency.name) {
                Some(to) if own => inside(from, to, dependency.kind),
                _ => outside(from, &dependency.name),
            }
        })
        .map(problem)
        .collect()
}

/// Why one of the project's crates may not depend on another of them.
fn inside(from: &Crate, to: &Crate, kind: Kind) -> Option<String> {
    let (name, other) = (from.name, to.name);
    let layer = match from.place {
        Place::Root | Place::Development => return None,
        Place::Tool if to.place == Place::Tool => return None,
        Place::Tool => {
            return Some(format!("`{name}` uses tools alone, not `{other}`"));
        }
        Place::Layer(layer) => layer,
    };
    match to.place {
        Place::Layer(below) if below < layer => None,
        Place::Layer(_) if from.beside.contains(&other) => None,
        Place::Layer(table::STAGES) if layer == table::STAGES => Some(format!(
            "stage `{name}` depends on stage `{other}`: let them meet in a lower layer"
        )),
        Place::Layer(level) => Some(format!(
            "`{name}` of layer {layer} depends on `{other}` of layer {level}: only lower layers"
        )),
        _ if table::TEST_SUPPORT.contains(&other) && kind == Kind::Dev => None,
        _ if table::TEST_SUPPORT.contains(&other) => Some(format!(
            "`{name}` depends on `{other}`: only as a dev-dependency"
        )),
        Place::Root | Place::Development | Place::Tool => {
            Some(format!("`{name}` depends on `{other}`: nothing may"))
        }
    }
}

/// Why one of the project's crates may not use a library.
fn outside(from: &Crate, library: &str) -> Option<String> {
    let reserved = table::RESERVED.iter().find(|(name, _)| *name == library);
    if let Some((_, owners)) = reserved
        && !owners.contains(&from.name)
    {
        let owners = owners.join("` and `");
        return Some(format!(
            "`{}` depends on {library}: only `{owners}` may",
            from.name
        ));
    }
    let waits = table::PURE.contains(&from.name) && table::WAITING.contains(&library);
    waits.then(|| {
        format!(
            "`{}` depends on {library}: it is pure and never waits",
            from.name
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::{self, Dependency};

    #[test]
    fn a_crate_may_depend_on_lower_layers() {
        assert_eq!(
            found("sextant-server", &[("sextant-wire", Kind::Normal)]),
            NOTHING
        );
        assert_eq!(
            found("sextant-wire", &[("sextant-measure", Kind::Build)]),
            NOTHING
        );
    }

    #[test]
    fn a_dependency_that_points_up_is_found() {
        assert_eq!(
            found("sextant-measure", &[("sextant-store", Kind::Normal)]),
            ["`measure` of layer 0 depends on `store` of layer 2: only lower layers"]
        );
    }

    #[test]
    fn a_dependency_within_a_layer_is_found() {
        let problems = found("sextant-catalog", &[("sextant-snapshot", Kind::Normal)]);
        assert_eq!(problems.len(), 1);
    }

    #[test]
    fn the_reporter_may_speak_the_protocol_and_the_protocol_knows_no_reporter() {
        assert_eq!(
            found("sextant-reporter", &[("sextant-wire", Kind::Normal)]),
            NOTHING
        );
        assert_eq!(
            found("sextant-wire", &[("sextant-reporter", Kind::Normal)]).len(),
            1
        );
    }

    #[test]
    fn a_stage_that_depends_on_a_stage_is_found() {
        assert_eq!(
            found("sextant-server", &[("sextant-aggregator", Kind::Normal)]),
            ["stage `server` depends on stage `aggregator`: let them meet in a lower layer"]
        );
    }

    #[test]
    fn tests_may_use_the_testkit_and_lower_layers_and_nothing_else() {
        assert_eq!(
            found("sextant-measure", &[("sextant-testkit", Kind::Dev)]),
            NOTHING
        );
        assert_eq!(
            found("sextant-store", &[("sextant-measure", Kind::Dev)]),
            NOTHING
        );
        assert_eq!(
            found("sextant-store", &[("sextant-testbed", Kind::Dev)]),
            NOTHING
        );
        assert_eq!(
            found("sextant-measure", &[("sextant-testkit", Kind::Normal)]).len(),
            1
        );
        assert_eq!(
            found("sextant-server", &[("sextant-collector", Kind::Dev)]).len(),
            1
        );
    }

    #[test]
    fn only_the_root_and_development_may_use_all() {
        for package in ["sextant-cli", "sextant-testkit", "sextant-tests"] {
            assert_eq!(found(package, &[("sextant-server", Kind::Normal)]), NOTHING);
        }
        assert_eq!(
            found("xtask", &[("sextant-testbed", Kind::Normal)]),
            NOTHING
        );
        assert_eq!(
            found("xtask", &[("sextant-measure", Kind::Normal)]).len(),
            1
        );
        assert_eq!(
            found("sextant-server", &[("sextant-cli", Kind::Normal)]).len(),
            1
        );
    }

    #[test]
    fn a_crate_without_a_layer_is_told_where_to_get_one() {
        let problems = found("sextant-novelty", &[]);
        assert_eq!(problems.len(), 1);
        assert!(problems[0].contains("CRATES in xtask/src/layers/table.rs"));
    }

    #[test]
    fn a_reserved_library_is_found_outside_its_crates() {
        assert_eq!(
            found("sextant-store", &[("rusqlite", Kind::Normal)]),
            NOTHING
        );
        assert_eq!(
            found("sextant-server", &[("rusqlite", Kind::Dev)]),
            ["`server` depends on rusqlite: only `agent` and `eventlog` and `store` may"]
        );
        assert_eq!(
            found("sextant-collector", &[("prost", Kind::Normal)]).len(),
            1
        );
    }

    #[test]
    fn a_pure_crate_does_not_wait() {
        assert_eq!(found("sextant-store", &[("tokio", Kind::Normal)]), NOTHING);
        assert_eq!(
            found("sextant-measure", &[("tokio", Kind::Normal)]),
            ["`measure` depends on tokio: it is pure and never waits"]
        );
    }

    const NOTHING: [&str; 0] = [];

    fn found(package: &str, dependencies: &[(&str, Kind)]) -> Vec<String> {
        let package = Package {
            name: package.to_owned(),
            manifest_path: workspace::root().join("crates/any/Cargo.toml"),
            dependencies: dependencies
                .iter()
                .map(|&(name, kind)| Dependency {
                    name: name.to_owned(),
                    kind,
                })
                .collect(),
        };
        check(&package)
            .into_iter()
            .map(|problem| problem.text)
            .collect()
    }
}
