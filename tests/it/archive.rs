//! Single attempts: each once, whatever dies; none that failed is missing; and no window waits.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rand::prelude::*;
use sextant_measure::observation::Observation;
use sextant_measure::outcome::Outcome;
use sextant_tests::embedded::attempts;
use sextant_tests::fleet::{Fleet, replaying};
use sextant_tests::ledger::{embedded, of_fleet, sent};
use sextant_tests::page::endpoints;
use sextant_tests::process::{Process, end_of, eventually};
use sextant_tests::traffic::{MODEL, all_endpoints, named, observations, rebased, write};
use sextant_wire::json::to_json;

use crate::outages::{OTHER, report, shown};

const SEED: u64 = 20_261_123;

/// Ends the process once the archive had time to read all of the log, and compares.
fn assert_each_once(mut server: Process, data: &Path, all: &[Observation]) {
    let expected = sent(all);
    for _ in 0..20 {
        assert_eq!(server.terminate().code(), Some(0));
        let found = embedded(data);
        if found.len() >= expected.len() {
            return assert_eq!(found, expected);
        }
        server = Process::standalone(data);
        thread::sleep(Duration::from_millis(500));
    }
    panic!("the archive does not come to the log's end");
}

/// Fault matrix rows 1 and 2.
#[test]
fn p2_kills_in_the_middle_of_a_replay_leave_each_attempt_once() {
    eprintln!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let all = named(observations(SEED, 80, 360));
    // Often enough that most of those that are killed have committed before.
    let file = folder.path().join("sextant.toml");
    std::fs::write(&file, "[archive]\nwrite_interval_ms = 50\n").unwrap();
    let settings = ["--config", file.to_str().unwrap()];
    let mut server = Process::standalone_with(&data, &settings);
    let mut replay = replaying(&server, &write(folder.path(), &all), 60);
    for _ in 0..8 {
        thread::sleep(Duration::from_millis(random.random_range(200..1_200)));
        server.kill();
        server = Process::standalone_again_with(&data, &server, &settings);
    }
    assert!(end_of(&mut replay, "the replay").success());
    assert_each_once(server, &data, &all);
}

fn post(server: &Process, sequence: usize, batch: &[Observation]) {
    let sequence = sequence.to_string();
    let identity = [
        ("Sextant-Agent", "edge-1"),
        ("Sextant-Epoch", "7"),
        ("Sextant-Sequence", &*sequence),
    ];
    let lines: Vec<_> = batch.iter().map(|it| to_json(it).to_string()).collect();
    let (status, answer) = server.post("/api/v1/observations", &identity, &lines.join("\n"));
    assert_eq!(
        (status, &answer["accepted"]),
        (200, &batch.len().into()),
        "{answer}"
    );
}

/// Fault matrix row 11.
#[test]
fn p2_batches_sent_three_times_and_shuffled_are_kept_once() {
    let mut random = StdRng::seed_from_u64(SEED);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    // Fewer of each series than are kept one by one in a second.
    let all = rebased(named(observations(SEED, 40, 600)));
    let mut turns: Vec<_> = all.chunks(25).enumerate().collect();
    turns = [&turns[..], &turns, &turns].concat();
    turns.shuffle(&mut random);
    let server = Process::standalone(&data);
    for (sequence, batch) in turns {
        post(&server, sequence, batch);
    }
    assert_each_once(server, &data, &all);
}

/// A standalone with settings of its own that was given all observations as one batch, and whose
/// windows have them.
fn given(settings: &str, data: &Path, all: &[Observation]) -> Process {
    let file = data.with_extension("toml");
    std::fs::write(&file, settings).unwrap();
    let server = Process::standalone_with(data, &["--config", file.to_str().unwrap()]);
    post(&server, 1, all);
    endpoints(&server, MODEL, all.len() as u64);
    server
}

#[test]
fn above_the_rate_weights_stand_for_what_is_left_out_and_every_failure_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let all = rebased(named(observations(SEED, 400, 600)));
    let settings = "[archive]\nobservations_per_second_max = 5\n";
    let mut server = given(settings, &data, &all);
    eventually("an archive that has read all", || {
        let metrics = server.get("/metrics");
        let read = format!(
            "\nsextant_archive_received_observations_total {}\n",
            all.len()
        );
        metrics.as_str().unwrap().contains(&read).then_some(())
    });
    assert_eq!(server.terminate().code(), Some(0));
    let rows = attempts(&data);
    for endpoint in all_endpoints() {
        let of = |ok: bool| {
            let (mut kept, mut told, mut attempts) = (0, 0, 0_u32);
            for row in rows.iter().filter(|row| row.series.endpoint == endpoint) {
                if (row.measurement.outcome == Outcome::Ok) == ok {
                    kept += 1;
                    told += row.weight.get();
                }
            }
            for observation in &all {
                let is_its = observation.definition.provider == endpoint.provider;
                let is_ok = observation.measurement.outcome == Outcome::Ok;
                attempts += u32::from(is_its && is_ok == ok);
            }
            (kept, told, attempts)
        };
        let (kept, told, failures) = of(false);
        assert_eq!((kept, told), (failures, failures), "{endpoint:?}");
        // All of a batch is appended at one moment: 5 of weight 1, 5 of weight 2, and so on.
        let (kept, told, attempts) = of(true);
        assert!(kept <= 5 * 7, "{kept} rows of {endpoint:?}");
        let missed = told.abs_diff(attempts);
        assert!(
            missed * 5 < attempts,
            "{told} stand for {attempts} of {endpoint:?}"
        );
    }
}

#[test]
fn an_archive_that_is_off_keeps_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let all = rebased(named(observations(SEED, 20, 600)));
    let mut server = given("[archive]\nenabled = false\n", &data, &all);
    let metrics = server.get("/metrics");
    assert!(!metrics.as_str().unwrap().contains("sextant_archive"));
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(attempts(&data), []);
}

/// Fault matrix rows 1, 2 and 9, on Kafka and ClickHouse.
#[test]
fn p2_archives_that_die_or_stand_still_leave_each_attempt_once_and_delay_no_window() {
    eprintln!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let fleet = Fleet::new(4);
    let collector = fleet.start("collector", "collector");
    let _owner = fleet.start("aggregator", "owner");
    let server = fleet.start("server", "server");
    let start = || {
        let mut command = fleet.command("archive", "one");
        // Often enough that most of those that are killed have committed before.
        Process::ready(command.env("SEXTANT_ARCHIVE__WRITE_INTERVAL_MS", "50"))
    };
    let mut archive = start();
    let all = named(observations(SEED, 120, 480));
    let mut replay = replaying(&collector, &write(fleet.folder(), &all), 60);
    for _ in 0..4 {
        thread::sleep(Duration::from_millis(random.random_range(300..1_500)));
        archive.kill();
        archive = start();
    }
    archive.signal("-STOP");
    assert!(end_of(&mut replay, "the replay").success());
    let begun = Instant::now();
    report(&collector, OTHER);
    eventually("windows that go on without the archive", || {
        (shown(&server, OTHER) == Some(1)).then_some(())
    });
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    endpoints(&server, MODEL, all.len() as u64);
    archive.signal("-CONT");
    let expected = sent(&all);
    eventually("all attempts in the store", || {
        (of_fleet(&fleet).len() >= expected.len()).then_some(())
    });
    assert_eq!(archive.terminate().code(), Some(0));
    assert_eq!(of_fleet(&fleet), expected);
}
