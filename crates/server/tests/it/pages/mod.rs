//! Pages for people.

mod hostile;
mod live;
mod model;
mod others;

use sextant_measure::id::EndpointId;
use sextant_measure::quantization::Quantization;

use crate::numbers::{Attempts, endpoint};
use crate::rig::Running;

const SCOUT: &str = "/models/meta-llama/llama-4-scout";

fn scout(provider: &str, quantization: Quantization) -> EndpointId {
    endpoint("meta-llama/llama-4-scout", provider, quantization)
}

fn probed() -> Attempts {
    Attempts {
        probes: 30,
        ..Attempts::default()
    }
}

/// Answers one of ten.
fn failing() -> Attempts {
    Attempts {
        ok: 10,
        timeouts: 90,
        ..Attempts::default()
    }
}

async fn page(running: &Running, uri: &str) -> String {
    let answer = running.get(uri).await;
    assert_eq!(answer.status, 200, "{uri}: {}", answer.text());
    assert_eq!(
        answer.header("content-type"),
        Some("text/html; charset=utf-8")
    );
    answer.text()
}

/// What people read of it: the text without its markup, one line for each that has any.
fn read(html: &str) -> String {
    let mut text = String::new();
    let mut is_tag = false;
    for character in html.chars() {
        match character {
            '<' => is_tag = true,
            '>' => {
                is_tag = false;
                text.push(' ');
            }
            other if !is_tag => text.push(other),
            _ => {}
        }
    }
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The text of the first element with this attribute.
fn text_of<'h>(html: &'h str, attribute: &str) -> &'h str {
    let (_, rest) = html
        .split_once(attribute)
        .unwrap_or_else(|| panic!("no {attribute} in {html}"));
    let (_, rest) = rest.split_once('>').unwrap();
    rest.split('<').next().unwrap()
}

fn cell<'h>(html: &'h str, tag: &str, metric: &str) -> &'h str {
    text_of(html, &format!("data-cell=\"{tag} {metric}\""))
}
