//! The shipped catalog says what the published page of Llama 4 Scout says.

use sextant_catalog::{Benchmark, Catalog, Mix};
use sextant_measure::quantization::Quantization;

use crate::model;

#[test]
fn its_one_model_has_the_endpoints_and_prices_of_the_page() {
    let catalog = Catalog::shipped().unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(catalog.models().len(), 1);
    let scout = catalog.model(&model("meta-llama/llama-4-scout")).unwrap();
    assert_eq!(scout.name, "Meta: Llama 4 Scout");
    let rows: Vec<_> = scout
        .endpoints_by_price(Mix::default())
        .into_iter()
        .map(|endpoint| {
            let price = endpoint.price.unwrap();
            format!(
                "{} | {} | {:.4} | {:.4} | {}",
                catalog.provider_name(&endpoint.id.provider),
                endpoint.id.quantization.label(),
                price.input,
                price.output,
                endpoint.id.tag(),
            )
        })
        .collect();
    assert_eq!(
        rows,
        [
            "DeepInfra | q8 · fp8 | $0.0800 | $0.3000 | deepinfra/fp8",
            "Groq | undisclosed | $0.1100 | $0.3400 | groq/unknown",
            "Novita | full · bf16 | $0.1800 | $0.5900 | novita/bf16",
            "Google Vertex | undisclosed | $0.2500 | $0.7000 | google-vertex/unknown",
        ]
    );
    let cheapest = scout.cheapest(Mix::default(), |_| true).unwrap();
    assert_eq!(catalog.provider_name(&cheapest.id.provider), "DeepInfra");
    assert_eq!(cheapest.price.unwrap().input.to_string(), "$0.08");
}

#[test]
fn its_composite_and_components_are_those_of_the_page() {
    let catalog = Catalog::shipped().unwrap();
    let scout = catalog.model(&model("meta-llama/llama-4-scout")).unwrap();
    let benchmarks = scout.benchmarks.as_ref().unwrap();
    assert_eq!(benchmarks.composite().unwrap().to_string(), "54.5");
    let components = Benchmark::ALL.map(|benchmark| {
        let score = benchmarks.score(benchmark).unwrap();
        format!("{} {score} {}", benchmark.label(), benchmark.caption())
    });
    assert_eq!(
        components,
        [
            "MMLU-Pro 74.3 broad reasoning",
            "Code 32.8 pass@1 (HumanEval / LiveCodeBench)",
            "MATH 50.3 math accuracy",
            "GPQA Diamond 57.2 hard reasoning",
        ]
    );
    assert_eq!(
        benchmarks.source,
        "Meta Llama 4 model card — Scout instruct (MMLU-Pro 74.3, GPQA-Diamond 57.2, \
         LiveCodeBench 32.8, MATH 50.3); llama.com/models/llama-4"
    );
}

#[test]
fn only_the_endpoint_at_the_published_precision_is_native() {
    let catalog = Catalog::shipped().unwrap();
    let scout = catalog.model(&model("meta-llama/llama-4-scout")).unwrap();
    assert!(scout.native.iter().eq([&Quantization::Bf16]));
    let native: Vec<_> = scout
        .endpoints
        .iter()
        .filter(|e| e.native)
        .map(|e| e.id.tag())
        .collect();
    assert_eq!(native, ["novita/bf16"]);
}

#[test]
fn it_describes_the_model() {
    let catalog = Catalog::shipped().unwrap();
    let scout = catalog.model(&model("meta-llama/llama-4-scout")).unwrap();
    assert_eq!(scout.created.unwrap().as_micros(), 1_743_811_200_000_000);
    assert_eq!(scout.context_length, 10_485_760);
    assert_eq!(scout.architecture.modality(), "text+image->text");
    assert_eq!(scout.architecture.tokenizer.as_deref(), Some("Llama4"));
    assert!(
        scout
            .description
            .starts_with("Open-weight mixture-of-experts model with 16 experts: ")
    );
}
