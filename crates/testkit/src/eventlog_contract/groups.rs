//! What consumer groups promise.

use std::time::Duration;

use sextant_eventlog::{Membership, MembershipEvent, Offset, Position};
use tokio::time::timeout;

use super::{Harness, by_age, open_with};

/// A group finds its position again after the end of the process.
pub async fn a_committed_position_survives_reopening(harness: &dyn Harness) {
    let topic = harness.topic("followed");
    let log = open_with(harness, &by_age(topic.clone(), 2)).await;
    assert_eq!(log.committed("readers", &topic, 1).await.unwrap(), None);
    let position = Position {
        offset: Offset(17),
        time_us: 1_790_000_000_123_456,
    };
    log.commit("readers", &topic, 1, position).await.unwrap();
    assert_eq!(
        log.committed("readers", &topic, 1).await.unwrap(),
        Some(position)
    );
    drop(log);
    let log = harness.reopen().await;
    assert_eq!(
        log.committed("readers", &topic, 1).await.unwrap(),
        Some(position)
    );
}

/// A group may go back.
pub async fn the_last_commit_stands_even_if_it_goes_back(harness: &dyn Harness) {
    let topic = harness.topic("rewound");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    for offset in [5, 9, 2] {
        let position = Position {
            offset: Offset(offset),
            time_us: 1_000,
        };
        log.commit("readers", &topic, 0, position).await.unwrap();
        assert_eq!(
            log.committed("readers", &topic, 0).await.unwrap(),
            Some(position)
        );
    }
}

/// One group's position is none of another's.
pub async fn groups_and_partitions_have_positions_of_their_own(harness: &dyn Harness) {
    let topic = harness.topic("shared");
    let log = open_with(harness, &by_age(topic.clone(), 2)).await;
    let position = |offset| Position {
        offset: Offset(offset),
        time_us: 1_000,
    };
    for (group, partition, offset) in [("one", 0, 1), ("one", 1, 2), ("two", 0, 3)] {
        log.commit(group, &topic, partition, position(offset))
            .await
            .unwrap();
    }
    for (group, partition, offset) in [
        ("one", 0, Some(1)),
        ("one", 1, Some(2)),
        ("two", 0, Some(3)),
        ("two", 1, None),
    ] {
        let found = log.committed(group, &topic, partition).await.unwrap();
        assert_eq!(found, offset.map(position), "{group} {partition}");
    }
}

/// No partition is without a member as long as there is one, and none has two.
pub async fn the_first_member_owns_all_partitions_and_the_next_one_follows(harness: &dyn Harness) {
    let topic = harness.topic("owned");
    let log = open_with(harness, &by_age(topic.clone(), 3)).await;
    let mut first = log.join("owners", &topic).await.unwrap();
    assert_eq!(owned_at_last(&mut *first, 3).await, [0, 1, 2]);
    let mut second = log.join("owners", &topic).await.unwrap();
    let mut stranger = log.join("strangers", &topic).await.unwrap();
    assert_eq!(owned_at_last(&mut *stranger, 3).await, [0, 1, 2]);
    drop(first);
    assert_eq!(owned_at_last(&mut *second, 3).await, [0, 1, 2]);
}

/// The partitions that a member owns once it owns that many.
async fn owned_at_last(member: &mut dyn Membership, count: usize) -> Vec<u32> {
    let mut owned = Vec::new();
    while owned.len() < count {
        let event = timeout(Duration::from_mins(1), member.next())
            .await
            .unwrap()
            .unwrap();
        match event {
            MembershipEvent::Assigned(more) => {
                assert!(more.iter().all(|partition| !owned.contains(partition)));
                owned.extend(more);
            }
            MembershipEvent::Revoked(fewer) => owned.retain(|held| !fewer.contains(held)),
        }
    }
    owned.sort_unstable();
    owned
}
