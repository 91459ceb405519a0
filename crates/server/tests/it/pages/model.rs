//! The page of a model.

use sextant_measure::quantization::Quantization;

use super::{SCOUT, cell, failing, page, probed, read, scout, text_of};
use crate::numbers::{deepinfra, figures, ok, row, row_of_two};
use crate::rig::Rig;

#[tokio::test(start_paused = true)]
async fn the_model_page_has_all_that_its_document_shows() {
    let probes = figures(probed());
    let (_, running) = Rig::with([
        row(deepinfra(), &probes),
        row(scout("groq", Quantization::Unknown), &probes),
        row(scout("novita", Quantization::Bf16), &probes),
        row(scout("google-vertex", Quantization::Unknown), &probes),
    ])
    .await;
    let text = read(&page(&running, SCOUT).await);
    for line in [
        "Meta: Llama 4 Scout meta-llama/llama-4-scout",
        "Cheapest provider $0.08 / 1M DeepInfra",
        "Fastest provider (p95) — No throughput data yet — populated as traffic accumulates",
        "Intelligence (composite) 54.5 MMLU-Pro · HumanEval · math · GPQA",
        "Per-provider performance",
        "Latency / throughput / uptime measured across providers over the last 30 minutes of live \
         traffic. Atlas’s router weighs these per call (with the eval-gate signal) when picking a \
         variant for Standard and Batch tiers.",
        "DeepInfra cheapest q8 · fp8 $0.0800 $0.3000 — — — — 100.00% —",
        "Groq undisclosed $0.1100 $0.3400 — — — — 100.00% —",
        "Novita full · bf16 $0.1800 $0.5900 — — — — 100.00% —",
        "Google Vertex undisclosed $0.2500 $0.7000 — — — — 100.00% —",
        "“—” means live telemetry hasn’t accumulated enough recent traffic for that endpoint. \
         “undisclosed” means the provider serves the model but doesn’t expose the quantization \
         label (typically running fp8 / int8 internally).",
        "Composite score is a weighted average of public benchmarks (30% MMLU-Pro, 25% code \
         pass@1, 25% math, 20% GPQA). Numbers come from model cards and the Artificial Analysis \
         intelligence harness; missing components are renormalised over what’s present.",
        "MMLU-Pro 30% 74.3 broad reasoning",
        "Code 25% 32.8 pass@1 (HumanEval / LiveCodeBench)",
        "MATH 25% 50.3 math accuracy",
        "GPQA Diamond 20% 57.2 hard reasoning",
        "Source: Meta Llama 4 model card — Scout instruct (MMLU-Pro 74.3, GPQA-Diamond 57.2, \
         LiveCodeBench 32.8, MATH 50.3); llama.com/models/llama-4",
        "How Atlas routes Meta: Llama 4 Scout",
        "Realtime tier — direct passthrough at the upstream’s native precision. Best for hard \
         latency / quality guarantees.",
        "Standard tier — Atlas picks the cheapest provider variant whose quantization has stayed \
         green on your operation’s eval gates. For Meta: Llama 4 Scout that’s currently DeepInfra \
         at $0.08/1M",
        "Batch tier — async, biggest discount.",
    ] {
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains(&line), "{line}\n\n{text}");
    }
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_dash_becomes_a_number_at_its_minimum() {
    for (attempts, p50, p95, uptime) in [
        (ok(19), "—", "—", "—"),
        (ok(20), "10", "—", "100.00%"),
        (ok(100), "50", "95", "100.00%"),
    ] {
        let (_, running) = Rig::with([row(deepinfra(), &figures(attempts))]).await;
        let html = page(&running, SCOUT).await;
        let shown = ["latency_p50", "latency_p95", "uptime", "success"];
        let shown = shown.map(|metric| cell(&html, "deepinfra/fp8", metric));
        assert_eq!(shown, [p50, p95, uptime, uptime]);
        running.end().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_absent_number_says_why_and_a_present_one_what_it_rests_on() {
    let (_, running) = Rig::with([row(deepinfra(), &figures(ok(42)))]).await;
    let html = page(&running, SCOUT).await;
    let note = |metric| text_of(&html, &format!("data-note=\"deepinfra/fp8 {metric}\""));
    assert_eq!(
        note("latency_p95"),
        "42 of 100 streamed answers that it takes"
    );
    assert_eq!(
        note("latency_p50"),
        "50% of 42 streamed answers were this fast or faster"
    );
    assert_eq!(
        note("uptime"),
        "42 of 42 observations; Wilson 95% lower bound 91.62%"
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn one_region_is_shown_alone() {
    let (few, many) = (figures(ok(20)), figures(ok(40)));
    let (_, running) = Rig::with([row_of_two(deepinfra(), [&few, &many], &many)]).await;
    let p50 = async |query: &str| {
        let html = page(&running, &format!("{SCOUT}{query}")).await;
        cell(&html, "deepinfra/fp8", "latency_p50").to_owned()
    };
    assert_eq!(p50("").await, "20");
    assert_eq!(p50("?region=global").await, "20");
    assert_eq!(p50("?region=eu-north-1").await, "10");
    assert_eq!(p50("?region=nowhere").await, "—");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_tier_says_whom_it_picks_and_why() {
    let (_, running) = Rig::with([
        row(deepinfra(), &figures(failing())),
        row(scout("novita", Quantization::Bf16), &figures(ok(100))),
    ])
    .await;
    let html = page(&running, SCOUT).await;
    let pick = |tier: &str| {
        let choice = text_of(&html, &format!("data-pick=\"{tier}\""));
        let reason = text_of(&html, &format!("data-reason=\"{tier}\""));
        (choice.to_owned(), reason.to_owned())
    };
    let (choice, reason) = pick("realtime");
    assert_eq!(choice, "Novita at $0.18/1M");
    assert_eq!(
        reason,
        "the quickest to its first token at native precision, 95 ms at p95; left out: DeepInfra \
         (not native), Google Vertex (not native), Groq (not native)"
    );
    let (choice, reason) = pick("standard");
    assert_eq!(choice, "Novita at $0.18/1M");
    assert!(
        reason.contains("DeepInfra is cheaper, but down"),
        "{reason}"
    );
    let text = read(&html);
    assert!(text.contains("Cheapest provider $0.11 / 1M Groq"), "{text}");
    running.end().await;
}
