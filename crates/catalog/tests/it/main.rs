//! What a catalog is to those who use it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may"
)]

mod hostile;
mod lookup;
mod problems;
mod revision;
mod shipped;

use sextant_catalog::Catalog;
use sextant_measure::id::{ModelId, ProviderId};

/// A catalog with one model, a/b, that `endpoints` are added to, and providers x, y and z.
fn catalog(endpoints: &str) -> Catalog {
    Catalog::parse("test.toml", &text(endpoints)).unwrap_or_else(|error| panic!("{error}"))
}

fn text(endpoints: &str) -> String {
    format!(
        r#"
[providers]
x = {{ name = "X" }}
y = {{ name = "Y" }}
z = {{ name = "Z" }}

[[models]]
id = "a/b"
name = "A: B"
context_length = 8192
native = ["bf16", "fp16"]
{endpoints}
"#
    )
}

fn endpoint(provider: &str, quantization: &str, rest: &str) -> String {
    format!(
        "[[models.endpoints]]\nprovider = \"{provider}\"\nquantization = \"{quantization}\"\n{rest}\n"
    )
}

/// All problems of a text, one a line.
fn problems(text: &str) -> String {
    Catalog::parse("test.toml", text)
        .expect_err("the text should be refused")
        .to_string()
}

fn model(id: &str) -> ModelId {
    ModelId::new(id).unwrap()
}

fn provider(slug: &str) -> ProviderId {
    ProviderId::new(slug).unwrap()
}
