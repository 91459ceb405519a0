//! One leads; what it opens and closes outlives it, and is told once.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use prometheus_client::registry::Registry;
use sextant_alerts::delivery::{self, Board};
use sextant_alerts::view::{Sight, View};
use sextant_alerts::{Alerts, Config, Metrics, Wiring};
use sextant_eventlog::{EventLog, LogError};
use sextant_incident::AlertKey;
use sextant_measure::counts::Counts;
use sextant_measure::figures::Figures;
use sextant_measure::id::Region;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::ratio::Ratio;
use sextant_measure::time::{Clock, Timestamp};
use sextant_snapshot::row::{AgentsSeen, EndpointRow, RegionFigures};
use sextant_store::Store;
use sextant_testkit::memory_log::MemoryLog;
use sextant_wire::alerts::{Entry, to_record};
use sextant_wire::topics::{ALERTS, topics};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::shelf::Shelf;

const ALERT: &str = "uptime-page/endpoint/a/b/p/fp8";

/// Tells the paused time of the runtime.
#[derive(Clone, Copy)]
struct PausedClock(Instant);

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        let passed = self.0.elapsed().as_micros();
        Timestamp::from_micros(1_800_000_000_000_000 + i64::try_from(passed).unwrap())
    }
}

/// One endpoint, of whose last observations so many of a thousand are bad.
struct OneEndpoint {
    bad: Mutex<Option<u32>>,
    clock: PausedClock,
}

#[async_trait]
impl Sight for OneEndpoint {
    async fn look(&self) -> Option<View> {
        let bad = (*self.bad.lock().unwrap_or_else(PoisonError::into_inner))?;
        let mut counts = Counts::default();
        (bad..1_000).for_each(|_| counts.add(Source::Live, Outcome::Ok));
        (0..bad).for_each(|_| counts.add(Source::Live, Outcome::ProviderError));
        let mut figures = Figures {
            counts,
            ..Figures::default()
        };
        figures.recent.uptime_5m = Ratio::new(u64::from(1_000 - bad), 1_000);
        let agents = AgentsSeen {
            five_minutes: 2,
            one_hour: 2,
        };
        let region = RegionFigures {
            region: Region::new("eu").unwrap(),
            figures,
        };
        let alert: AlertKey = ALERT.parse().unwrap();
        let sextant_incident::Subject::Endpoint(id) = alert.subject else {
            return None;
        };
        let row = EndpointRow::new(id, self.clock.now(), agents, vec![region], None).unwrap();
        Some(View::new(vec![Arc::new(row)], Vec::new()))
    }
}

struct Rig {
    log: MemoryLog,
    clock: PausedClock,
    sight: Arc<OneEndpoint>,
    shelf: Arc<Shelf>,
}

struct Running {
    alerts: Alerts,
    tracker: TaskTracker,
    stop: CancellationToken,
}

impl Rig {
    async fn new() -> Self {
        let clock = PausedClock(Instant::now());
        let log = MemoryLog::new(Arc::new(move || clock.now().as_micros()));
        let topics = topics(1, Duration::from_hours(2));
        log.prepare(&topics).await.unwrap();
        let bad = Mutex::new(Some(0));
        let sight = Arc::new(OneEndpoint { bad, clock });
        Self {
            log,
            clock,
            sight,
            shelf: Arc::default(),
        }
    }

    fn start(&self, name: &str) -> Running {
        let (tracker, stop) = (TaskTracker::new(), CancellationToken::new());
        let mut registry = Registry::default();
        let nobody = delivery::Config {
            log: false,
            ..delivery::Config::default()
        };
        let wiring = Wiring {
            log: Arc::new(self.log.clone()),
            sight: Arc::clone(&self.sight) as Arc<dyn Sight>,
            clock: Arc::new(self.clock),
            name: name.to_owned(),
            store: Arc::clone(&self.shelf) as Arc<dyn Store>,
            config: Arc::new(Config::default().resolve().unwrap()),
            receivers: nobody.resolve(&|_| Err("none".to_owned())).unwrap(),
            metrics: Metrics::register(&mut registry),
            delivery_metrics: delivery::Metrics::register(&mut registry),
        };
        let alerts = Alerts::start(wiring, &tracker, &stop);
        Running {
            alerts,
            tracker,
            stop,
        }
    }

    fn see(&self, bad: impl Into<Option<u32>>) {
        *self
            .sight
            .bad
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = bad.into();
    }
}

impl Running {
    fn board(&self) -> Board {
        Arc::clone(&self.alerts.board().borrow())
    }

    /// Each incident on the board, whether it is open, and who has heard what.
    fn shown(&self) -> Vec<String> {
        let board = self.board();
        let posted = board.iter().map(|posted| {
            let incident = &posted.incident;
            let state = if incident.is_open() { "open" } else { "closed" };
            let heard = posted.delivered.iter();
            let heard = heard.map(|it| format!(" {} {}", it.receiver, it.event.name()));
            format!("{} {state}{}", incident.alert, heard.collect::<String>())
        });
        posted.collect()
    }

    async fn end(self) {
        self.stop.cancel();
        self.tracker.close();
        self.tracker.wait().await;
    }
}

async fn seconds(seconds: u64) {
    sleep(Duration::from_secs(seconds)).await;
}

#[tokio::test(start_paused = true)]
async fn p8_an_incident_is_opened_within_two_evaluations_is_one_row_and_is_let_go_of_when_over() {
    let rig = Rig::new().await;
    let running = rig.start("one");
    seconds(30).await;
    assert!(running.shown().is_empty());
    rig.see(500);
    seconds(20).await;
    assert_eq!(running.shown(), [format!("{ALERT} open store opened")]);
    assert_eq!(rig.shelf.shown(), [format!("{ALERT} open")]);
    rig.see(0);
    seconds(320).await;
    assert_eq!(
        running.shown(),
        [format!("{ALERT} closed store opened store closed")]
    );
    assert_eq!(rig.shelf.shown(), [format!("{ALERT} closed")]);
    seconds(310).await;
    assert!(running.shown().is_empty());
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_delays_nobody_and_has_it_all_later() {
    let rig = Rig::new().await;
    rig.shelf.away(true);
    rig.see(500);
    let running = rig.start("one");
    seconds(20).await;
    assert_eq!(running.shown(), [format!("{ALERT} open")]);
    rig.see(0);
    seconds(20 * 60).await;
    assert_eq!(
        running.shown(),
        [format!("{ALERT} closed")],
        "it waits for the store"
    );
    rig.shelf.away(false);
    seconds(20).await;
    assert_eq!(rig.shelf.shown(), [format!("{ALERT} closed")]);
    assert!(running.shown().is_empty());
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn p8_a_restart_in_mid_incident_neither_repeats_nor_loses_it() {
    let mut rig = Rig::new().await;
    rig.see(500);
    let running = rig.start("one");
    seconds(15).await;
    let opened_at = running.board()[0].incident.opened_at;
    // A kill: nothing is said to anyone.
    rig.log = rig.log.reopen();
    rig.shelf.away(true);
    rig.see(None);
    let running = rig.start("two");
    seconds(15).await;
    assert_eq!(running.shown(), [format!("{ALERT} open store opened")]);
    assert_eq!(running.board()[0].incident.opened_at, opened_at);
    rig.see(500);
    seconds(30).await;
    assert_eq!(running.board().len(), 1, "it is the same one");
    rig.see(0);
    seconds(200).await;
    rig.log = rig.log.reopen();
    let running = rig.start("three");
    seconds(130).await;
    assert_eq!(
        running.shown(),
        [format!("{ALERT} closed store opened")],
        "how long it had been over was kept"
    );
}

#[tokio::test(start_paused = true)]
async fn p8_of_two_one_shows_a_board_and_the_other_takes_over() {
    let rig = Rig::new().await;
    rig.see(500);
    let one = rig.start("one");
    seconds(1).await;
    let two = rig.start("two");
    seconds(60).await;
    assert_eq!((one.board().len(), two.board().len()), (1, 0));
    let opened_at = one.board()[0].incident.opened_at;
    let former = one.alerts.board();
    one.end().await;
    assert!(former.borrow().is_empty(), "who has ended tells nothing");
    seconds(30).await;
    assert_eq!(two.shown(), [format!("{ALERT} open store opened")]);
    assert_eq!(two.board()[0].incident.opened_at, opened_at);
    two.end().await;
}

#[tokio::test(start_paused = true)]
async fn nobody_hears_of_what_is_not_durable() {
    let rig = Rig::new().await;
    let running = rig.start("one");
    seconds(5).await;
    let away = || LogError::Unavailable {
        reason: "a test".to_owned(),
    };
    rig.log.fail_next_append(away());
    rig.log.fail_next_append(away());
    rig.see(500);
    seconds(20).await;
    assert!(running.shown().is_empty());
    seconds(10).await;
    assert_eq!(running.shown(), [format!("{ALERT} open store opened")]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn an_append_without_an_answer_opens_one_incident() {
    let rig = Rig::new().await;
    let running = rig.start("one");
    seconds(5).await;
    rig.log.lose_next_answer();
    rig.see(500);
    seconds(30).await;
    assert_eq!(running.board().len(), 1);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn a_displaced_leader_shows_nothing_until_it_has_claimed_the_log_again() {
    let rig = Rig::new().await;
    rig.see(500);
    let running = rig.start("one");
    seconds(15).await;
    assert_eq!(running.board().len(), 1);
    let owner = "another".to_owned();
    let claim = to_record(&Entry::Claim { owner }, None);
    rig.log.append(ALERTS, 0, vec![claim]).await.unwrap();
    seconds(7).await;
    assert!(running.shown().is_empty());
    seconds(5).await;
    assert_eq!(running.shown(), [format!("{ALERT} open store opened")]);
    running.end().await;
}

#[tokio::test(start_paused = true)]
async fn what_a_stale_leader_writes_counts_for_nothing_and_is_written_over() {
    let mut rig = Rig::new().await;
    rig.see(500);
    let running = rig.start("one");
    seconds(15).await;
    let stale = Entry::Alert {
        alert: ALERT.parse().unwrap(),
        incidents: Vec::new(),
    };
    let before_any_claim = Some(0);
    let claims = rig.log.bounds(ALERTS, 0).await.unwrap().high_watermark;
    assert!(claims.0 >= 2, "a claim and an incident");
    let record = to_record(&stale, before_any_claim);
    // The first claim has the offset 0; another one makes what bears it stale.
    running.end().await;
    let running = rig.start("two");
    seconds(5).await;
    rig.log.append(ALERTS, 0, vec![record]).await.unwrap();
    seconds(30).await;
    assert_eq!(running.shown(), [format!("{ALERT} open store opened")]);
    rig.log.clean(rig.clock.now().as_micros());
    rig.log = rig.log.reopen();
    rig.see(None);
    let running = rig.start("three");
    seconds(5).await;
    assert_eq!(
        running.shown(),
        [format!("{ALERT} open store opened")],
        "after compaction, too"
    );
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_made_anew_is_claimed_again() {
    let rig = Rig::new().await;
    rig.see(500);
    let running = rig.start("one");
    seconds(15).await;
    let opened_at = running.board()[0].incident.opened_at;
    rig.log.remake(ALERTS);
    seconds(40).await;
    let bounds = rig.log.bounds(ALERTS, 0).await.unwrap();
    assert!(bounds.high_watermark.0 >= 2, "a claim and an incident");
    assert_eq!(running.shown(), [format!("{ALERT} open store opened")]);
    assert_eq!(
        running.board()[0].incident.opened_at,
        opened_at,
        "the same one"
    );
    assert_eq!(rig.shelf.shown().len(), 1);
    running.end().await;
}
