//! Dashboards ask for what there is: each metric, label, view, column and variable that they name.

mod lint;

use std::fs;

use serde_json::{Value, json};

use self::lint::{Board, CLICKHOUSE, Lint, PROMETHEUS, list, text};
use crate::prometheus::shipped;

fn boards() -> Vec<Board> {
    let entries = fs::read_dir(shipped("grafana/dashboards")).unwrap();
    let mut boards: Vec<_> = entries
        .map(|entry| {
            let path = entry.unwrap().path();
            let file = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = fs::read_to_string(&path).unwrap();
            let board = serde_json::from_str(&text);
            (
                file,
                board.unwrap_or_else(|error| panic!("{}: {error}", path.display())),
            )
        })
        .collect();
    boards.sort_by(|(a, _), (b, _)| a.cmp(b));
    boards
}

#[test]
fn everything_that_dashboards_ask_for_exists() {
    let boards = boards();
    let names: Vec<_> = boards.iter().map(|(file, _)| file.as_str()).collect();
    assert_eq!(
        names,
        [
            "fleet.json",
            "model.json",
            "operations.json",
            "provider.json"
        ]
    );
    let problems = Lint::new().problems(&boards);
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

/// Changes a dashboard.
type Mistake = fn(&mut Value);

#[test]
fn each_kind_of_mistake_is_named_with_its_file_and_panel() {
    let lint = Lint::new();
    let prometheus = |board: &Value| of_kind(board, PROMETHEUS, "timeseries");
    let first = prometheus(&boards()[0].1);
    let title = text(&boards()[0].1["panels"][first], "title").to_owned();
    let mistakes: [(Mistake, &str); 12] = [
        (|p| p["description"] = json!(""), "no description"),
        (
            |p| p["fieldConfig"]["defaults"]["unit"] = json!(""),
            "no unit",
        ),
        (|p| p["targets"] = json!([]), "no query"),
        (
            |p| p["fieldConfig"]["defaults"]["noValue"] = json!("0"),
            "absent",
        ),
        (
            |p| p["fieldConfig"]["defaults"]["custom"]["spanNulls"] = json!(true),
            "absent",
        ),
        (
            |p| p["datasource"]["uid"] = json!("elsewhere"),
            "no data source",
        ),
        (
            |p| p["targets"][0]["datasource"]["uid"] = json!("elsewhere"),
            "another data source",
        ),
        (
            |p| p["targets"][0]["expr"] = json!("sextant_gone"),
            "no metric sextant_gone",
        ),
        (
            |p| p["targets"][0]["expr"] = json!("up{gone=\"1\"}"),
            "up has no label gone",
        ),
        (
            |p| p["targets"][0]["expr"] = json!("up{job=\"$gone\"}"),
            "no variable gone",
        ),
        (
            |p| p["targets"][0]["legendFormat"] = json!("{{gone}}"),
            "the label gone",
        ),
        (|p| p["targets"][0]["expr"] = json!("sum(up"), "parse"),
    ];
    for (mistake, expected) in mistakes {
        let mut boards = boards();
        mistake(&mut boards[0].1["panels"][first]);
        assert_named(&lint.problems(&boards), &["fleet.json", &title, expected]);
    }
}

#[test]
fn a_column_that_is_gone_is_named_with_its_file_and_panel() {
    let lint = Lint::new();
    let at = of_kind(&boards()[0].1, CLICKHOUSE, "table");
    let title = text(&boards()[0].1["panels"][at], "title").to_owned();
    let mut broken = boards();
    let target = &mut broken[0].1["panels"][at]["targets"][0];
    let sql = text(target, "rawSql").replace("uptime_30m_n", "uptime_30m_gone");
    target["rawSql"] = json!(sql);
    let problems = lint.problems(&broken);
    assert_named(&problems, &["fleet.json", &title, "uptime_30m_gone"]);
    let mut broken = boards();
    broken[0].1["panels"][at]["fieldConfig"]["overrides"][0]["matcher"]["options"] = json!("gone");
    assert_named(
        &lint.problems(&broken),
        &["fleet.json", &title, "no field gone"],
    );
    let mut broken = boards();
    broken[1].1["uid"] = broken[0].1["uid"].clone();
    assert_named(&lint.problems(&broken), &["model.json", "uid"]);
    let mut broken = boards();
    broken[0].1["templating"]["list"][0]["query"]["query"] = json!("label_values(up, gone)");
    assert_named(&lint.problems(&broken), &["fleet.json", "region", "gone"]);
}

/// Where the first panel of a type stands that asks such a source.
fn of_kind(board: &Value, source: &str, kind: &str) -> usize {
    let is_it =
        |panel: &Value| text(panel, "type") == kind && text(&panel["datasource"], "type") == source;
    list(board, "panels").iter().position(is_it).unwrap()
}

fn assert_named(problems: &[String], parts: &[&str]) {
    let is_it = |problem: &String| parts.iter().all(|part| problem.contains(part));
    assert!(
        problems.iter().any(is_it),
        "{parts:?} is not in {problems:#?}"
    );
}
