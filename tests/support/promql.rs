//! Which metrics and labels an expression of `PromQL` names. Whether it is one, promtool says.

use std::collections::BTreeSet;

/// What an expression names.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Named {
    /// Each metric with the labels that it is selected by.
    pub metrics: Vec<(String, BTreeSet<String>)>,
    /// What it groups by or matches on.
    pub grouped: BTreeSet<String>,
}

const KEYWORDS: [&str; 9] = [
    "and", "or", "unless", "bool", "offset", "start", "end", "inf", "nan",
];
const LISTS: [&str; 6] = [
    "by",
    "without",
    "on",
    "ignoring",
    "group_left",
    "group_right",
];

impl Named {
    /// In an expression without a dashboard's variables.
    pub fn in_expression(text: &str) -> Self {
        let mut named = Self::default();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            if first == '"' {
                rest = after_string(rest);
            } else if first.is_ascii_digit() || first == '[' {
                // Numbers, durations and ranges.
                rest = skip(rest, |c| c.is_ascii_alphanumeric() || "[:._".contains(c));
            } else if is_name(first) {
                let (name, after) = split(rest, is_name);
                rest = after;
                let (next, _) = split(rest.trim_start(), is_name);
                // An aggregation may say what it groups by before its parentheses.
                let is_called = rest.trim_start().starts_with('(') || LISTS.contains(&next);
                if LISTS.contains(&name) {
                    let (labels, after) = list(rest);
                    named.grouped.extend(labels);
                    rest = after;
                } else if !is_called && !KEYWORDS.contains(&name.to_lowercase().as_str()) {
                    let (labels, after) = matchers(rest);
                    named.metrics.push((name.to_owned(), labels));
                    rest = after;
                }
            } else {
                rest = &rest[first.len_utf8()..];
            }
        }
        named
    }
}

fn is_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_' || c == ':'
}

fn split(text: &str, is_in: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(|c| !is_in(c)).unwrap_or(text.len()))
}

fn skip(text: &str, is_in: impl Fn(char) -> bool) -> &str {
    split(text, is_in).1
}

/// What follows a text in quotes.
fn after_string(text: &str) -> &str {
    let mut escaped = true;
    let end = text.find(|c| {
        let ends = c == '"' && !escaped;
        escaped = c == '\\' && !escaped;
        ends
    });
    text.get(end.unwrap_or(text.len()) + 1..)
        .unwrap_or_default()
}

/// The names in the parentheses that may follow.
fn list(text: &str) -> (BTreeSet<String>, &str) {
    let Some(inside) = text.trim_start().strip_prefix('(') else {
        return (BTreeSet::new(), text);
    };
    let (inside, after) = inside.split_once(')').unwrap_or((inside, ""));
    let names = inside
        .split(',')
        .map(str::trim)
        .filter(|name| !name.is_empty());
    (names.map(str::to_owned).collect(), after)
}

/// The labels in the braces that may follow.
fn matchers(text: &str) -> (BTreeSet<String>, &str) {
    let mut labels = BTreeSet::new();
    let Some(mut rest) = text.strip_prefix('{') else {
        return (labels, text);
    };
    while let Some(first) = rest.chars().next() {
        match first {
            '}' => return (labels, &rest[1..]),
            '"' => rest = after_string(rest),
            _ if is_name(first) => {
                let (name, after) = split(rest, is_name);
                labels.insert(name.to_owned());
                rest = after;
            }
            _ => rest = &rest[first.len_utf8()..],
        }
    }
    (labels, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn metrics_are_told_from_functions_labels_and_texts() {
        let text = "sum by (a, b) (rate(m_total{x=\"y_{} by (q)\", z=~\"\\\"w\"}[5m:1m] offset 10m)) \
                    / on (a) group_left n:r5 > bool 0.5e3 and -vector(1) or p{}";
        let named = Named::in_expression(text);
        let metrics = named.metrics.iter().map(|(name, labels)| {
            let labels: Vec<_> = labels.iter().map(String::as_str).collect();
            (name.as_str(), labels)
        });
        let metrics = metrics.collect::<Vec<_>>();
        assert_eq!(
            metrics,
            [("m_total", vec!["x", "z"]), ("n:r5", vec![]), ("p", vec![])]
        );
        assert_eq!(named.grouped, ["a", "b"].map(str::to_owned).into());
    }
}
