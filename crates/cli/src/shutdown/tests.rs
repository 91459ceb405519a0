use std::future::{pending, ready};
use std::sync::{Arc, Mutex};

use anyhow::anyhow;
use tokio::time::{sleep, timeout};

use super::*;

/// What happened, and after how many milliseconds.
#[derive(Clone)]
struct Diary {
    begun: Instant,
    lines: Arc<Mutex<Vec<(&'static str, u128)>>>,
}

impl Diary {
    fn new() -> Self {
        Self {
            begun: Instant::now(),
            lines: Arc::default(),
        }
    }

    fn note(&self, what: &'static str) {
        let at = self.begun.elapsed().as_millis();
        self.lines.lock().unwrap().push((what, at));
    }

    fn after(
        &self,
        ms: u64,
        what: &'static str,
    ) -> impl Future<Output = anyhow::Result<()>> + use<> {
        let diary = self.clone();
        async move {
            sleep(Duration::from_millis(ms)).await;
            diary.note(what);
            Ok(())
        }
    }

    fn lines(&self) -> Vec<(&'static str, u128)> {
        self.lines.lock().unwrap().clone()
    }
}

const TEN_SECONDS: Duration = Duration::from_secs(10);

#[tokio::test(start_paused = true)]
async fn phases_follow_each_other_and_their_parts_run_side_by_side() {
    let diary = Diary::new();
    let shutdown = Shutdown::within(TEN_SECONDS)
        .then("drain", "slow", diary.after(300, "slow"))
        .then("flush", "log", diary.after(100, "log"))
        .then("drain", "fast", diary.after(200, "fast"));
    let ended = shutdown.run_unless(pending::<()>()).await.unwrap();
    assert_eq!(diary.lines(), [("fast", 200), ("slow", 300), ("log", 400)]);
    assert!(ended.in_order().is_ok());
}

#[tokio::test(start_paused = true)]
async fn who_is_late_is_named_and_keeps_nobody_from_ending() {
    let diary = Diary::new();
    let shutdown = Shutdown::within(TEN_SECONDS)
        .then("drain", "stuck", pending())
        .then("drain", "fine", diary.after(10, "fine"))
        .then("flush", "log", diary.after(4_900, "log"));
    let ended = shutdown.run_unless(pending::<()>()).await.unwrap();
    assert_eq!(diary.lines(), [("fine", 10), ("log", 9_900)]);
    assert_eq!(ended.late, ["drain: stuck"]);
    let error = ended.in_order().unwrap_err().to_string();
    assert_eq!(error, "shutdown out of order: drain: stuck is late");
}

#[tokio::test(start_paused = true)]
async fn all_of_it_ends_by_the_deadline() {
    let begun = Instant::now();
    let shutdown = Shutdown::within(TEN_SECONDS)
        .then("one", "a", pending())
        .then("two", "b", pending())
        .then("three", "c", pending());
    let ended = shutdown.run_unless(pending::<()>()).await.unwrap();
    assert_eq!(begun.elapsed(), TEN_SECONDS);
    assert_eq!(ended.late, ["one: a", "two: b", "three: c"]);
}

#[tokio::test(start_paused = true)]
async fn a_part_that_fails_or_panics_is_named_too() {
    let shutdown = Shutdown::within(TEN_SECONDS)
        .then("drain", "full", ready(Err(anyhow!("no space"))))
        .then("drain", "broken", async { panic!("on purpose") });
    let ended = shutdown.run_unless(pending::<()>()).await.unwrap();
    let error = ended.in_order().unwrap_err().to_string();
    let wanted = "shutdown out of order: drain: broken is late; drain: full: no space";
    assert_eq!(error, wanted);
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_waits_for_nothing() {
    let diary = Diary::new();
    let shutdown = Shutdown::within(TEN_SECONDS)
        .then("drain", "stage", diary.after(50, "stage"))
        .then("flush", "log", diary.after(100, "log"));
    let cut = sleep(Duration::from_millis(70));
    assert_eq!(shutdown.run_unless(cut).await.unwrap_err(), CutShort);
    assert_eq!(diary.lines(), [("stage", 50)]);
}

fn send(name: &str) {
    let pid = std::process::id().to_string();
    let mut kill = std::process::Command::new("kill");
    assert!(kill.args([name, &pid]).status().unwrap().success());
}

#[tokio::test]
async fn a_signal_that_comes_again_is_heard_and_only_an_interrupt_ends_at_once() {
    let mut signals = Signals::install().unwrap();
    send("-TERM");
    assert_eq!(signals.next().await, Told::End("SIGTERM"));
    send("-TERM");
    send("-HUP");
    let waits = Duration::from_millis(300);
    assert!(timeout(waits, signals.at_once()).await.is_err());
    send("-INT");
    timeout(Duration::from_secs(20), signals.at_once())
        .await
        .unwrap();
}
