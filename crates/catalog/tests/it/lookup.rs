//! What a catalog answers.

use sextant_catalog::{Catalog, Mix, Modality};
use sextant_measure::id::EndpointId;
use sextant_measure::quantization::Quantization;

use crate::{catalog, endpoint, model, provider, text};

#[test]
fn a_quantization_is_stamped_only_if_the_pair_has_exactly_one_endpoint() {
    let catalog = catalog(
        &[
            endpoint("y", "fp8", ""),
            endpoint("x", "unknown", ""),
            endpoint("z", "fp8", ""),
            endpoint("z", "bf16", ""),
        ]
        .concat(),
    );
    let sole = |id, slug| catalog.sole_quantization(&model(id), &provider(slug));
    assert_eq!(sole("a/b", "x"), Some(Quantization::Unknown));
    assert_eq!(sole("a/b", "y"), Some(Quantization::Fp8));
    assert_eq!(sole("a/b", "z"), None, "two endpoints");
    assert_eq!(sole("a/b", "w"), None, "no endpoint");
    assert_eq!(sole("a/c", "y"), None, "no model");
}

#[test]
fn an_endpoint_is_found_with_its_model() {
    let catalog = catalog(&[endpoint("y", "fp8", ""), endpoint("x", "bf16", "")].concat());
    let id = |slug, quantization| EndpointId {
        model: model("a/b"),
        provider: provider(slug),
        quantization,
    };
    for (slug, quantization, native) in [
        ("x", Quantization::Bf16, true),
        ("y", Quantization::Fp8, false),
    ] {
        let (model, endpoint) = catalog.endpoint(&id(slug, quantization)).unwrap();
        assert_eq!(model.name, "A: B");
        assert_eq!(
            (&endpoint.id, endpoint.native),
            (&id(slug, quantization), native)
        );
    }
    assert_eq!(catalog.endpoint(&id("x", Quantization::Fp8)), None);
    assert_eq!(
        catalog.endpoint(&EndpointId {
            model: model("a/c"),
            ..id("x", Quantization::Bf16)
        }),
        None
    );
}

#[test]
fn a_provider_without_a_name_goes_by_its_slug() {
    let catalog = catalog("");
    assert_eq!(catalog.provider_name(&provider("x")), "X");
    assert_eq!(catalog.provider_name(&provider("stranger")), "stranger");
}

#[test]
fn undisclosed_is_never_native() {
    let catalog = catalog(&endpoint("x", "unknown", ""));
    assert!(!catalog.model(&model("a/b")).unwrap().endpoints[0].native);
}

#[test]
fn all_that_an_endpoint_can_have_is_read() {
    let catalog = catalog(&endpoint(
        "x",
        "fp16",
        r#"
        price = { input = "1.5", output = "6" }
        batch_price = { input = "0.75", output = "3" }
        context_length = 4096
        max_completion_tokens = 0x400
        max_prompt_tokens = 4_000
        supported_parameters = ["tools", "max_tokens"]
        "#,
    ));
    let endpoint = &catalog.model(&model("a/b")).unwrap().endpoints[0];
    assert_eq!(endpoint.price.unwrap().output.to_string(), "$6.00");
    assert_eq!(
        endpoint
            .batch_price
            .unwrap()
            .blended(Mix::default())
            .to_decimal(),
        "1.3125"
    );
    assert_eq!(endpoint.context_length, Some(4_096));
    assert_eq!(endpoint.max_completion_tokens, Some(1_024));
    assert_eq!(endpoint.max_prompt_tokens, Some(4_000));
    assert!(
        endpoint
            .supported_parameters
            .iter()
            .eq(["max_tokens", "tools"])
    );
}

#[test]
fn what_is_left_out_is_absent_and_text_is_assumed() {
    let catalog = catalog(&endpoint("x", "fp8", ""));
    let model = catalog.model(&model("a/b")).unwrap();
    assert_eq!(model.architecture.input_modalities, [Modality::Text]);
    assert_eq!(model.architecture.modality(), "text->text");
    assert_eq!((model.created, model.benchmarks.as_ref()), (None, None));
    assert_eq!(model.description, "");
    let endpoint = &model.endpoints[0];
    assert_eq!((endpoint.price, endpoint.batch_price), (None, None));
    assert_eq!(endpoint.context_length, None);
    assert_eq!(model.cheapest(Mix::default(), |_| true), None);
}

#[test]
fn the_cheapest_is_sought_among_those_that_pass_the_filter() {
    let catalog = catalog(
        &[
            endpoint("x", "fp8", "price = { input = \"1\", output = \"1\" }"),
            endpoint("y", "fp8", "price = { input = \"2\", output = \"2\" }"),
            endpoint("z", "fp8", ""),
        ]
        .concat(),
    );
    let model = catalog.model(&model("a/b")).unwrap();
    let slugs: Vec<_> = model
        .endpoints_by_price(Mix::default())
        .iter()
        .map(|e| e.id.provider.to_string())
        .collect();
    assert_eq!(slugs, ["x", "y", "z"]);
    let cheapest = model
        .cheapest(Mix::default(), |e| e.id.provider.as_str() != "x")
        .unwrap();
    assert_eq!(cheapest.id.provider.as_str(), "y");
}

#[test]
fn a_release_is_a_date_or_a_moment_with_its_offset() {
    let created = |value: &str| {
        let text = text("").replacen("native", &format!("created = {value}\nnative"), 1);
        Catalog::parse("test.toml", &text).map(|catalog| {
            catalog
                .model(&model("a/b"))
                .unwrap()
                .created
                .unwrap()
                .as_micros()
        })
    };
    assert_eq!(created("2025-04-05"), Ok(1_743_811_200_000_000));
    assert_eq!(
        created("2025-04-05T02:00:00.5+02:00"),
        Ok(1_743_811_200_500_000)
    );
    for bad in [
        "2025-04-05T19:31:59",
        "19:31:59",
        "1969-12-31",
        "0001-01-01T00:00:00+23:59",
    ] {
        let problem = created(bad).unwrap_err().to_string();
        assert!(
            problem.contains("is no moment since 1970"),
            "{bad}: {problem}"
        );
    }
}
