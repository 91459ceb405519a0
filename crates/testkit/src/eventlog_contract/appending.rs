//! What an append promises.

use std::sync::Arc;

use sextant_eventlog::{LogError, Offset, Record};

use super::{Harness, by_age, numbered, offsets, open_with, read_all};

/// The first record of a topic has offset 0, and each one follows the last.
pub async fn offsets_start_at_zero_and_have_no_gaps(harness: &dyn Harness) {
    let topic = harness.topic("counted");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    let mut next = 0;
    for count in 1..=5 {
        let records = (0..count).map(numbered).collect();
        let appended = log.append(&topic, 0, records).await.unwrap();
        assert_eq!(appended.first, Offset(next));
        next += count as u64;
        assert_eq!(appended.last, Offset(next - 1));
    }
    let expected: Vec<_> = (0..next).map(Offset).collect();
    assert_eq!(offsets(&read_all(&*log, &topic, 0).await), expected);
    assert_eq!(
        log.bounds(&topic, 0).await.unwrap().high_watermark,
        Offset(next)
    );
}

/// No two of many appends at once get the same offset, each keeps its order, and none is lost.
pub async fn concurrent_appenders_get_distinct_offsets(harness: &dyn Harness) {
    const APPENDERS: usize = 16;
    const APPENDS: usize = 8;
    let topic = harness.topic("contended");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    let mut appenders = tokio::task::JoinSet::new();
    for appender in 0..APPENDERS {
        let (log, topic) = (Arc::clone(&log), topic.clone());
        appenders.spawn(async move {
            let mut answers = Vec::new();
            for append in 0..APPENDS {
                let number = (appender * APPENDS + append) * 2;
                let records = vec![numbered(number), numbered(number + 1)];
                let appended = log.append(&topic, 0, records).await.unwrap();
                answers.push((number, appended));
            }
            answers
        });
    }
    let answers: Vec<_> = appenders.join_all().await.into_iter().flatten().collect();
    let stored = read_all(&*log, &topic, 0).await;
    assert_eq!(stored.len(), APPENDERS * APPENDS * 2);
    for (number, appended) in answers {
        for (offset, number) in [(appended.first, number), (appended.last, number + 1)] {
            let found = stored
                .iter()
                .find(|record| record.offset == offset)
                .unwrap();
            assert_eq!(
                found.record,
                numbered(number),
                "the record stands where it was said"
            );
        }
        assert!(appended.first < appended.last);
    }
}

/// Append times rise with the offsets, or stay.
pub async fn append_times_never_go_back(harness: &dyn Harness) {
    let topic = harness.topic("timed");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    let mut last_us = i64::MIN;
    for number in 0..20 {
        let appended = log.append(&topic, 0, vec![numbered(number)]).await.unwrap();
        assert!(appended.appended_at_us >= last_us);
        last_us = appended.appended_at_us;
    }
    let stored = read_all(&*log, &topic, 0).await;
    assert!(stored.is_sorted_by_key(|record| record.appended_at_us));
    assert_eq!(stored.last().unwrap().appended_at_us, last_us);
}

/// A record that is too large is refused with both figures, and nothing of its append stands.
pub async fn a_record_over_the_bound_is_refused_with_its_size(harness: &dyn Harness) {
    let topic = harness.topic("sized");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    let max = harness.record_bytes_max();
    let large = Record {
        value: Some(vec![7; max + 1].into()),
        ..Record::default()
    };
    let refusal = log
        .append(&topic, 0, vec![numbered(0), large])
        .await
        .unwrap_err();
    assert_eq!(
        refusal,
        LogError::TooLarge {
            bytes: max + 1,
            max
        }
    );
    assert!(!refusal.is_transient());
    let fits = Record {
        value: Some(vec![7; max].into()),
        ..Record::default()
    };
    log.append(&topic, 0, vec![fits.clone()]).await.unwrap();
    let stored = read_all(&*log, &topic, 0).await;
    assert_eq!(stored.len(), 1);
    assert_eq!(stored[0].record, fits);
}

/// An append of no records has no offsets to answer with.
pub async fn an_append_of_nothing_is_refused(harness: &dyn Harness) {
    let topic = harness.topic("nothing");
    let log = open_with(harness, &by_age(topic.clone(), 1)).await;
    let refusal = log.append(&topic, 0, Vec::new()).await.unwrap_err();
    assert!(matches!(refusal, LogError::Invalid { .. }), "{refusal}");
}

/// What was appended is there again, and offsets and times go on where they were.
pub async fn offsets_and_records_survive_reopening(harness: &dyn Harness) {
    let topic = harness.topic("kept");
    let spec = by_age(topic.clone(), 2);
    let log = open_with(harness, &spec).await;
    let records: Vec<_> = (0..10).map(numbered).collect();
    let before = log.append(&topic, 1, records).await.unwrap();
    let stored = read_all(&*log, &topic, 1).await;
    drop(log);

    let log = harness.reopen().await;
    assert_eq!(read_all(&*log, &topic, 1).await, stored);
    let after = log.append(&topic, 1, vec![numbered(10)]).await.unwrap();
    assert_eq!(after.first, before.last.following());
    assert!(after.appended_at_us >= before.appended_at_us);
    assert_eq!(
        log.append(&topic, 0, vec![numbered(0)])
            .await
            .unwrap()
            .first,
        Offset(0)
    );
}
