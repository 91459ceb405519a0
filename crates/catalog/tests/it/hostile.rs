//! Whatever the text, the answer is a catalog or a bounded list of problems.

use std::fmt::Write as _;

use proptest::prelude::*;
use sextant_catalog::{Catalog, limits};

use crate::{endpoint, problems, text};

#[test]
fn a_text_over_its_bound_is_refused_unread() {
    let text = "#".repeat(limits::FILE_BYTES_MAX + 1);
    assert_eq!(
        problems(&text),
        "test.toml:1:1: the file has 4194305 bytes; keep it to 4194304"
    );
}

#[test]
fn problems_beyond_the_bound_are_counted() {
    let mut text = String::new();
    for i in 0..limits::PROBLEMS_LISTED_MAX + 7 {
        writeln!(text, "key{i} = 1").unwrap();
    }
    let error = Catalog::parse("test.toml", &text).unwrap_err();
    assert_eq!(error.problems().len(), limits::PROBLEMS_LISTED_MAX);
    assert_eq!(error.unlisted(), 7);
    assert!(error.to_string().ends_with("\nand 7 more"));
}

#[test]
fn huge_texts_are_refused_by_their_size_and_not_repeated() {
    let huge = "x".repeat(65_536);
    for (from, to) in [
        ("name = \"A: B\"", format!("name = \"{huge}\"")),
        ("id = \"a/b\"", format!("id = \"{huge}/b\"")),
        ("native = [", format!("native = [\"{huge}\", ")),
        ("native = [", format!("{huge} = 1\nnative = [")),
        (
            "context_length = 8192",
            format!("context_length = {}", "9".repeat(65_536)),
        ),
        (
            "name = \"A: B\"",
            format!("name = \"A: B\"\ndescription = \"{huge}\""),
        ),
        (
            "name = \"A: B\"",
            format!(
                "name = \"A: B\"\nbenchmarks = {{ code = {}, source = \"s\" }}",
                "9".repeat(65_536)
            ),
        ),
    ] {
        let text = text("").replacen(from, &to, 1);
        let problems = problems(&text);
        assert_eq!(problems.lines().count(), 1, "{from}: {problems}");
        assert!(problems.len() < 512, "{from}: {} bytes", problems.len());
    }
}

#[test]
fn more_entries_than_the_bound_are_refused() {
    let mut endpoints = String::new();
    for _ in 0..=limits::ENDPOINTS_PER_MODEL_MAX {
        endpoints.push_str(&endpoint("x", "fp8", ""));
    }
    assert!(
        problems(&text(&endpoints)).contains("models[0].endpoints: has 257 entries; keep to 256")
    );
    let parameters: Vec<_> = (0..=limits::PARAMETERS_MAX)
        .map(|i| format!("\"p{i}\""))
        .collect();
    let parameters = format!("supported_parameters = [{}]", parameters.join(","));
    assert_eq!(
        problems(&text(&endpoint("x", "fp8", &parameters))),
        "test.toml:15:24: models[0].endpoints[0].supported_parameters: has 65 entries; keep to 64"
    );
}

#[test]
fn a_text_of_nothing_but_mistakes_is_refused() {
    for mistake in ["=\n", "[[", "a", "\u{0}", "é"] {
        let text = mistake.repeat(2 * limits::RECOVERED_BYTES_MAX / mistake.len());
        assert!(problems(&text).starts_with("test.toml:1:"));
    }
}

#[test]
fn far_below_a_mistake_of_syntax_nothing_is_read_and_that_is_said() {
    let padding = "#\n".repeat(limits::RECOVERED_BYTES_MAX / 2);
    let near = "= 1\n[providers]\nx = { nome = \"X\" }\n";
    assert_eq!(
        problems(&format!("{padding}{near}{padding}y = 1\n")),
        "test.toml:131073:1: not valid TOML: unquoted keys cannot be empty, expected letters, \
         numbers, `-`, `_`; correct the syntax\n\
         test.toml:131075:7: providers.x.nome: unknown key; did you mean \"name\"?\n\
         test.toml:262130:1: not read from here on, so far below a mistake of syntax; correct \
         what is named above first"
    );
}

#[test]
fn deep_nesting_is_refused() {
    let text = format!("models = {}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(problems(&text).starts_with("test.toml:1:"));
}

#[test]
fn a_catalog_as_large_as_allowed_is_read() {
    let mut text = String::from("[providers]\nx = { name = \"X\" }\n");
    for i in 0..limits::MODELS_MAX {
        write!(
            text,
            "[[models]]\nid = \"a/{i}\"\nname = \"M\"\ncontext_length = 1\n{}",
            endpoint("x", "fp8", "")
        )
        .unwrap();
    }
    let catalog = Catalog::parse("test.toml", &text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(catalog.models().len(), limits::MODELS_MAX);
}

/// Pieces of a catalog, well and badly made, so that random texts get past the first line.
fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "[providers.x]\n",
            "[providers]\n",
            "[[models]]\n",
            "[models]\n",
            "[models.architecture]\n",
            "[models.benchmarks]\n",
            "[[models.endpoints]]\n",
            "name = \"X\"\n",
            "id = \"a/b\"\n",
            "id = 'é'\n",
            "context_length = 10\n",
            "context_length = -0x1\n",
            "created = 2025-13-45\n",
            "created = 07:32:00\n",
            "created = 9999-12-31T23:59:59-23:00\n",
            "created = 0001-01-01\n",
            "native = [\"bf16\", 1, []]\n",
            "provider = \"x\"\n",
            "quantization = \"fp8\"\n",
            "price = { input = \"1\", output = \"2\" }\n",
            "price.input = \"-\"\n",
            "code = +inf\n",
            "code = 1e999\n",
            "code = 0.05\n",
            "source = '''\n",
            "'''\n",
            "input_modalities = [\"text\"]\n",
            "supported_parameters = [{}]\n",
            "endpoints = []\n",
            "=\n",
            "\"\n",
            "\u{feff}",
            "\u{0}",
            "[",
            "]",
            "{",
            "}",
            ".",
            "#",
            "\r",
            "\n",
            "\u{202e}",
        ])
        .prop_map(str::to_owned),
        ".{0,8}",
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// Whether the answer is as promised for any text at all.
fn check(text: &str) -> Result<(), TestCaseError> {
    let Err(error) = Catalog::parse("test.toml", text) else {
        return Ok(());
    };
    prop_assert!(!error.problems().is_empty());
    let shown = error.to_string();
    prop_assert_eq!(shown.lines().count(), error.problems().len());
    prop_assert!(
        shown
            .chars()
            .all(|c| c == '\n' || c == '…' || c.is_ascii_graphic() || c == ' '),
        "{}",
        shown
    );
    let lines = text.split('\n').count();
    for problem in error.problems() {
        prop_assert!((1..=lines).contains(&problem.line), "{}", problem);
        let width = text
            .split('\n')
            .nth(problem.line - 1)
            .unwrap()
            .chars()
            .count();
        prop_assert!((1..=width + 1).contains(&problem.column), "{}", problem);
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_text_gives_a_catalog_or_problems_with_places_in_it(text in "\\PC*|[\\x00-\\x7f]*") {
        check(&text)?;
    }

    #[test]
    fn any_mixture_of_catalog_pieces_does_too(text in pieces()) {
        check(&text)?;
    }

    #[test]
    fn so_does_the_shipped_catalog_with_a_piece_cut_out_or_put_in(
        from in 0_usize..8_192, length in 0_usize..64, piece in pieces(),
    ) {
        let shipped: Vec<_> = Catalog::shipped_text().chars().collect();
        let from = from % shipped.len();
        let to = (from + length).min(shipped.len());
        let text = shipped[..from].iter().copied().chain(piece.chars()).chain(shipped[to..].iter().copied());
        check(&text.collect::<String>())?;
    }
}
