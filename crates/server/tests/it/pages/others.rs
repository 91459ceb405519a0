//! The overview, the providers and the operations page.

use sextant_measure::id::AgentId;
use sextant_measure::quantization::Quantization;
use sextant_snapshot::record::Entry;
use sextant_snapshot::row::AgentRow;

use super::{failing, page, read};
use crate::numbers::{Attempts, deepinfra, endpoint, figures, ok, row};
use crate::rig::{NOW, Rig};

#[tokio::test(start_paused = true)]
async fn the_overview_finds_models_and_leads_to_them() {
    let (_, running) = Rig::with([row(deepinfra(), &figures(failing()))]).await;
    let html = page(&running, "/").await;
    assert!(html.contains("href=\"/models/meta-llama/llama-4-scout\""));
    let text = read(&html);
    assert!(
        text.contains("Meta: Llama 4 Scout meta-llama/llama-4-scout 54.5"),
        "{text}"
    );
    assert!(
        text.contains("Groq") && text.contains("1 of 4 endpoints down"),
        "{text}"
    );
    for (search, is_found) in [("SCOUT", true), ("meta-llama", true), ("gpt", false)] {
        let html = page(&running, &format!("/?q={search}")).await;
        assert_eq!(
            html.contains("href=\"/models/meta-llama"),
            is_found,
            "{search}"
        );
    }
    let nothing = read(&page(&running, "/?q=gpt").await);
    assert!(nothing.contains("No model is called “gpt”."), "{nothing}");
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn providers_stand_over_all_their_endpoints() {
    let (_, running) = Rig::with([
        row(deepinfra(), &figures(ok(30))),
        row(
            endpoint("a/b", "deepinfra", Quantization::Int4),
            &figures(Attempts {
                ok: 10,
                timeouts: 10,
                ..Attempts::default()
            }),
        ),
    ])
    .await;
    let text = read(&page(&running, "/providers").await);
    assert!(
        text.contains("DeepInfra deepinfra 80.00% , 40 of 50 observations"),
        "{text}"
    );
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn operations_tell_who_reports_and_what_was_lost() {
    let agent = |name: &str, seconds: i64, dropped: u64| {
        Entry::Agent(AgentRow {
            agent: AgentId::new(name).unwrap(),
            published_at: NOW,
            heard_at: NOW.plus_micros(-seconds * 1_000_000),
            recorded: 1_000 + dropped,
            acknowledged: 1_000,
            refused: 0,
            dropped: vec![("age".to_owned(), dropped), ("bytes".to_owned(), 0)],
            clock_offset_us: -1_500_000,
            early: 2,
            clashes: 3,
        })
    };
    let rows = [agent("edge-1", 300, 0), agent("edge-2", 4, 7)];
    let (_, running) = Rig::with(rows).await;
    let text = read(&page(&running, "/operations").await);
    let late = text.find("edge-2 4 s ago 1 007 1 000 0 7 age 7 -1500 2 3");
    let early = text.find("edge-1 5 min ago 1 000 1 000 0 0 -1500 2 3");
    assert!(late.is_some() && late < early, "{text}");
    assert!(text.contains("Coverage 1 of 1"), "{text}");
    running.end().await;
}
