//! Holds dashboards against what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use serde_json::{Value, json};
use sextant_testbed::prometheus::Program;
use sextant_tests::fleet::Fleet;
use sextant_tests::promql::Named;

use crate::prometheus::{known_metrics, said, shipped, tool, unknown_names, yaml};

pub(super) const PROMETHEUS: &str = "prometheus";
pub(super) const CLICKHOUSE: &str = "grafana-clickhouse-datasource";

/// A dashboard and the name of its file.
pub(super) type Board = (String, Value);

pub(super) fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    value[name].as_array().map_or(&[], Vec::as_slice)
}

pub(super) fn text<'v>(value: &'v Value, name: &str) -> &'v str {
    value[name].as_str().unwrap_or_default()
}

/// What dashboards are held against.
pub(super) struct Lint {
    metrics: BTreeMap<String, BTreeSet<String>>,
    /// Types of data sources, by their uids.
    sources: BTreeMap<String, String>,
    fleet: Fleet,
}

impl Lint {
    pub(super) fn new() -> Self {
        let provisioned = yaml(&shipped("grafana/provisioning/datasources/sextant.yml"));
        let sources = list(&provisioned, "datasources").iter().map(|source| {
            (
                text(source, "uid").to_owned(),
                text(source, "type").to_owned(),
            )
        });
        Self {
            metrics: known_metrics(),
            sources: sources.collect(),
            fleet: Fleet::new(1),
        }
    }

    /// What is wrong, each with its file and panel.
    pub(super) fn problems(&self, boards: &[Board]) -> Vec<String> {
        let mut problems = Vec::new();
        let mut uids = BTreeSet::new();
        for (file, board) in boards {
            let uid = text(board, "uid");
            if uid != format!("sextant-{}", file.trim_end_matches(".json")) || !uids.insert(uid) {
                problems.push(format!("{file}: its uid is {uid}"));
            }
            let mut told = self.variables(board);
            let declared = list(&board["templating"], "list");
            let declared: BTreeSet<_> = declared
                .iter()
                .map(|variable| text(variable, "name"))
                .collect();
            for panel in list(board, "panels") {
                let title = text(panel, "title");
                let found = self.panel(panel, &declared);
                told.extend(
                    found
                        .into_iter()
                        .map(|problem| format!("{title}: {problem}")),
                );
            }
            problems.extend(told.into_iter().map(|problem| format!("{file}: {problem}")));
        }
        problems.extend(unparsable(boards));
        problems
    }

    /// Of the lists from which variables are chosen.
    fn variables(&self, board: &Value) -> Vec<String> {
        let mut problems = Vec::new();
        for variable in list(&board["templating"], "list") {
            let (name, query) = (text(variable, "name"), text(&variable["query"], "query"));
            let asked = query
                .strip_prefix("label_values(")
                .and_then(|rest| rest.strip_suffix(')'));
            let Some((metric, label)) = asked.and_then(|asked| asked.rsplit_once(',')) else {
                problems.push(format!("{name}: {query} asks for no values of a label"));
                continue;
            };
            let expression = format!("sum by ({}) ({metric})", label.trim());
            let unknown = unknown_names(&replaced(&expression), &self.metrics);
            problems.extend(
                unknown
                    .into_iter()
                    .map(|problem| format!("{name}: {problem}")),
            );
        }
        problems
    }

    fn panel(&self, panel: &Value, declared: &BTreeSet<&str>) -> Vec<String> {
        let mut problems = Vec::new();
        if text(panel, "title").is_empty() {
            problems.push("no title".to_owned());
        }
        if text(panel, "type") == "row" {
            return problems;
        }
        let defaults = &panel["fieldConfig"]["defaults"];
        for (part, is_there) in [
            ("description", text(panel, "description").len() > 10),
            ("unit", !text(defaults, "unit").is_empty()),
            ("query", !list(panel, "targets").is_empty()),
        ] {
            if !is_there {
                problems.push(format!("no {part}"));
            }
        }
        let joined = &defaults["custom"]["spanNulls"];
        if text(defaults, "noValue") != "—" || !(joined.is_null() || *joined == json!(false)) {
            problems.push("what is absent is not shown as absent".to_owned());
        }
        let source = &panel["datasource"];
        let kind = self.sources.get(text(source, "uid"));
        if kind.is_none_or(|kind| kind != text(source, "type")) {
            problems.push(format!("no data source {source}"));
        }
        let mut fields = BTreeSet::new();
        for target in list(panel, "targets") {
            if target["datasource"] != *source {
                problems.push("a query has another data source".to_owned());
            }
            let asked = [text(target, "expr"), text(target, "rawSql")].concat();
            let used = used(&asked);
            let others = used.iter().filter(|name| !declared.contains(name.as_str()));
            problems.extend(others.map(|name| format!("no variable {name}")));
            if text(source, "type") == PROMETHEUS {
                problems.extend(self.expression(target));
            } else {
                problems.extend(self.sql(target, &mut fields));
            }
        }
        problems.extend(self.named_fields(panel, fields));
        problems
    }

    /// Of an expression's metrics and labels, and of the labels in its legend.
    fn expression(&self, target: &Value) -> Vec<String> {
        let expression = replaced(text(target, "expr"));
        let mut problems = unknown_names(&expression, &self.metrics);
        let labels = self.labels(&expression);
        let legend = text(target, "legendFormat").split("{{").skip(1);
        let legend = legend.filter_map(|rest| rest.split_once("}}"));
        let others = legend.filter(|(label, _)| !labels.contains(*label));
        problems.extend(
            others.map(|(label, _)| format!("nothing has the label {label} of the legend")),
        );
        problems
    }

    fn labels(&self, expression: &str) -> BTreeSet<String> {
        let named = Named::in_expression(expression);
        let metrics = named.metrics.iter();
        let labels = metrics.filter_map(|(metric, _)| self.metrics.get(metric));
        labels.flatten().cloned().collect()
    }

    /// Runs a query; gives what ClickHouse has against it.
    fn sql(&self, target: &Value, fields: &mut BTreeSet<String>) -> Option<String> {
        let sql = format!(
            "{} FORMAT TSVWithNamesAndTypes",
            substituted(text(target, "rawSql"))
        );
        let url = format!("{}/?database={}", self.fleet.clickhouse, self.fleet.prefix);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .build()
            .into();
        let mut answer = agent.post(&url).send(sql.as_bytes()).unwrap();
        let body = answer.body_mut().read_to_string().unwrap();
        if answer.status() != 200 {
            return Some(body.lines().next().unwrap_or_default().to_owned());
        }
        let mut lines = body
            .lines()
            .map(|line| line.split('\t').collect::<Vec<_>>());
        let (names, types) = (lines.next().unwrap(), lines.next().unwrap());
        fields.extend(names.iter().map(|&name| name.to_owned()));
        let is_timed = names[0] == "time" && types[0].starts_with("DateTime");
        let asks_for_series = text(target, "queryType") == "timeseries";
        (asks_for_series && !is_timed).then(|| "a series begins with its time".to_owned())
    }

    /// Of fields that are renamed or overridden.
    fn named_fields(&self, panel: &Value, mut fields: BTreeSet<String>) -> Vec<String> {
        let mut problems = Vec::new();
        let mut labels = BTreeSet::from(["Time", "__name__"].map(str::to_owned));
        for target in list(panel, "targets") {
            labels.extend(self.labels(&replaced(text(target, "expr"))));
            labels.insert(format!("Value #{}", text(target, "refId")));
        }
        for transformation in list(panel, "transformations") {
            for part in ["renameByName", "excludeByName", "indexByName"] {
                let named = transformation["options"][part].as_object();
                for (name, renamed) in named.into_iter().flatten() {
                    if !labels.contains(name) {
                        problems.push(format!("no field {name} for {part}"));
                    }
                    fields.extend(renamed.as_str().map(str::to_owned));
                }
            }
        }
        // Of a series the name is its legend's.
        let overrides = list(&panel["fieldConfig"], "overrides").iter();
        let overridden = overrides.map(|each| text(&each["matcher"], "options"));
        let others =
            overridden.filter(|name| text(panel, "type") == "table" && !fields.contains(*name));
        problems.extend(others.map(|name| format!("no field {name} to override")));
        problems
    }
}

/// What promtool can't parse: all expressions as rules, each in a group with the name of its panel.
fn unparsable(boards: &[Board]) -> Vec<String> {
    let mut groups = Vec::new();
    for (file, board) in boards {
        for panel in list(board, "panels") {
            let asked = list(panel, "targets")
                .iter()
                .map(|target| text(target, "expr"));
            for expression in asked.filter(|expression| !expression.is_empty()) {
                let number = groups.len();
                groups.push(json!({
                    "name": format!("{file}: {}: {number}", text(panel, "title")),
                    "rules": [{"record": format!("panel:{number}"), "expr": replaced(expression)}],
                }));
            }
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let rules = folder.path().join("rules.json");
    fs::write(&rules, json!({ "groups": groups }).to_string()).unwrap();
    let told = said(tool(Program::Promtool).args(["check", "rules"]).arg(&rules));
    let told = told.err().unwrap_or_default();
    let lines = told.lines().filter(|line| line.contains("group"));
    lines.map(str::to_owned).collect()
}

/// Names of variables that a query uses, but for Grafana's own.
fn used(query: &str) -> BTreeSet<String> {
    let rest = query.split('$').skip(1);
    let names = rest.map(|rest| rest.trim_start_matches('{'));
    let names = names.map(|rest| {
        rest.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .next()
    });
    let names = names.flatten().filter(|name| !name.starts_with("__"));
    names.map(str::to_owned).collect()
}

/// An expression with something in its variables' places.
fn replaced(expression: &str) -> String {
    let mut text = expression.replace("$__rate_interval", "5m");
    for name in used(expression) {
        text = text.replace(&format!("\"${name}\""), "\"x\"");
    }
    text
}

/// A query as Grafana would send it for the last hour.
fn substituted(sql: &str) -> String {
    const FROM: &str = "toDateTime(toUnixTimestamp(now()) - 3600)";
    const TO: &str = "toDateTime(toUnixTimestamp(now()))";
    let mut text = sql.replace("$__fromTime", FROM).replace("$__toTime", TO);
    for name in used(sql) {
        text = text.replace(&format!("${{{name}:singlequote}}"), "'global'");
    }
    while let Some((before, rest)) = text.split_once("$__timeFilter(") {
        let (column, after) = rest.split_once(')').unwrap();
        text = format!("{before}({column} >= {FROM} AND {column} <= {TO}){after}");
    }
    text
}
