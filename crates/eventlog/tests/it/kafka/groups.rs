//! Members of one group in several processes, and what they commit.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::{ClientConfig, Offset as At, TopicPartitionList};
use sextant_eventlog::kafka::KafkaLog;
use sextant_eventlog::{EventLog, LogError, MembershipEvent, Offset, Position};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::harness::{KafkaHarness, by_age, next_change, until};

const TOPIC: &str = "shared";
const GROUP: &str = "sharers";

/// A log with a topic of so many partitions.
async fn prepared(harness: &KafkaHarness, partitions: u32) -> Arc<KafkaLog> {
    let log = harness.instance("first");
    log.prepare(&[by_age(TOPIC, partitions)]).await.unwrap();
    log
}

fn position(offset: u64) -> Position {
    Position {
        offset: Offset(offset),
        time_us: 1_790_000_000_000_000,
    }
}

/// Who holds which partition, as the members themselves say.
#[derive(Default)]
struct Held(Mutex<BTreeMap<u32, usize>>);

impl Held {
    fn take(&self, member: usize, partitions: &[u32]) {
        let mut held = self.0.lock().unwrap();
        for partition in partitions {
            let before = held.insert(*partition, member);
            assert_eq!(
                before, None,
                "{partition} went to {member} while it was held"
            );
        }
    }

    fn let_go(&self, partitions: &[u32]) {
        let mut held = self.0.lock().unwrap();
        held.retain(|partition, _| !partitions.contains(partition));
    }

    fn leave(&self, member: usize) {
        self.0.lock().unwrap().retain(|_, holder| *holder != member);
    }

    /// How many partitions each of the members has, if all have one.
    fn shares(&self, partitions: usize, members: &[usize]) -> Result<Vec<usize>, String> {
        let held = self.0.lock().unwrap();
        let of = |member| held.values().filter(|holder| **holder == member).count();
        let shares: Vec<_> = members.iter().map(|member| of(*member)).collect();
        if shares.iter().sum::<usize>() == partitions {
            Ok(shares)
        } else {
            Err(format!("{held:?}"))
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn partitions_are_shared_and_each_has_one_owner_at_any_time() {
    const PARTITIONS: usize = 12;
    let harness = KafkaHarness::new();
    prepared(&harness, 12).await;
    let held = Arc::new(Held::default());
    let mut members = JoinSet::new();
    let mut stops = Vec::new();
    for number in 0..4 {
        let (log, held) = (
            harness.instance(&format!("member-{number}")),
            Arc::clone(&held),
        );
        let stop = Arc::new(Notify::new());
        stops.push(Arc::clone(&stop));
        members.spawn(async move {
            let mut member = log.join(GROUP, TOPIC).await.unwrap();
            let mut letting_go = Vec::new();
            loop {
                held.let_go(&letting_go);
                letting_go.clear();
                let event = tokio::select! {
                    event = member.next() => event.unwrap(),
                    () = stop.notified() => break,
                };
                match event {
                    MembershipEvent::Assigned(partitions) => held.take(number, &partitions),
                    MembershipEvent::Revoked(partitions) => {
                        // Whoever gave it away too early gives it to another meanwhile.
                        sleep(Duration::from_millis(150)).await;
                        letting_go = partitions;
                    }
                }
            }
            held.leave(number);
        });
        sleep(Duration::from_millis(300)).await;
    }
    let fair = async || match held.shares(PARTITIONS, &[0, 1, 2, 3]) {
        Ok(shares) if shares == [3, 3, 3, 3] => Ok(()),
        other => Err(other),
    };
    until(fair).await;
    stops[1].notify_one();
    let shared_again = async || match held.shares(PARTITIONS, &[0, 2, 3]) {
        Ok(shares) if shares == [4, 4, 4] => Ok(()),
        other => Err(other),
    };
    until(shared_again).await;
    stops.iter().for_each(|stop| stop.notify_one());
    members.join_all().await;
}

#[tokio::test]
async fn commits_by_members_work_while_others_are_members() {
    let harness = KafkaHarness::new();
    let first = prepared(&harness, 2).await;
    let second = harness.instance("second");
    let mut one = first.join(GROUP, TOPIC).await.unwrap();
    next_change(&mut one).await.unwrap();
    let mut two = second.join(GROUP, TOPIC).await.unwrap();
    next_change(&mut one).await.unwrap();
    // Whoever follows the group while it changes hands is told to try again.
    let (let_go, taken) = (
        timeout(Duration::from_secs(1), next_change(&mut one)),
        next_change(&mut two),
    );
    assert!(matches!(tokio::join!(let_go, taken), (Err(_), Ok(_))));
    for (log, partition) in [(&first, 0), (&second, 1), (&first, 1), (&second, 0)] {
        let offset = u64::from(partition) + 40;
        until(async || log.commit(GROUP, TOPIC, partition, position(offset)).await).await;
        for reader in [&first, &second] {
            let found = reader.committed(GROUP, TOPIC, partition).await.unwrap();
            assert_eq!(found, Some(position(offset)));
        }
    }
}

#[tokio::test]
async fn a_commit_from_outside_a_group_with_members_is_refused_and_moves_nothing() {
    let harness = KafkaHarness::new();
    let inside = prepared(&harness, 1).await;
    let outside = harness.instance("outside");
    outside.commit(GROUP, TOPIC, 0, position(3)).await.unwrap();
    let mut member = inside.join(GROUP, TOPIC).await.unwrap();
    next_change(&mut member).await.unwrap();
    let refusal = outside
        .commit(GROUP, TOPIC, 0, position(9))
        .await
        .unwrap_err();
    assert!(refusal.to_string().contains("committing"), "{refusal}");
    assert_eq!(
        outside.committed(GROUP, TOPIC, 0).await.unwrap(),
        Some(position(3))
    );
    inside.commit(GROUP, TOPIC, 0, position(5)).await.unwrap();
    assert_eq!(
        outside.committed(GROUP, TOPIC, 0).await.unwrap(),
        Some(position(5))
    );
}

#[tokio::test]
async fn a_commit_by_a_member_that_was_put_out_is_refused_and_moves_nothing() {
    let harness = KafkaHarness::new();
    let older = prepared(&harness, 1).await;
    let mut put_out = older.join(GROUP, TOPIC).await.unwrap();
    next_change(&mut put_out).await.unwrap();
    older.commit(GROUP, TOPIC, 0, position(3)).await.unwrap();
    let newer = harness.instance("first");
    let mut member = newer.join(GROUP, TOPIC).await.unwrap();
    next_change(&mut member).await.unwrap();
    let refusal = older
        .commit(GROUP, TOPIC, 0, position(9))
        .await
        .unwrap_err();
    assert!(matches!(refusal, LogError::Stopped { .. }), "{refusal}");
    let other = harness.instance("other");
    assert_eq!(
        other.committed(GROUP, TOPIC, 0).await.unwrap(),
        Some(position(3))
    );
    newer.commit(GROUP, TOPIC, 0, position(4)).await.unwrap();
}

#[tokio::test]
async fn a_position_that_another_tool_has_set_has_no_time() {
    let harness = KafkaHarness::new();
    let log = prepared(&harness, 1).await;
    let prefix = &harness.config.prefix;
    let tool: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", &harness.config.brokers)
        .set("group.id", format!("{prefix}{GROUP}"))
        .create()
        .unwrap();
    let mut place = TopicPartitionList::new();
    let topic = format!("{prefix}{TOPIC}");
    place
        .add_partition_offset(&topic, 0, At::Offset(12))
        .unwrap();
    tokio::task::spawn_blocking(move || tool.commit(&place, CommitMode::Sync).unwrap())
        .await
        .unwrap();
    let expected = Position {
        offset: Offset(12),
        time_us: 0,
    };
    assert_eq!(
        log.committed(GROUP, TOPIC, 0).await.unwrap(),
        Some(expected)
    );
}

#[tokio::test]
async fn a_call_to_a_group_ends_though_its_broker_does_not_answer() {
    let mut kafka = sextant_testbed::kafka::Kafka::start().unwrap();
    let harness = KafkaHarness::on(kafka.address().to_owned());
    let log = prepared(&harness, 1).await;
    log.commit(GROUP, TOPIC, 0, position(1)).await.unwrap();
    kafka.signal("-STOP").unwrap();
    let begun = Instant::now();
    let commit = log.commit(GROUP, TOPIC, 0, position(2));
    let asked = log.committed(GROUP, TOPIC, 0);
    let (commit, asked) = tokio::join!(commit, asked);
    for (error, doing) in [
        (commit.unwrap_err(), "committing"),
        (asked.unwrap_err(), "asking"),
    ] {
        assert!(matches!(error, LogError::Unavailable { .. }), "{error}");
        assert!(error.to_string().contains(doing), "{error}");
    }
    assert!(
        begun.elapsed() < Duration::from_secs(15),
        "{:?}",
        begun.elapsed()
    );
    kafka.signal("-CONT").unwrap();
    until(async || log.commit(GROUP, TOPIC, 0, position(3)).await).await;
    kafka.kill().unwrap();
}
