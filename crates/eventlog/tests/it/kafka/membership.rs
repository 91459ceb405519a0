//! How a member joins, is told, goes and returns.

use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::kafka::KafkaLog;
use sextant_eventlog::{EventLog, LogError, Membership, MembershipEvent};
use sextant_testbed::kafka::Kafka;
use tokio::time::{Instant, timeout};

use super::harness::{KafkaHarness, by_age, next_change};

const TOPIC: &str = "shared";
const GROUP: &str = "sharers";
const LONG: Duration = Duration::from_secs(30);
/// The harness's session timeout.
const SESSION: Duration = Duration::from_secs(2);

async fn prepared(harness: &KafkaHarness, partitions: u32) -> Arc<KafkaLog> {
    let log = harness.instance("first");
    log.prepare(&[by_age(TOPIC, partitions)]).await.unwrap();
    log
}

async fn next(member: &mut Box<dyn Membership>) -> MembershipEvent {
    let event = timeout(LONG, next_change(member)).await;
    event.expect("a member hears of its group in time").unwrap()
}

async fn assigned(member: &mut Box<dyn Membership>) -> Vec<u32> {
    match next(member).await {
        MembershipEvent::Assigned(mut partitions) => {
            partitions.sort_unstable();
            partitions
        }
        other @ MembershipEvent::Revoked(_) => panic!("{other:?}"),
    }
}

async fn revoked(member: &mut Box<dyn Membership>) -> Vec<u32> {
    match next(member).await {
        MembershipEvent::Revoked(mut partitions) => {
            partitions.sort_unstable();
            partitions
        }
        other @ MembershipEvent::Assigned(_) => panic!("{other:?}"),
    }
}

async fn hears_nothing(member: &mut Box<dyn Membership>, during: Duration) {
    let heard = timeout(during, next_change(member)).await;
    assert!(heard.is_err(), "{heard:?}");
}

/// Two members with two of four partitions each.
async fn two_members(first: &KafkaLog, second: &KafkaLog) -> [(Box<dyn Membership>, Vec<u32>); 2] {
    let mut one = first.join(GROUP, TOPIC).await.unwrap();
    let all = assigned(&mut one).await;
    let mut two = second.join(GROUP, TOPIC).await.unwrap();
    let given_up = revoked(&mut one).await;
    let (_, taken) = tokio::join!(
        timeout(Duration::from_millis(300), next_change(&mut one)),
        assigned(&mut two)
    );
    let kept = all.into_iter().filter(|number| !given_up.contains(number));
    [(one, kept.collect()), (two, taken)]
}

#[tokio::test]
async fn what_is_revoked_goes_to_nobody_until_it_is_let_go_and_the_rest_stays() {
    let harness = KafkaHarness::new();
    let (first, second) = (prepared(&harness, 4).await, harness.instance("second"));
    let mut one = first.join(GROUP, TOPIC).await.unwrap();
    assert_eq!(assigned(&mut one).await, [0, 1, 2, 3]);
    let mut two = second.join(GROUP, TOPIC).await.unwrap();
    let given_up = revoked(&mut one).await;
    assert_eq!(given_up.len(), 2, "the others stay: {given_up:?}");
    hears_nothing(&mut two, SESSION + Duration::from_secs(1)).await;
    let quiet = hears_nothing(&mut one, Duration::from_secs(3));
    let ((), taken) = tokio::join!(quiet, assigned(&mut two));
    assert_eq!(taken, given_up);
}

#[tokio::test]
async fn a_member_gone_without_a_word_is_replaced_after_the_session_timeout() {
    let harness = KafkaHarness::new();
    let (first, second) = (prepared(&harness, 4).await, harness.instance("second"));
    let [(one, kept), (mut two, _)] = two_members(&first, &second).await;
    let gone = Instant::now();
    drop((one, first));
    let taken = assigned(&mut two).await;
    assert_eq!(taken, kept);
    assert!(
        gone.elapsed() > SESSION / 2,
        "it might have returned: {:?}",
        gone.elapsed()
    );
}

#[tokio::test]
async fn who_returns_under_its_name_gets_its_partitions_back_and_disturbs_nobody() {
    let harness = KafkaHarness::new();
    let (first, second) = (prepared(&harness, 4).await, harness.instance("second"));
    let [(one, kept), (mut two, _)] = two_members(&first, &second).await;
    drop((one, first));
    let first = harness.instance("first");
    let mut one = first.join(GROUP, TOPIC).await.unwrap();
    let back = assigned(&mut one);
    let quiet = hears_nothing(&mut two, 2 * SESSION);
    let (back, ()) = tokio::join!(back, quiet);
    assert_eq!(back, kept);
}

#[tokio::test]
async fn who_joins_again_in_the_same_process_gets_its_partitions_back() {
    let harness = KafkaHarness::new();
    let (first, second) = (prepared(&harness, 4).await, harness.instance("second"));
    let [(one, kept), (mut two, _)] = two_members(&first, &second).await;
    drop(one);
    let mut one = first.join(GROUP, TOPIC).await.unwrap();
    let quiet = hears_nothing(&mut two, 2 * SESSION);
    let (back, ()) = tokio::join!(assigned(&mut one), quiet);
    assert_eq!(back, kept);
}

#[tokio::test]
async fn the_older_of_two_processes_with_one_name_is_told_so_and_stops() {
    let harness = KafkaHarness::new();
    let older = prepared(&harness, 2).await;
    let mut put_out = older.join(GROUP, TOPIC).await.unwrap();
    assert_eq!(assigned(&mut put_out).await, [0, 1]);
    let newer = harness.instance("first");
    let mut member = newer.join(GROUP, TOPIC).await.unwrap();
    assert_eq!(assigned(&mut member).await, [0, 1]);
    let told = loop {
        match timeout(LONG, next_change(&mut put_out)).await.unwrap() {
            Ok(MembershipEvent::Revoked(_)) => {}
            Ok(other) => panic!("{other:?}"),
            Err(error) => break error,
        }
    };
    assert!(matches!(told, LogError::Stopped { .. }), "{told}");
    assert!(told.to_string().contains("under this one's name"), "{told}");
    hears_nothing(&mut member, Duration::from_millis(500)).await;
}

#[tokio::test]
async fn a_member_dropped_before_it_let_go_is_out_of_the_way() {
    let harness = KafkaHarness::new();
    let (first, second) = (prepared(&harness, 4).await, harness.instance("second"));
    let mut one = first.join(GROUP, TOPIC).await.unwrap();
    assigned(&mut one).await;
    let mut two = second.join(GROUP, TOPIC).await.unwrap();
    revoked(&mut one).await;
    drop(one);
    let mut taken = assigned(&mut two).await;
    while taken.len() < 4 {
        taken.extend(assigned(&mut two).await);
    }
    // Its thread has ended too: the name is free again.
    let again = timeout(Duration::from_secs(5), first.join(GROUP, TOPIC)).await;
    let mut one = again.expect("the name is free").unwrap();
    let given_up = revoked(&mut two);
    assert_eq!(given_up.await.len(), 2);
    let (_, taken) = tokio::join!(
        timeout(Duration::from_millis(300), next_change(&mut two)),
        assigned(&mut one)
    );
    assert_eq!(taken.len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_membership_outlives_its_broker() {
    let mut kafka = Kafka::start().unwrap();
    let mut harness = KafkaHarness::on(kafka.address().to_owned());
    // Longer than the broker is away.
    harness.config.session_timeout_ms = 45_000;
    let (first, second) = (prepared(&harness, 4).await, harness.instance("second"));
    let [(mut one, _), (mut two, _)] = two_members(&first, &second).await;
    kafka.kill().unwrap();
    tokio::task::block_in_place(|| kafka.start_again().unwrap());
    let quiet = Duration::from_secs(4);
    tokio::join!(
        hears_nothing(&mut one, quiet),
        hears_nothing(&mut two, quiet)
    );
    let mut three = harness.instance("third").join(GROUP, TOPIC).await.unwrap();
    let given_up = tokio::select! {
        given_up = revoked(&mut one) => given_up,
        given_up = revoked(&mut two) => given_up,
    };
    let taken = tokio::select! {
        taken = assigned(&mut three) => taken,
        other = next_change(&mut one) => panic!("{other:?}"),
        other = next_change(&mut two) => panic!("{other:?}"),
    };
    assert_eq!(taken, given_up);
}
