//! Verdicts in what is stored, and what becomes of rulings.

use std::collections::BTreeMap;
use std::sync::Arc;

use sextant_eventlog::{EventLog, LogError, Offset};
use sextant_measure::time::Minute;
use sextant_snapshot::gates::{GateKey, Ruling, Verdict};
use sextant_store::{MinuteRange, RulingRow, Terms, WindowQuery, WindowScope};
use sextant_wire::gates::{name_record, to_record};
use sextant_wire::topics::GATES;

use crate::flaky::Flaky;
use crate::rig::Rig;
use crate::traffic::{answer, endpoint, part};

const LOG_ID: u64 = 0xfeed;

fn ruling(rig: &Rig, operation: &str, verdict: Option<Verdict>) -> Ruling {
    let key = GateKey {
        operation: operation.parse().unwrap(),
        model: endpoint().model,
        quantization: endpoint().quantization,
    };
    Ruling::new(key, verdict, "evals".to_owned(), rig.now()).unwrap()
}

/// Appends what a server would, and answers the row that it is to become.
async fn rule(rig: &Rig, operation: &str, verdict: Option<Verdict>) -> RulingRow {
    let ruling = ruling(rig, operation, verdict);
    let record = to_record(&ruling, LOG_ID);
    let appended = rig.log.append(GATES, 0, vec![record]).await.unwrap();
    RulingRow {
        log_id: LOG_ID,
        offset: appended.last.0,
        ruling,
    }
}

async fn name(rig: &Rig, log_id: u64) -> Offset {
    let records = vec![name_record(log_id)];
    rig.log.append(GATES, 0, records).await.unwrap().last
}

fn lately(rig: &Rig) -> MinuteRange {
    let last = rig.now().minute().plus(1);
    MinuteRange::new(last.minus(40), last)
}

async fn terms(rig: &Rig) -> BTreeMap<Minute, Terms> {
    let query = WindowQuery {
        model: endpoint().model,
        endpoint: None,
        scope: WindowScope::Global,
        range: lately(rig),
    };
    let rows = rig.store.windows(&query).await.unwrap();
    let rows = rows.into_iter();
    rows.map(|row| (row.ending, row.terms)).collect()
}

async fn stored(rig: &Rig) -> Vec<RulingRow> {
    let model = endpoint().model;
    rig.store.rulings(&model, lately(rig)).await.unwrap()
}

fn told(terms: &Terms) -> Vec<(&str, Verdict)> {
    let verdicts = terms.verdicts.iter();
    verdicts
        .map(|(operation, verdict)| (operation.as_str(), *verdict))
        .collect()
}

#[tokio::test(start_paused = true)]
async fn windows_are_stored_with_the_verdicts_of_their_time() {
    let mut rig = Rig::new().await;
    name(&rig, LOG_ID).await;
    rule(&rig, "sum", Some(Verdict::Green)).await;
    // It stands before the aggregator begins, so that the first window has it already.
    rig.start("a");
    let all: Vec<_> = (0..40).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    rig.pass(65).await;
    rule(&rig, "sum", Some(Verdict::Red)).await;
    rule(&rig, "code", Some(Verdict::Green)).await;
    rig.pass(60).await;
    rule(&rig, "sum", None).await;
    rig.pass(60).await;
    let terms: Vec<_> = terms(&rig).await.into_values().collect();
    let told: Vec<_> = terms.iter().map(told).collect();
    let (green, red) = (Verdict::Green, Verdict::Red);
    assert_eq!(
        told,
        [
            vec![("sum", green)],
            vec![("code", green), ("sum", red)],
            vec![("code", green)],
        ]
    );
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn every_ruling_is_kept_once_whoever_writes_it() {
    let mut rig = Rig::new().await;
    name(&rig, LOG_ID).await;
    rig.start("a");
    let mut all = Vec::new();
    for verdict in [Some(Verdict::Green), None, Some(Verdict::Red)] {
        all.push(rule(&rig, "sum", verdict).await);
        rig.pass(3).await;
    }
    assert_eq!(stored(&rig).await, all);
    // What compaction has left is written again by the next one, and adds nothing.
    rig.kill().await;
    rig.log.clean(rig.now().as_micros());
    rig.start("b");
    rig.pass(3).await;
    all.push(rule(&rig, "other", Some(Verdict::Green)).await);
    rig.pass(3).await;
    assert_eq!(stored(&rig).await, all);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_gets_the_rulings_when_it_is_back() {
    let folder = tempfile::tempdir().unwrap();
    let store = Flaky::open(folder.path());
    let mut rig = Rig::with_store(Arc::clone(&store) as Arc<_>, folder).await;
    name(&rig, LOG_ID).await;
    rig.start("a");
    rig.pass(2).await;
    store.leave();
    let ruling = rule(&rig, "sum", Some(Verdict::Green)).await;
    rig.pass(20).await;
    store.come_back();
    rig.pass(20).await;
    assert_eq!(stored(&rig).await, [ruling]);
    // One that hangs keeps nothing from ending.
    store.hang();
    rule(&rig, "sum", None).await;
    rig.pass(5).await;
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_log_that_was_made_anew_has_none_of_the_former_verdicts() {
    let mut rig = Rig::new().await;
    name(&rig, LOG_ID).await;
    rule(&rig, "sum", Some(Verdict::Green)).await;
    rig.start("a");
    let all: Vec<_> = (0..40).map(|n| answer(n, rig.now())).collect();
    rig.append(part("eu", 1, &all)).await;
    // Records of a writer that believes in another log change nothing.
    let other = ruling(&rig, "sum", Some(Verdict::Red));
    let records = vec![name_record(7), to_record(&other, 7)];
    rig.log.append(GATES, 0, records).await.unwrap();
    rig.pass(65).await;
    let terms: Vec<_> = terms(&rig).await.into_values().collect();
    assert_eq!(told(&terms[0]), [("sum", Verdict::Green)]);
    assert_eq!(stored(&rig).await.len(), 1);
    rig.stop().await;
}

#[tokio::test(start_paused = true)]
async fn who_may_not_read_the_gates_is_told_so_at_once() {
    let mut rig = Rig::new().await;
    let denied = LogError::Denied {
        reason: "read sextant.gates.v1".to_owned(),
    };
    rig.log.refuse_reads(GATES, denied);
    rig.start("a");
    let ended = rig.ended().await.unwrap_err().to_string();
    assert!(ended.contains("reading the gates log"), "{ended}");
    assert!(ended.contains("denies access"), "{ended}");
}
