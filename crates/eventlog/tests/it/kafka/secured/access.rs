//! What each role may do by the rights that the documentation gives it, and by no fewer.

use std::time::Duration;

use sextant_eventlog::kafka::{KafkaConfig, KafkaLog, SaslMechanism};
use sextant_eventlog::{EventLog, LogError, Offset, Position, ReadLimit, TopicSpec};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::super::harness::{KafkaHarness, by_age, by_key, next_change, numbered, until};
use super::assert_denied;
use super::broker::{OWNER, password, shared};

const DOCUMENT: &str = include_str!("../../../../../../docs/kafka.md");

/// As the fleet's topics and its group are called.
const OBSERVATIONS: &str = "sextant.observations.v1";
const WINDOWS: &str = "sextant.windows.v1";
const GATES: &str = "sextant.gates.v1";
const ALERTS: &str = "sextant.alerts.v1";
const DEAD_LETTERS: &str = "sextant.dead-letters.v1";
const GROUP: &str = "sextant-aggregator";

const LIMIT: ReadLimit = ReadLimit {
    records: 10,
    bytes: 1 << 20,
};

fn topics() -> [TopicSpec; 5] {
    [
        by_age(OBSERVATIONS, 1),
        by_key(WINDOWS, 1),
        by_key(GATES, 1),
        by_key(ALERTS, 1),
        by_age(DEAD_LETTERS, 1),
    ]
}

/// A fleet with a prefix of its own, whose rights no other test shares.
struct Fleet {
    owner: KafkaConfig,
}

impl Fleet {
    fn new() -> Self {
        Self {
            owner: shared().sasl(SaslMechanism::ScramSha512),
        }
    }

    /// One whose topics are there.
    async fn with_topics() -> Self {
        let fleet = Self::new();
        let owner = KafkaHarness::by(fleet.owner.clone()).instance("owner");
        owner.prepare(&topics()).await.unwrap();
        fleet
    }

    /// The log as a user sees it.
    fn log_of(&self, user: &str) -> KafkaLog {
        let mut config = self.owner.clone();
        shared().log_in(&mut config, user, &password(user));
        KafkaLog::open(&config, "test").unwrap()
    }

    /// Runs what the documentation says under a heading, with this fleet's names. `kept` tells which
    /// commands.
    async fn grant(&self, heading: &str, kept: impl Fn(&str) -> bool) {
        for command in commands(heading).into_iter().filter(|it| kept(it)) {
            self.acls(command).await;
        }
    }

    async fn acls(&self, command: String) {
        let prefix = self.owner.prefix.clone();
        let ran = spawn_blocking(move || {
            let arguments: Vec<_> = command
                .split_whitespace()
                .map(|word| match word.strip_prefix("sextant") {
                    Some(name) => format!("{prefix}sextant{name}"),
                    None => word.to_owned(),
                })
                .collect();
            let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
            shared().kafka.acls(&arguments)
        });
        ran.await.unwrap().unwrap();
    }
}

/// The arguments of each `kafka-acls.sh` under a heading of the documentation.
fn commands(heading: &str) -> Vec<String> {
    let (_, section) = DOCUMENT.split_once(&format!("\n### {heading}\n")).unwrap();
    let section = section.split("\n### ").next().unwrap();
    let section = section.replace("\\\n", " ");
    let lines = section.lines().filter_map(|line| {
        let (_, arguments) = line.split_once("kafka-acls.sh $ADMIN ")?;
        Some(arguments.to_owned())
    });
    lines.collect()
}

/// Expects that a call goes through once all brokers know the rights.
async fn may<T>(mut call: impl AsyncFnMut() -> Result<T, LogError>) -> T {
    until(async || call().await).await
}

#[tokio::test]
async fn p9_a_user_without_rights_is_denied_everything() {
    let fleet = Fleet::with_topics().await;
    let log = fleet.log_of("nobody");
    let read = log.read(WINDOWS, 0, Offset(0), LIMIT, Duration::ZERO);
    let position = Position {
        offset: Offset(0),
        time_us: 0,
    };
    for error in [
        log.prepare(&topics()).await.unwrap_err(),
        log.bounds(OBSERVATIONS, 0).await.unwrap_err(),
        log.append(OBSERVATIONS, 0, vec![numbered(1)])
            .await
            .unwrap_err(),
        read.await.unwrap_err(),
        log.commit(GROUP, OBSERVATIONS, 0, position)
            .await
            .unwrap_err(),
        log.join(GROUP, OBSERVATIONS).await.err().unwrap(),
    ] {
        assert_denied(&error, &["(ACL)", fleet.owner.prefix.as_str()]);
    }
}

#[tokio::test]
async fn topics_are_made_by_who_may_create_them() {
    let fleet = Fleet::new();
    let log = fleet.log_of("collector");
    fleet.grant("Making the topics", |_| true).await;
    may(async || log.prepare(&topics()).await).await;
}

#[tokio::test]
async fn who_may_not_see_the_topics_settings_is_told_which_right_is_missing() {
    let fleet = Fleet::with_topics().await;
    let command = "--add --allow-principal User:server --operation Describe \
                   --resource-pattern-type prefixed --topic sextant.";
    fleet.acls(command.to_owned()).await;
    let log = fleet.log_of("server");
    may(async || log.bounds(OBSERVATIONS, 0).await).await;
    let refusal = log.prepare(&topics()).await.unwrap_err();
    assert_denied(&refusal, &["DescribeConfigs", OBSERVATIONS]);
}

#[tokio::test]
async fn a_collector_appends_observations_and_nothing_else() {
    let fleet = Fleet::with_topics().await;
    fleet.grant("Collector", |_| true).await;
    let log = fleet.log_of("collector");
    may(async || log.prepare(&topics()).await).await;
    may(async || log.append(OBSERVATIONS, 0, vec![numbered(1)]).await).await;
    let read = log.read(OBSERVATIONS, 0, Offset(0), LIMIT, Duration::ZERO);
    assert_denied(&read.await.unwrap_err(), &["(ACL)", OBSERVATIONS]);
    let windows = log.append(WINDOWS, 0, vec![numbered(1)]).await;
    assert_denied(&windows.unwrap_err(), &["(ACL)", WINDOWS]);
}

#[tokio::test]
async fn an_aggregator_reads_observations_and_owns_windows() {
    let fleet = Fleet::with_topics().await;
    fleet.grant("Aggregator", |_| true).await;
    let log = fleet.log_of("aggregator");
    may(async || log.prepare(&topics()).await).await;
    let mut member = log.join(GROUP, OBSERVATIONS).await.unwrap();
    next_change(&mut member).await.unwrap();
    let position = Position {
        offset: Offset(0),
        time_us: 7,
    };
    log.offset_at(OBSERVATIONS, 0, 7).await.unwrap();
    log.commit(GROUP, OBSERVATIONS, 0, position).await.unwrap();
    let committed = log.committed(GROUP, OBSERVATIONS, 0).await;
    assert_eq!(committed.unwrap(), Some(position));
    for topic in [WINDOWS, DEAD_LETTERS] {
        log.append(topic, 0, vec![numbered(1)]).await.unwrap();
    }
    for (topic, count) in [(OBSERVATIONS, 0), (WINDOWS, 1), (GATES, 0)] {
        let read = log.read(topic, 0, Offset(0), LIMIT, Duration::ZERO).await;
        assert_eq!(read.unwrap().records.len(), count, "{topic}");
    }
    for topic in [OBSERVATIONS, GATES] {
        let appended = log.append(topic, 0, vec![numbered(1)]).await;
        assert_denied(&appended.unwrap_err(), &["(ACL)", topic]);
    }
}

#[tokio::test]
async fn an_archive_reads_observations_in_a_group_of_its_own_and_appends_nothing() {
    let fleet = Fleet::with_topics().await;
    fleet.grant("Archive", |_| true).await;
    let owner = fleet.log_of(OWNER);
    for topic in [OBSERVATIONS, WINDOWS] {
        owner.append(topic, 0, vec![numbered(1)]).await.unwrap();
    }
    let log = fleet.log_of("archive");
    may(async || log.prepare(&topics()).await).await;
    let group = "sextant-archive";
    let mut member = log.join(group, OBSERVATIONS).await.unwrap();
    next_change(&mut member).await.unwrap();
    let position = Position {
        offset: Offset(0),
        time_us: 7,
    };
    log.offset_at(OBSERVATIONS, 0, 7).await.unwrap();
    log.commit(group, OBSERVATIONS, 0, position).await.unwrap();
    let committed = log.committed(group, OBSERVATIONS, 0).await;
    assert_eq!(committed.unwrap(), Some(position));
    let read = log.read(OBSERVATIONS, 0, Offset(0), LIMIT, Duration::ZERO);
    assert_eq!(read.await.unwrap().records.len(), 1);
    let windows = log.read(WINDOWS, 0, Offset(0), LIMIT, Duration::ZERO);
    assert_denied(&windows.await.unwrap_err(), &["(ACL)", WINDOWS]);
    let appended = log.append(OBSERVATIONS, 0, vec![numbered(1)]).await;
    assert_denied(&appended.unwrap_err(), &["(ACL)", OBSERVATIONS]);
}

#[tokio::test]
async fn who_alerts_reads_windows_and_gates_and_keeps_alerts_in_a_group_of_its_own() {
    let fleet = Fleet::with_topics().await;
    fleet.grant("Alerts", |_| true).await;
    let owner = fleet.log_of(OWNER);
    for topic in [WINDOWS, GATES, OBSERVATIONS] {
        owner.append(topic, 0, vec![numbered(1)]).await.unwrap();
    }
    let log = fleet.log_of("alerts");
    may(async || log.prepare(&topics()).await).await;
    let mut member = log.join("sextant-alerts", ALERTS).await.unwrap();
    next_change(&mut member).await.unwrap();
    log.append(ALERTS, 0, vec![numbered(2)]).await.unwrap();
    for topic in [WINDOWS, GATES, ALERTS] {
        let read = log.read(topic, 0, Offset(0), LIMIT, Duration::ZERO).await;
        assert_eq!(read.unwrap().records.len(), 1, "{topic}");
    }
    let read = log.read(OBSERVATIONS, 0, Offset(0), LIMIT, Duration::ZERO);
    assert_denied(&read.await.unwrap_err(), &["(ACL)", OBSERVATIONS]);
    let windows = log.append(WINDOWS, 0, vec![numbered(1)]).await;
    assert_denied(&windows.unwrap_err(), &["(ACL)", WINDOWS]);
}

#[tokio::test]
async fn a_server_reads_windows_and_gates_and_appends_gates() {
    let fleet = Fleet::with_topics().await;
    fleet.grant("Server", |_| true).await;
    let owner = fleet.log_of(OWNER);
    for topic in [WINDOWS, GATES, OBSERVATIONS] {
        owner.append(topic, 0, vec![numbered(1)]).await.unwrap();
    }
    let log = fleet.log_of("server");
    may(async || log.prepare(&topics()).await).await;
    for topic in [WINDOWS, GATES] {
        let read = log.read(topic, 0, Offset(0), LIMIT, Duration::ZERO).await;
        assert_eq!(read.unwrap().records.len(), 1, "{topic}");
    }
    let read = log.read(OBSERVATIONS, 0, Offset(0), LIMIT, Duration::ZERO);
    assert_denied(&read.await.unwrap_err(), &["(ACL)", OBSERVATIONS]);
    let windows = log.append(WINDOWS, 0, vec![numbered(1)]).await;
    assert_denied(&windows.unwrap_err(), &["(ACL)", WINDOWS]);
    log.append(GATES, 0, vec![numbered(2)]).await.unwrap();
}

#[tokio::test]
async fn who_may_append_nothing_is_denied_and_may_once_someone_has_mended_it() {
    let fleet = Fleet::with_topics().await;
    let writes = |command: &str| command.contains("Write");
    fleet.grant("Server", |it| !writes(it)).await;
    let log = fleet.log_of("server");
    may(async || log.prepare(&topics()).await).await;
    // The brokers give it no producer's number either, which ends a producer for good.
    for _ in 0..2 {
        let appended = log.append(GATES, 0, vec![numbered(1)]).await;
        assert_denied(&appended.unwrap_err(), &["(ACL)", GATES]);
        let read = log.read(GATES, 0, Offset(0), LIMIT, Duration::ZERO).await;
        assert_eq!(read.unwrap().records.len(), 0);
    }
    fleet.grant("Server", writes).await;
    may(async || log.append(GATES, 0, vec![numbered(1)]).await).await;
    let read = log.read(GATES, 0, Offset(0), LIMIT, Duration::ZERO).await;
    assert_eq!(read.unwrap().records.len(), 1);
}

#[tokio::test]
async fn a_member_without_the_right_to_its_group_learns_so() {
    let fleet = Fleet::with_topics().await;
    fleet
        .grant("Aggregator", |it| !it.contains("--group"))
        .await;
    let log = fleet.log_of("aggregator");
    may(async || log.prepare(&topics()).await).await;
    let mut member = log.join(GROUP, OBSERVATIONS).await.unwrap();
    let said = timeout(Duration::from_secs(30), member.next()).await;
    assert_denied(&said.unwrap().unwrap_err(), &["(ACL)"]);
}
