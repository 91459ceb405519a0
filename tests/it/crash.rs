use std::path::Path;
use std::process::{Child, Stdio};
use std::thread;
use std::time::Duration;

use rand::prelude::*;
use sextant_tests::embedded::counts;
use sextant_tests::page::{assert_true, endpoints, provider};
use sextant_tests::process::{Process, command};
use sextant_tests::traffic::{MODEL, observations, write};
use sextant_tests::truth::by_provider;

const SEED: u64 = 20_261_122;
const KILLS: u32 = 20;

/// Fault matrix row 1, and row 2 as far as a random moment hits it.
#[test]
fn p1_p2_p3_twenty_kills_in_the_middle_of_a_replay_change_no_number() {
    eprintln!("seed {SEED}");
    let mut random = StdRng::seed_from_u64(SEED);
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let all = observations(SEED, 250, 1_300);
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    // 1,300 s at 60 times the speed: about 22 s, in a batch each 200 ms.
    let to = server.grpc.replace("http://", "grpc://");
    let mut replay = command(&[
        "replay",
        file.to_str().unwrap(),
        "--to",
        &to,
        "--speed",
        "60",
        "--rebase",
    ])
    .stdout(Stdio::null())
    .spawn()
    .unwrap();
    for _ in 0..KILLS {
        thread::sleep(Duration::from_millis(random.random_range(50..1_200)));
        server.kill();
        server = Process::standalone_again(&data, &server);
    }
    assert!(wait(&mut replay), "the replay outlives every kill");
    let truths = by_provider(&all);
    for endpoint in endpoints(&server, MODEL, all.len() as u64) {
        assert_true(&endpoint, &truths[provider(&endpoint)]);
    }
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(
        stored(&data),
        all.len() as u64,
        "the store has everything once"
    );
}

/// Fault matrix row 23: told to end twice, under load.
#[test]
fn p1_a_terminated_process_exits_with_0_and_forgets_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let all = observations(3, 400, 900);
    let file = write(folder.path(), &all);
    let mut server = Process::standalone(&data);
    let to = server.grpc.replace("http://", "grpc://");
    let mut replay = command(&[
        "replay",
        file.to_str().unwrap(),
        "--to",
        &to,
        "--speed",
        "150",
        "--rebase",
    ])
    .stdout(Stdio::null())
    .spawn()
    .unwrap();
    for pause_ms in [700, 1_100, 1_600] {
        thread::sleep(Duration::from_millis(pause_ms));
        server.signal("-TERM");
        server.signal("-TERM");
        assert_eq!(server.ended().code(), Some(0));
        server = Process::standalone_again(&data, &server);
    }
    assert!(wait(&mut replay));
    let truths = by_provider(&all);
    for endpoint in endpoints(&server, MODEL, all.len() as u64) {
        assert_true(&endpoint, &truths[provider(&endpoint)]);
    }
    assert_eq!(server.terminate().code(), Some(0));
    assert_eq!(stored(&data), all.len() as u64);
}

fn wait(child: &mut Child) -> bool {
    child.wait().unwrap().success()
}

/// Observations in the store's minutes.
fn stored(data: &Path) -> u64 {
    counts(data).values().sum()
}
