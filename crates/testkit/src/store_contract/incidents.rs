//! Incidents: one row each, found by when they were open.

use std::slice::from_ref;

use sextant_incident::{AlertKey, Incident, Kind, Quantity, Severity};
use sextant_measure::time::Minute;
use sextant_store::{IncidentQuery, Limits, Rows, Store};

use super::{Harness, always, at, endpoint, model, range};

/// All incidents that concern a model.
pub(super) fn all_incidents(model_name: &str) -> IncidentQuery {
    IncidentQuery {
        range: always(),
        model: Some(model(model_name)),
        newest_max: 10_000,
    }
}

/// An alert about groq's endpoint of a model.
pub(super) fn about(model_name: &str) -> AlertKey {
    let id = endpoint(model_name, "groq");
    AlertKey {
        rule: "uptime-page".parse().unwrap(),
        subject: sextant_incident::Subject::Endpoint(id),
    }
}

/// An incident that began, and perhaps ended, a little after these minutes began.
pub(super) fn incident(alert: &AlertKey, opened: Minute, closed: Option<Minute>) -> Incident {
    Incident {
        alert: alert.clone(),
        kind: Kind::Uptime,
        severity: Severity::Page,
        opened_at: opened.start().plus_micros(7),
        closed_at: closed.map(|minute| minute.start().plus_micros(11)),
        worst: closed.map(|_| Quantity::ratio(1, 3)),
        reason: "it's \"bad\" \\ and; --dropped ü".to_owned(),
        closed_because: closed.map_or("", |_| "it has recovered").to_owned(),
    }
}

async fn write(store: &dyn Store, incidents: &[Incident]) {
    let rows = Rows {
        incidents: incidents.to_vec(),
        ..Rows::default()
    };
    store.write(rows).await.unwrap();
}

/// Also of an opening that is written twice, each time with another worst.
pub async fn of_an_incident_its_end_stands_whatever_the_order(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let alert = about("m");
    let (open, ended) = (
        incident(&alert, at(0), None),
        incident(&alert, at(0), Some(at(9))),
    );
    let other = Incident {
        worst: Some(Quantity::ratio(1, 2)),
        ..open.clone()
    };
    write(&*store, from_ref(&open)).await;
    write(&*store, &[other]).await;
    let found = store.incidents(&all_incidents("m")).await.unwrap();
    assert_eq!(found, from_ref(&open), "the first one stands");
    write(&*store, from_ref(&ended)).await;
    write(&*store, from_ref(&open)).await;
    let found = store.incidents(&all_incidents("m")).await.unwrap();
    assert_eq!(found, [ended]);
    let again = Incident {
        opened_at: open.opened_at.plus_micros(1),
        ..open
    };
    let its_end = Incident {
        closed_at: Some(at(30).start()),
        ..again.clone()
    };
    write(&*store, &[its_end.clone(), again]).await;
    let found = store.incidents(&all_incidents("m")).await.unwrap();
    assert_eq!(found.first(), Some(&its_end), "in one write, too");
    assert_eq!(found.len(), 2, "a moment later it is another one");
}

/// Those about providers, agents and all that is observed concern every model.
pub async fn incidents_are_found_by_the_time_they_were_open_and_by_model(harness: &dyn Harness) {
    let store = harness.open(Limits::default()).await;
    let alert = |text: &str| -> AlertKey { text.parse().unwrap() };
    let ours = incident(&about("m"), at(10), Some(at(20)));
    let others = incident(&about("other"), at(11), Some(at(20)));
    let wide = incident(&alert("uptime-page/provider/groq"), at(12), Some(at(20)));
    let agent = incident(
        &alert("silent/agent/edge/with/slashes"),
        at(13),
        Some(at(20)),
    );
    let fleet = incident(&alert("observer/fleet"), at(14), None);
    let all = [&ours, &others, &wide, &agent, &fleet].map(Clone::clone);
    write(&*store, &all).await;
    let find = async |range, model| {
        let newest_max = 100;
        let query = IncidentQuery {
            range,
            model,
            newest_max,
        };
        store.incidents(&query).await.unwrap()
    };
    let newest_first: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(find(always(), None).await, newest_first);
    assert_eq!(
        find(always(), Some(model("m"))).await,
        [&fleet, &agent, &wide, &ours].map(Clone::clone)
    );
    assert_eq!(find(range(0, 11), None).await, from_ref(&ours));
    assert_eq!(find(range(0, 10), None).await, []);
    assert_eq!(find(range(20, 21), None).await.len(), 5, "until after 20");
    assert_eq!(
        find(range(21, 22), None).await,
        [fleet],
        "what is open is open still"
    );
    assert_eq!(find(range(12, 12), None).await, []);
}

/// And more than a store answers with are refused before any is read.
pub async fn of_many_incidents_the_newest_are_answered(harness: &dyn Harness) {
    let limits = Limits {
        rows_max: 5,
        ..Limits::default()
    };
    let store = harness.open(limits).await;
    let all: Vec<_> = (0..9)
        .map(|n| incident(&about("m"), at(n), Some(at(n + 1))))
        .collect();
    write(&*store, &all).await;
    let query = |newest_max| IncidentQuery {
        newest_max,
        ..all_incidents("m")
    };
    let newest: Vec<_> = all.iter().rev().take(3).cloned().collect();
    assert_eq!(store.incidents(&query(3)).await.unwrap(), newest);
    assert_eq!(store.incidents(&query(0)).await.unwrap(), []);
    let refused = store.incidents(&query(6)).await.unwrap_err();
    let figures = refused.to_string();
    assert!(figures.contains('6') && figures.contains('5'), "{figures}");
}
