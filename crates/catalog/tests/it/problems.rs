//! A bad catalog is refused with all its problems at once, each with its place.

use insta::assert_snapshot;

use crate::{endpoint, problems, text};

const WRONG_IN_EVERY_WAY: &str = r#"
colour = "blue"

[providers.deepinfra]
nmae = "DeepInfra"

[providers."Bad Slug"]
name = "Bad"

[providers.groq]
name = 7

[[models]]
id = "meta-llama/llama-4-scout"
name = ""
created = "2025-04-05"
context_length = 0
native = ["bf16", "unknown", "bf16"]
context_lenght = 5

[models.architecture]
input_modalities = ["text", "smell", "text"]
output_modalities = []
tokenizer = "two words"

[models.benchmarks]
mmlu_pro = 100.1
code = -1
math = 50.33
gpqa = nan

[[models.endpoints]]
provider = "deepinfra"
quantization = "q8"
price = { input = 0.08, output = "-0.30" }
batch_price = { input = "NaN" }

[[models.endpoints]]
provider = "deepinfa"
quantization = "FP8"
price = "0.08"
context_length = 100
max_completion_tokens = 101
max_prompt_tokens = -1
supported_parameters = ["tools", "tools", 3]

[[models]]
id = "scout"
endpoints = 3

[[models]]
id = "meta-llama/llama-4-scout"
name = "Again"
context_length = 1e3
"#;

#[test]
fn every_problem_is_named_at_once_with_its_place_and_what_to_do() {
    assert_snapshot!(problems(WRONG_IN_EVERY_WAY), @r#"
    test.toml:2:1: colour: unknown key; remove it; known here: providers, models
    test.toml:4:1: providers.deepinfra.name: missing; add name = "Its Display Name"
    test.toml:5:1: providers.deepinfra.nmae: unknown key; did you mean "name"?
    test.toml:7:12: providers."Bad Slug": "Bad Slug" is not an identifier; provider must be 1 to 64 of a-z, 0-9 and '-'
    test.toml:11:8: providers.groq.name: is an integer; give a string in quotes
    test.toml:15:8: models[0].name: is blank; give a text, or leave an optional key out
    test.toml:16:11: models[0].created: is a string; give a date, 2025-04-05, or a moment, 2025-04-05T19:31:59Z, without quotes
    test.toml:17:18: models[0].context_length: is out of range; give 1 to 1000000000
    test.toml:18:19: models[0].native[1]: "unknown" is never native; name the precision, or leave it out
    test.toml:18:30: models[0].native[2]: "bf16" stands here twice; keep one of them
    test.toml:19:1: models[0].context_lenght: unknown key; did you mean "context_length"?
    test.toml:22:29: models[0].architecture.input_modalities[1]: "smell" is not a modality here; give text, image, file, audio or video
    test.toml:22:38: models[0].architecture.input_modalities[2]: "text" stands here twice; keep one of them
    test.toml:23:21: models[0].architecture.output_modalities: is empty; name at least one, or leave the key out for text
    test.toml:24:13: models[0].architecture.tokenizer: "two words" is not a single word; give 1 to 64 of ASCII letters, digits, '.', '_' and '-'
    test.toml:26:1: models[0].benchmarks.source: missing; add source = "where the scores were published"
    test.toml:27:12: models[0].benchmarks.mmlu_pro: is out of range; give 0 to 100 with at most one decimal
    test.toml:28:8: models[0].benchmarks.code: is out of range; give 0 to 100 with at most one decimal
    test.toml:29:8: models[0].benchmarks.math: has more than one decimal; give 0 to 100 with at most one decimal
    test.toml:30:8: models[0].benchmarks.gpqa: is not a plain decimal number; give 0 to 100 with at most one decimal
    test.toml:34:16: models[0].endpoints[0].quantization: "q8" is not a quantization; give unknown, int4, int8, fp4, mxfp4, nvfp4, fp6, fp8, mxfp8, fp16, bf16 or fp32
    test.toml:35:19: models[0].endpoints[0].price.input: is a float; give money as a decimal in quotes, e.g. "0.08": a binary number can't hold it
    test.toml:35:34: models[0].endpoints[0].price.output: "-0.30" is negative; leave the price out if it isn't known
    test.toml:36:15: models[0].endpoints[0].batch_price.output: missing; add output = "0.08"
    test.toml:36:25: models[0].endpoints[0].batch_price.input: "NaN" is not a plain decimal number; give USD per 1M tokens, e.g. "0.08"
    test.toml:39:12: models[0].endpoints[1].provider: provider "deepinfa" is not declared; did you mean "deepinfra"? Else add [providers.deepinfa] with its name
    test.toml:40:16: models[0].endpoints[1].quantization: "FP8" is not a quantization; did you mean "fp8"? The list is unknown, int4, int8, fp4, mxfp4, nvfp4, fp6, fp8, mxfp8, fp16, bf16 or fp32
    test.toml:41:9: models[0].endpoints[1].price: is a string; give a table
    test.toml:43:25: models[0].endpoints[1].max_completion_tokens: is more than the endpoint's context_length, 100; correct one of them
    test.toml:44:21: models[0].endpoints[1].max_prompt_tokens: is out of range; give 1 to 1000000000
    test.toml:45:34: models[0].endpoints[1].supported_parameters[1]: "tools" stands here twice; keep one of them
    test.toml:45:43: models[0].endpoints[1].supported_parameters[2]: is an integer; give a string in quotes
    test.toml:47:1: models[1].name: missing; add name = "Author: Model"
    test.toml:47:1: models[1].context_length: missing; add context_length = 131072
    test.toml:48:6: models[1].id: "scout" is not an identifier; model must be author/slug, each of letters, digits, '.', '_', '-' or ':', at most 128 bytes in all
    test.toml:49:13: models[1].endpoints: is an integer; give an array
    test.toml:52:6: models[2].id: model "meta-llama/llama-4-scout" is already given on line 14; keep one of them
    test.toml:54:18: models[2].context_length: is a float; give a whole number
    "#);
}

#[test]
fn problems_of_syntax_are_named_with_the_problems_of_what_could_be_read() {
    let text = r#"
[providers.x]
name = "X

[[models]]
id = a/b
name = "A: B"
context_length = 0
name = "Again"

[[models.endpoints]]
provider = "y"
quantization = "fp9"
price = { input = "1", output = "2"
"#;
    assert_snapshot!(problems(text), @r#"
    test.toml:3:10: not valid TOML: invalid basic string, expected `"`; correct the syntax
    test.toml:6:6: not valid TOML: string values must be quoted, expected literal string; correct the syntax
    test.toml:8:18: models[0].context_length: is out of range; give 1 to 1000000000
    test.toml:9:1: not valid TOML: duplicate key; correct the syntax
    test.toml:13:16: models[0].endpoints[0].quantization: "fp9" is not a quantization; give unknown, int4, int8, fp4, mxfp4, nvfp4, fp6, fp8, mxfp8, fp16, bf16 or fp32
    test.toml:14:36: not valid TOML: unclosed inline table, expected `}`; correct the syntax
    "#);
}

#[test]
fn texts_that_deceive_are_refused_and_shown_harmless() {
    let text = r#"
[providers.groq]
name = "Groq\u0000"

["providers"."gr\u043Eq"]
name = "Groq\nERROR all is lost"

[[models]]
id = "m\u0435ta/llama"
name = "Llama \u202Egnp.exe"
description = "fine\nso far\u001b[31m"
context_length = 8192

[[models.endpoints]]
provider = "groq\u200b"
quantization = "fp8\u0000"
supported_parameters = ["<script>", "\"; drop table"]
"#;
    assert_snapshot!(problems(text), @r#"
    test.toml:3:8: providers.groq.name: has U+0000 as character 5, which can't be seen; remove it
    test.toml:5:14: providers."gr\u{43e}q": "gr\u{43e}q" has U+043E, which is not ASCII; provider must be 1 to 64 of a-z, 0-9 and '-'
    test.toml:6:8: providers."gr\u{43e}q".name: has U+000A as character 5, which can't be seen; remove it
    test.toml:9:6: models[0].id: "m\u{435}ta/llama" has U+0435, which is not ASCII; model must be author/slug, each of letters, digits, '.', '_', '-' or ':', at most 128 bytes in all
    test.toml:10:8: models[0].name: has U+202E as character 7, which can't be seen; remove it
    test.toml:11:15: models[0].description: has U+001B as character 12, which can't be seen; remove it
    test.toml:15:12: models[0].endpoints[0].provider: "groq\u{200b}" has U+200B, which is not ASCII; provider must be 1 to 64 of a-z, 0-9 and '-'
    test.toml:16:16: models[0].endpoints[0].quantization: "fp8\u{0}" is not a quantization; did you mean "fp8"? The list is unknown, int4, int8, fp4, mxfp4, nvfp4, fp6, fp8, mxfp8, fp16, bf16 or fp32
    test.toml:17:25: models[0].endpoints[0].supported_parameters[0]: "<script>" is not a single word; give 1 to 64 of ASCII letters, digits, '.', '_' and '-'
    test.toml:17:37: models[0].endpoints[0].supported_parameters[1]: "\"; drop table" is not a single word; give 1 to 64 of ASCII letters, digits, '.', '_' and '-'
    "#);
}

#[test]
fn an_endpoint_given_twice_is_refused_with_the_line_of_the_first() {
    let text = text(
        &[
            endpoint("x", "fp8", ""),
            endpoint("x", "bf16", ""),
            endpoint("x", "fp8", ""),
        ]
        .concat(),
    );
    assert_snapshot!(problems(&text), @"test.toml:21:12: models[0].endpoints[2].provider: endpoint x/fp8 is already given on line 13; keep one of them");
}

#[test]
fn the_same_model_may_have_a_provider_at_several_precisions() {
    crate::catalog(&[endpoint("x", "fp8", ""), endpoint("x", "bf16", "")].concat());
}

#[test]
fn keys_of_the_wrong_type_are_told_from_those_that_are_missing() {
    let text = r#"
providers = ["x"]

[models]
id = "a/b"
"#;
    assert_snapshot!(problems(text), @r#"
    test.toml:2:13: providers: is an array; give a table
    test.toml:4:1: models: is a single table; begin each with [[ ]], in double brackets
    "#);
    assert_snapshot!(problems("[[models]]\n"), @r#"
    test.toml:1:1: models[0].id: missing; add id = "author/slug"
    test.toml:1:1: models[0].name: missing; add name = "Author: Model"
    test.toml:1:1: models[0].context_length: missing; add context_length = 131072
    "#);
    assert_snapshot!(problems("models = [1]\n[providers]\nx = 1\ny = {}\n"), @r#"
    test.toml:1:11: models[0]: is an integer; give a table
    test.toml:3:5: providers.x: is an integer; give a table
    test.toml:4:5: providers.y.name: missing; add name = "Its Display Name"
    "#);
}

#[test]
fn columns_count_characters_and_lines_may_end_as_on_windows() {
    let text = "[providers]\r\nx = { name = \"é\", nom = 1 }\r\n";
    assert_snapshot!(problems(text), @"test.toml:2:19: providers.x.nom: unknown key; remove it; known here: name");
}
