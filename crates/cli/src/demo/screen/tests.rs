use sextant_measure::status::Status;

use super::super::view::EndpointView;
use super::*;

#[test]
fn before_there_is_traffic_it_is_the_page_of_dashes() {
    let mut model = scout();
    model.fastest = None;
    for endpoint in &mut model.endpoints {
        let figures = [
            &mut endpoint.latency,
            &mut endpoint.throughput,
            &mut endpoint.success,
        ];
        for figure in figures {
            ABSENT.clone_into(figure);
        }
    }
    insta::assert_snapshot!(page(&screen(vec![model]), Size::ENDLESS, false), @r#"
    Meta: Llama 4 Scout  meta-llama/llama-4-scout
    Cheapest provider         $0.08 / 1M  DeepInfra
    Fastest provider (p95)    —  No throughput data yet — populated as traffic accumulates
    Intelligence (composite)  54.5  MMLU-Pro 74.3 · Code 32.8 · MATH 50.3 · GPQA Diamond 57.2

    Provider       Quant        Input    Output   Latency    Throughput  Uptime   Success
                                $/1M     $/1M     p50 / p95  p50 / p95   30m
    DeepInfra      q8 · fp8     $0.0800  $0.3000  —          —           99.99%   —        healthy
    Groq           undisclosed  $0.1100  $0.3400  —          —           73.91%   —        down
    Novita         full · bf16  $0.1800  $0.5900  —          —           93.40%   —        degraded
    Google Vertex  undisclosed  $0.2500  $0.7000  —          —           100.00%  —        unknown

    These providers are simulated, and so are the 29 minutes before the start. The
    figures are measured, over 30 minutes: latency in ms, throughput in tokens/s.
    “—”: not enough recent traffic. “undisclosed”: no quantization is published.

    endpoints  http://127.0.0.1:8080/api/v1/models/meta-llama/llama-4-scout/endpoints
    metrics    http://127.0.0.1:8080/metrics
    "#);
}

#[test]
fn with_traffic_it_fills_but_for_the_idle_one() {
    insta::assert_snapshot!(page(&screen(vec![scout()]), Size::ENDLESS, false), @r#"
    Meta: Llama 4 Scout  meta-llama/llama-4-scout
    Cheapest provider         $0.08 / 1M  DeepInfra
    Fastest provider (p95)    211 tok/s  Groq
    Intelligence (composite)  54.5  MMLU-Pro 74.3 · Code 32.8 · MATH 50.3 · GPQA Diamond 57.2

    Provider       Quant        Input    Output   Latency      Throughput  Uptime   Success
                                $/1M     $/1M     p50 / p95    p50 / p95   30m
    DeepInfra      q8 · fp8     $0.0800  $0.3000  402 / 690    84 / 51     99.99%   98.87%   healthy
    Groq           undisclosed  $0.1100  $0.3400  188 / 260    347 / 211   73.91%   70.10%   down
    Novita         full · bf16  $0.1800  $0.5900  1710 / 3904  31 / 18     93.40%   92.02%   degraded
    Google Vertex  undisclosed  $0.2500  $0.7000  —            —           100.00%  —        unknown

    These providers are simulated, and so are the 29 minutes before the start. The
    figures are measured, over 30 minutes: latency in ms, throughput in tokens/s.
    “—”: not enough recent traffic. “undisclosed”: no quantization is published.

    endpoints  http://127.0.0.1:8080/api/v1/models/meta-llama/llama-4-scout/endpoints
    metrics    http://127.0.0.1:8080/metrics
    "#);
}

#[test]
fn where_it_is_narrow_the_columns_move_together() {
    insta::assert_snapshot!(page(&screen(vec![scout()]), size(80, 99), false), @r#"
    Meta: Llama 4 Scout  meta-llama/llama-4-scout
    Cheapest provider         $0.08 / 1M  DeepInfra
    Fastest provider (p95)    211 tok/s  Groq
    Intelligence (composite)  54.5  MMLU-Pro 74.3 · Code 32.8 · MATH 50.3 · GPQA Di…

    Provider      Quant       Input   Output  Latency     Throughput Uptime  Success
                              $/1M    $/1M    p50 / p95   p50 / p95  30m
    DeepInfra     q8 · fp8    $0.0800 $0.3000 402 / 690   84 / 51    99.99%  98.87%
    Groq          undisclosed $0.1100 $0.3400 188 / 260   347 / 211  73.91%  70.10%
    Novita        full · bf16 $0.1800 $0.5900 1710 / 3904 31 / 18    93.40%  92.02%
    Google Vertex undisclosed $0.2500 $0.7000 —           —          100.00% —

    These providers are simulated, and so are the 29 minutes before the start. The
    figures are measured, over 30 minutes: latency in ms, throughput in tokens/s.
    “—”: not enough recent traffic. “undisclosed”: no quantization is published.

    endpoints  http://127.0.0.1:8080/api/v1/models/meta-llama/llama-4-scout/endpoin…
    metrics    http://127.0.0.1:8080/metrics
    "#);
}

#[test]
fn a_status_has_its_colour_on_the_provider_and_on_its_word() {
    let text = page(&screen(vec![scout()]), Size::ENDLESS, true);
    for (colour, provider, status) in [
        (32, "DeepInfra", "healthy"),
        (31, "Groq", "down"),
        (33, "Novita", "degraded"),
        (2, "Google Vertex", "unknown"),
    ] {
        let line = text.lines().find(|line| line.contains(status)).unwrap();
        assert!(
            line.starts_with(&format!("\x1b[{colour}m{provider} ")),
            "{line:?}"
        );
        assert!(
            line.ends_with(&format!("\x1b[{colour}m{status}\x1b[0m")),
            "{line:?}"
        );
    }
}

#[test]
fn no_page_is_larger_than_the_terminal_and_what_does_not_fit_is_counted() {
    let screen = screen(vec![scout(); 5]);
    let of_model = model_lines(&scout(), 80).len();
    for lines in 0..100 {
        for columns in [0, 1, 20, 80, 200] {
            let text = page(&screen, size(columns, lines), false);
            assert!(text.lines().count() <= lines, "{columns} x {lines}\n{text}");
            assert!(
                text.lines().all(|line| width(line) <= columns),
                "{columns} x {lines}\n{text}"
            );
        }
        let text = page(&screen, size(80, lines), false);
        let whole = text.matches("Cheapest provider").count();
        let room = lines.saturating_sub(end(&screen).len());
        if room >= of_model + 2 {
            assert!(
                text.ends_with("http://127.0.0.1:8080/metrics\n"),
                "{lines}\n{text}"
            );
            let more = format!("… and {} more model", 5 - whole);
            assert_eq!(text.contains(&more), whole < 5, "{lines}\n{text}");
        }
    }
}

#[test]
fn tables_stand_without_anything_around_and_are_bounded() {
    let text = tables(&screen(vec![scout(); 11]), false);
    assert_eq!(
        text.lines()
            .filter(|line| line.starts_with("Provider"))
            .count(),
        10
    );
    assert!(
        text.ends_with("healthy\n") || text.ends_with("… and 1 more model\n"),
        "{text}"
    );
    assert!(!text.contains("http"));
    assert!(!tables(&screen(vec![scout(); 10]), false).contains("more model"));
}

fn size(columns: usize, lines: usize) -> Size {
    Size { columns, lines }
}

fn screen(models: Vec<ModelView>) -> Screen {
    let places = [
        (
            "endpoints",
            "http://127.0.0.1:8080/api/v1/models/meta-llama/llama-4-scout/endpoints",
        ),
        ("metrics", "http://127.0.0.1:8080/metrics"),
    ];
    Screen {
        models,
        places: places
            .map(|(label, url)| (label.to_owned(), url.to_owned()))
            .into(),
    }
}

fn scout() -> ModelView {
    let best = |figure: &str, provider: &str| {
        let (figure, provider) = (figure.to_owned(), provider.to_owned());
        Some(Best { figure, provider })
    };
    let breakdown = [
        "MMLU-Pro 74.3",
        "Code 32.8",
        "MATH 50.3",
        "GPQA Diamond 57.2",
    ];
    let endpoints = [
        (
            "DeepInfra|q8 · fp8|$0.0800|$0.3000|402 / 690|84 / 51|99.99%|98.87%",
            Status::Healthy,
        ),
        (
            "Groq|undisclosed|$0.1100|$0.3400|188 / 260|347 / 211|73.91%|70.10%",
            Status::Down,
        ),
        (
            "Novita|full · bf16|$0.1800|$0.5900|1710 / 3904|31 / 18|93.40%|92.02%",
            Status::Degraded,
        ),
        (
            "Google Vertex|undisclosed|$0.2500|$0.7000|—|—|100.00%|—",
            Status::Unknown,
        ),
    ];
    ModelView {
        id: "meta-llama/llama-4-scout".to_owned(),
        name: "Meta: Llama 4 Scout".to_owned(),
        cheapest: best("$0.08 / 1M", "DeepInfra"),
        fastest: best("211 tok/s", "Groq"),
        composite: Some("54.5".to_owned()),
        breakdown: breakdown.map(str::to_owned).into(),
        endpoints: endpoints
            .map(|(texts, status)| endpoint(texts, status))
            .into(),
    }
}

/// The columns' texts, one after the other.
fn endpoint(texts: &str, status: Status) -> EndpointView {
    let mut texts = texts.split('|').map(str::to_owned);
    let mut next = || texts.next().unwrap();
    EndpointView {
        provider: next(),
        quantization: next(),
        input: next(),
        output: next(),
        latency: next(),
        throughput: next(),
        uptime: next(),
        success: next(),
        status,
    }
}
