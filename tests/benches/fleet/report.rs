//! Figures, as a table and as JSON.

use serde_json::{Map, Value, json};

use crate::options::Output;

/// Figures in the order in which they are read.
#[derive(Debug, Default)]
pub(crate) struct Report(Vec<Figure>);

#[derive(Debug)]
struct Figure {
    name: String,
    unit: &'static str,
    value: Value,
}

impl Report {
    /// Adds a number under a name that ends in its unit.
    pub(crate) fn number(&mut self, name: impl Into<String>, unit: &'static str, value: f64) {
        let name = name.into();
        let value = json!((value * 1_000.0).round() / 1_000.0);
        self.0.push(Figure { name, unit, value });
    }

    /// Adds a number, if there is one.
    pub(crate) fn maybe(&mut self, name: &str, unit: &'static str, value: Option<f64>) {
        if let Some(value) = value {
            self.number(name, unit, value);
        }
    }

    pub(crate) fn text(&mut self, name: &str, value: impl Into<String>) {
        self.0.push(Figure {
            name: name.to_owned(),
            unit: "",
            value: Value::String(value.into()),
        });
    }

    pub(crate) fn print(&self, output: Output) {
        match output {
            Output::Json => {
                let entries = self.0.iter().map(Figure::entry);
                println!("{}", Value::Object(entries.collect::<Map<_, _>>()));
            }
            Output::Table => {
                let names = self.0.iter().map(|figure| figure.name.len());
                let width = names.max().unwrap_or(0);
                for Figure { name, unit, value } in &self.0 {
                    let text = match value {
                        Value::Number(number) => grouped(number.as_f64().unwrap_or(0.0)),
                        other => other.as_str().unwrap_or_default().to_owned(),
                    };
                    println!("{name:width$}  {text:>14} {unit}");
                }
            }
        }
    }
}

impl Figure {
    fn entry(&self) -> (String, Value) {
        let words = [self.name.as_str(), self.unit].join(" ");
        let word = |c: char| if c.is_alphanumeric() { c } else { '_' };
        let key: String = words.trim().to_lowercase().chars().map(word).collect();
        (key, self.value.clone())
    }
}

/// With commas between thousands; decimals only where they tell something.
fn grouped(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{:.0}", value.abs());
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    let sign = if value < 0.0 { "-" } else { "" };
    format!("{sign}{text}")
}
