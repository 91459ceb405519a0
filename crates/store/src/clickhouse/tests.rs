//! The statements for a cluster. Its engines need Keeper, which the engine for tests lacks, so they
//! are read by people and parsed by ClickHouse, and not run.

use clickhouse::Client;
use sextant_testbed::run;

use super::config::ClickHouseConfig;
use super::config::tests::config;
use super::migration::{self, Dialect};
use crate::Retention;

fn on_cluster() -> Dialect {
    let config = ClickHouseConfig {
        cluster: Some("main".to_owned()),
        ..config()
    };
    Dialect::of(&config, Retention::default())
}

/// What a cluster changes: all but columns, comments and the bodies of views.
fn outline(statement: &str) -> String {
    let kept = |line: &&str| {
        let words = [
            "CREATE",
            "TO ",
            "ENGINE",
            "'main'",
            "cityHash64",
            "PARTITION",
            "TTL",
            "ALTER",
        ];
        words.iter().any(|word| line.trim_start().starts_with(word))
    };
    statement
        .lines()
        .filter(kept)
        .collect::<Vec<_>>()
        .join("\n")
}

#[test]
fn a_cluster_has_replicated_tables_with_distributed_ones_over_them() {
    let dialect = on_cluster();
    let scripts = migration::scripts().flat_map(|script| dialect.statements(script));
    let upkeep = [
        dialect.create_database(),
        dialect.drop_day("step_rows", "2026-11-22"),
    ];
    let all = scripts.chain(dialect.set_ttl()).chain(upkeep);
    let outlines: Vec<_> = all.map(|statement| outline(&statement)).collect();
    insta::assert_snapshot!("cluster", outlines.join("\n\n"));
}

#[tokio::test]
async fn clickhouse_parses_all_statements() {
    let client = Client::default().with_url(run::clickhouse());
    let single = Dialect::of(&config(), Retention::default());
    for dialect in [single, on_cluster()] {
        let scripts = migration::scripts().flat_map(|script| dialect.statements(script));
        let upkeep = [
            dialect.create_database(),
            dialect.drop_day("step_rows", "2026-11-22"),
        ];
        for statement in scripts.chain(dialect.set_ttl()).chain(upkeep) {
            assert!(!statement.contains('@'), "{statement}");
            let format = client.query("SELECT formatQuery({statement:String})");
            let formatted = format.param("statement", &statement).fetch_one::<String>();
            let formatted = formatted.await.unwrap();
            let first_word = statement
                .lines()
                .find(|line| !line.starts_with("--"))
                .and_then(|line| line.split(' ').next());
            assert!(formatted.starts_with(first_word.unwrap()), "{formatted}");
        }
    }
}
