//! Equal revisions mean equal contents.

use sextant_catalog::{Catalog, Revision};

use crate::{endpoint, text};

fn revision(text: &str) -> Revision {
    Catalog::parse("test.toml", text)
        .unwrap_or_else(|error| panic!("{error}"))
        .revision()
}

const FULL: &str = r#"
[providers.x]
name = "X"
[providers.y]
name = "Y"
[[models]]
id = "a/b"
name = "A: B"
description = "D"
created = 2025-04-05
context_length = 8192
native = ["bf16"]
[models.architecture]
input_modalities = ["text", "image"]
output_modalities = ["text"]
tokenizer = "T"
instruct_type = "I"
[models.benchmarks]
mmlu_pro = 1
code = 2
math = 3
gpqa = 4
source = "S"
[[models.endpoints]]
provider = "x"
quantization = "fp8"
price = { input = "11", output = "12" }
batch_price = { input = "13", output = "14" }
context_length = 4096
max_completion_tokens = 1001
max_prompt_tokens = 1002
supported_parameters = ["tools", "stop"]
"#;

#[test]
fn it_is_the_same_on_every_machine_and_in_every_version() {
    assert_eq!(revision("").to_string(), "d0a66a65c7528968");
    assert_eq!(revision(FULL).to_string(), "92282b811ee0bcaf");
}

#[test]
fn order_comments_and_spelling_do_not_change_it() {
    let (x, y) = (
        endpoint("x", "fp8", ""),
        endpoint("y", "bf16", "price = { input = \"1.0\", output = \"2\" }"),
    );
    let y_spelt = endpoint(
        "y",
        "bf16",
        "# cheap\nprice.output = '2.00'\nprice.input = '1'\n",
    );
    assert_eq!(
        revision(&text(&format!("{x}{y}"))),
        revision(&text(&format!("{y_spelt}{x}")))
    );
}

/// One change for each thing that a catalog can say.
#[test]
fn every_change_of_contents_changes_it() {
    let changes = [
        ("name = \"X\"", "name = \"XX\""),
        ("[providers.y]", "[providers.z]"),
        ("id = \"a/b\"", "id = \"a/c\""),
        ("name = \"A: B\"", "name = \"A: C\""),
        ("description = \"D\"", "description = \"E\""),
        ("2025-04-05", "2025-04-06"),
        ("= 8192", "= 8193"),
        ("native = [\"bf16\"]", "native = [\"fp8\"]"),
        ("[\"text\", \"image\"]", "[\"image\", \"text\"]"),
        (
            "output_modalities = [\"text\"]",
            "output_modalities = [\"image\"]",
        ),
        ("tokenizer = \"T\"", "tokenizer = \"U\""),
        (
            "tokenizer = \"T\"\ninstruct_type = \"I\"",
            "tokenizer = \"I\"\ninstruct_type = \"T\"",
        ),
        ("mmlu_pro = 1\ncode = 2", "mmlu_pro = 2\ncode = 1"),
        ("math = 3", ""),
        ("gpqa = 4", "gpqa = 4.1"),
        ("source = \"S\"", "source = \"R\""),
        ("provider = \"x\"", "provider = \"y\""),
        ("quantization = \"fp8\"", "quantization = \"unknown\""),
        ("\"11\"", "\"11.000000001\""),
        ("\"12\"", "\"15\""),
        ("batch_price = { input = \"13\", output = \"14\" }", ""),
        ("\"14\"", "\"15\""),
        ("= 4096", "= 4097"),
        ("= 1001", "= 1003"),
        (
            "max_completion_tokens = 1001",
            "max_completion_tokens = 1002\n# ",
        ),
        ("max_prompt_tokens = 1002", ""),
        ("\"tools\", \"stop\"", "\"tools\""),
    ];
    let mut revisions = vec![revision(FULL)];
    for (from, to) in changes {
        let changed = FULL.replacen(from, to, 1);
        assert_ne!(changed, FULL, "{from}");
        let revision = revision(&changed);
        assert!(!revisions.contains(&revision), "{from} -> {to}");
        revisions.push(revision);
    }
}
