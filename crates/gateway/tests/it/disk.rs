//! What outlives a gateway's process.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use sextant_gateway::{Empty, Gateway, GatewayError, Options, Source};
use sextant_measure::time::{Clock, Timestamp};
use tempfile::TempDir;

use crate::market::{NOW, chosen, decide, delta, full, heartbeat, row};
use crate::server::{Server, until};

/// A machine's clock that a test sets.
#[derive(Default)]
struct Manual(AtomicI64);

impl Manual {
    fn at(seconds: i64) -> Arc<dyn Clock> {
        Self::set_at(seconds)
    }

    fn set_at(seconds: i64) -> Arc<Self> {
        let clock = Arc::<Self>::default();
        clock.set(seconds);
        clock
    }

    fn set(&self, seconds: i64) {
        let us = NOW.plus_micros(seconds * 1_000_000).as_micros();
        self.0.store(us, Ordering::SeqCst);
    }
}

impl Clock for Manual {
    fn now(&self) -> Timestamp {
        Timestamp::from_micros(self.0.load(Ordering::SeqCst))
    }
}

/// A file that a gateway has kept, and its folder.
async fn kept() -> (TempDir, std::path::PathBuf) {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("snapshot");
    let server = Server::start(vec![full(1)]).await;
    let options = Options::new([&*server.url()]).unwrap().kept_in(&file);
    let gateway = Gateway::start_with(options, &Manual::at(0)).unwrap();
    until("a snapshot", || gateway.held().is_some()).await;
    // The last before it ends is kept, too.
    server.say(&delta(1, row("b", 50, 11)));
    until("the change", || gateway.stats().deltas == 1).await;
    gateway.stop().await;
    (folder, file)
}

/// A gateway without a server, so long after the file was written.
fn alone(file: &Path, seconds: i64) -> Gateway {
    let options = Options::new(["grpc://127.0.0.1:9"]).unwrap().kept_in(file);
    Gateway::start_with(options, &Manual::at(seconds)).unwrap()
}

#[tokio::test]
async fn what_was_kept_is_chosen_from_after_a_restart_and_says_how_old_it_is() {
    let (_folder, file) = kept().await;
    for (seconds, order) in [(2, ["b", "a"]), (59, ["b", "a"]), (300, ["b", "a"])] {
        let gateway = alone(&file, seconds);
        assert_eq!(chosen(&gateway), order, "{seconds}");
        let held = gateway.held().unwrap();
        assert_eq!(held.source, Source::File);
        let age = Duration::from_secs(seconds.unsigned_abs());
        assert!(
            held.age >= age && held.age < age + Duration::from_secs(5),
            "{held:?}"
        );
        assert_eq!(decide(&gateway).is_stale(), seconds >= 300);
        gateway.stop().await;
    }
}

#[tokio::test]
async fn an_end_in_order_makes_nothing_younger_than_the_last_word_of_a_server() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("snapshot");
    let server = Server::start(vec![full(1)]).await;
    let options = Options::new([&*server.url()]).unwrap().kept_in(&file);
    let clock = Manual::set_at(0);
    let watched = Arc::clone(&clock) as Arc<dyn Clock>;
    let gateway = Gateway::start_with(options, &watched).unwrap();
    until("a snapshot", || gateway.held().is_some()).await;
    clock.set(40);
    server.say(&heartbeat(40));
    until("a heartbeat", || gateway.stats().heartbeats == 1).await;
    // The server says nothing more for ten minutes; then the gateway is told to end.
    clock.set(640);
    gateway.stop().await;
    let again = alone(&file, 650);
    let age = again.held().unwrap().age.as_secs();
    assert!((610..620).contains(&age), "{age} s since the heartbeat");
    assert!(decide(&again).is_stale());
    again.stop().await;
}

#[tokio::test]
async fn what_was_kept_of_other_models_is_not_continued() {
    let (_folder, file) = kept().await;
    for models in [vec!["x/other"], vec!["x/m", "x/other"]] {
        let mut options = Options::new(["grpc://127.0.0.1:9"]).unwrap().kept_in(&file);
        options.models = models.iter().map(|it| it.parse().unwrap()).collect();
        let gateway = Gateway::start_with(options, &Manual::at(1)).unwrap();
        assert!(gateway.held().is_none(), "{models:?}");
        gateway.stop().await;
    }
    let gateway = alone(&file, 1);
    assert!(gateway.held().is_some(), "it is left as it is");
    gateway.stop().await;
}

#[tokio::test]
async fn a_clock_that_was_set_back_makes_nothing_younger_than_it_was() {
    let (_folder, file) = kept().await;
    let gateway = alone(&file, -500);
    assert!(gateway.held().unwrap().age < Duration::from_secs(5));
    gateway.stop().await;
}

#[tokio::test]
async fn a_file_that_will_not_do_is_left_as_it_is_and_nothing_is_held() {
    let (_folder, file) = kept().await;
    let good = fs::read(&file).unwrap();
    let mut other_format = good.clone();
    other_format[8] = 2;
    let mut damaged = good.clone();
    let last = damaged.len() - 1;
    damaged[last] ^= 1;
    let longer = [&good[..], b"x"].concat();
    let cut = good[..good.len() / 2].to_vec();
    for bad in [
        Vec::new(),
        b"nonsense".to_vec(),
        other_format,
        damaged,
        longer,
        cut,
    ] {
        fs::write(&file, &bad).unwrap();
        let gateway = alone(&file, 1);
        assert_eq!(decide(&gateway).empty, Some(Empty::NoSnapshot));
        gateway.stop().await;
        assert_eq!(fs::read(&file).unwrap(), bad);
    }
}

#[tokio::test]
async fn a_file_without_a_folder_is_refused_at_once() {
    let options = Options::new(["grpc://127.0.0.1:9"]).unwrap();
    let started = Gateway::start(options.kept_in("/nowhere/at/all/snapshot"));
    assert!(matches!(started, Err(GatewayError::File { .. })));
}
