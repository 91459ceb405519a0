//! What is too old goes, and nothing else.

use sextant_measure::id::AgentId;
use sextant_measure::time::Minute;
use sextant_store::{Expired, Limits, Retention, Revision, Rows};

use super::traffic::Traffic;
use super::{Harness, START, all_minutes, all_windows, always, endpoint, of_minutes, series};

const MINUTES_PER_DAY: u32 = 1_440;

/// Rows older than the default retention by more than the grace are deleted, and counted; younger
/// ones are not.
pub async fn what_is_too_old_is_deleted_and_the_rest_kept(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut traffic = Traffic::new(1);
    let now = START;
    let days = Retention::default();
    let grace = harness.retention_grace_minutes();
    let ends = [days.minutes_days, days.windows_days, days.agents_days];
    let [minutes, windows, agents] = ends.map(|days| {
        let horizon = now.minus(days * MINUTES_PER_DAY);
        let too_old = [horizon.minus(20_000), horizon.minus(grace + 1)];
        (too_old, [horizon, horizon.plus(1), now])
    });
    let series = series("m", "groq", "eu");
    let agent = AgentId::new("edge").unwrap();
    let mut rows_at = |minutes: &[Minute], windows: &[Minute], agents: &[Minute]| {
        let once = Revision::default();
        let minute = |at: &Minute| traffic.minute_row(&series, *at, once);
        let minutes = minutes.iter().map(minute).collect();
        let window = |at: &Minute| traffic.window_row(&series.endpoint, None, *at);
        let windows = windows.iter().map(window).collect();
        let agent = |at: &Minute| traffic.agent_row(&agent, *at, once);
        let agents = agents.iter().map(agent).collect();
        Rows {
            minutes,
            windows,
            agents,
            ..Rows::default()
        }
    };
    let old = rows_at(&minutes.0, &windows.0, &agents.0);
    let kept = rows_at(&minutes.1, &windows.1, &agents.1);
    store.write(old).await.unwrap();
    store.write(kept.clone()).await.unwrap();

    let expired = store.enforce_retention(now.start()).await.unwrap();
    assert_eq!(
        expired,
        Expired {
            minutes: 2,
            windows: 2,
            agents: 2,
            attempts: 0,
        }
    );
    assert_eq!(
        store.minutes(&all_minutes("m")).await.unwrap(),
        kept.minutes
    );
    assert_eq!(
        store.windows(&all_windows("m")).await.unwrap(),
        kept.windows
    );
    assert_eq!(store.agents(always()).await.unwrap(), kept.agents);
    let uptime = store
        .uptime(&[endpoint("m", "groq")], always())
        .await
        .unwrap();
    let whole: u64 = uptime[0].buckets.iter().map(|(_, ratio)| ratio.whole).sum();
    let expected = kept
        .minutes
        .iter()
        .map(|row| row.sums.counts.uptime().whole);
    assert_eq!(whole, expected.sum::<u64>());

    let again = store.enforce_retention(now.start()).await.unwrap();
    assert_eq!(again, Expired::default());
}

/// A series whose rows are all gone comes back as itself, also beside one that is new.
pub async fn what_is_deleted_can_be_written_again(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let mut traffic = Traffic::new(1);
    let [gone, new] = ["groq", "novita"].map(|provider| series("m", provider, "eu"));
    let old = traffic.minute_row(&gone, START, Revision::default());
    let later = START.plus(60 * MINUTES_PER_DAY);
    for _ in 0..2 {
        store.write(of_minutes([old.clone()])).await.unwrap();
        let found = store.minutes(&all_minutes("m")).await.unwrap();
        assert_eq!(
            found.first(),
            Some(&old),
            "until retention is enforced again"
        );
        store.enforce_retention(later.start()).await.unwrap();
        assert_eq!(store.minutes(&all_minutes("m")).await.unwrap(), []);
    }

    let rows = [&new, &gone].map(|series| traffic.minute_row(series, later, Revision::default()));
    store.write(of_minutes(rows.clone())).await.unwrap();
    let [new, gone] = rows;
    assert_eq!(store.minutes(&all_minutes("m")).await.unwrap(), [gone, new]);
}
