//! Topics: made with their settings, or checked against them.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::time::{Instant, sleep};

use super::client::Context;
use super::fault;
use super::known::Known;
use super::setup::MESSAGE_BYTES_MAX;
use crate::{Cleanup, LogError, TopicSpec};

const TIMEOUT: Duration = Duration::from_secs(15);
const POLL: Duration = Duration::from_millis(50);

/// Makes and checks topics.
pub(super) struct Topics<'a> {
    pub(super) admin: &'a AdminClient<Context>,
    pub(super) known: &'a Known,
    pub(super) replication: u16,
}

impl Topics<'_> {
    /// Creates the topics that are missing and checks those that exist.
    pub(super) async fn prepare(&self, specs: &[TopicSpec]) -> Result<(), LogError> {
        let mut missing = Vec::new();
        for spec in specs {
            check_spec(spec)?;
            match self.known.look_up(&spec.name).await? {
                Some(found) => self.compare(spec, found.partitions, found.replicas).await?,
                None => missing.push(spec),
            }
        }
        for spec in missing {
            self.create(spec).await?;
        }
        for spec in specs {
            self.known.keep(spec);
        }
        Ok(())
    }

    async fn compare(
        &self,
        spec: &TopicSpec,
        partitions: u32,
        replicas: u16,
    ) -> Result<(), LogError> {
        let name = self.known.full_name(&spec.name);
        if partitions != spec.partitions {
            return Err(differ(&name, "partitions", &spec.partitions, &partitions));
        }
        if replicas < self.replication {
            let wanted = &self.replication;
            return Err(differ(&name, "replication factor", wanted, &replicas));
        }
        check(&name, spec, self.replication, &self.settings(&name).await?)
    }

    async fn settings(&self, name: &str) -> Result<HashMap<String, String>, LogError> {
        let asked = [ResourceSpecifier::Topic(name)];
        let answer = self.admin.describe_configs(&asked, &options()).await;
        let doing = format!("reading the settings of topic {name:?}");
        let resource = match answer.map(|mut resources| resources.pop()) {
            Ok(Some(Ok(resource))) => resource,
            Ok(Some(Err(code))) => return Err(self.fault(&doing, &KafkaError::AdminOp(code))),
            Ok(None) => {
                let reason = format!("{doing}: the answer is empty");
                return Err(LogError::Unavailable { reason });
            }
            Err(error) => return Err(self.fault(&doing, &error)),
        };
        // Brokers show none to who may not see them, and rdkafka leaves out that they said so.
        if resource.entries.is_empty() {
            return Err(fault::SETTINGS_UNSEEN.error(&doing));
        }
        let entries = resource.entries.into_iter();
        Ok(entries
            .filter_map(|entry| Some((entry.name, entry.value?)))
            .collect())
    }

    async fn create(&self, spec: &TopicSpec) -> Result<(), LogError> {
        let name = self.known.full_name(&spec.name);
        let doing = format!("creating topic {name:?}");
        let settings = creation(spec, self.replication);
        let partitions = i32::try_from(spec.partitions).unwrap_or(i32::MAX);
        let replication = TopicReplication::Fixed(self.replication.into());
        let mut topic = NewTopic::new(&name, partitions, replication);
        for (key, value) in &settings {
            topic = topic.set(key, value);
        }
        let deadline = Instant::now() + TIMEOUT;
        // Brokers that were started together are there one after the other.
        while let Err((fault, code)) = self.ask_for(&topic, &doing).await {
            if code != Some(Code::InvalidReplicationFactor) || Instant::now() >= deadline {
                return Err(fault);
            }
            sleep(POLL).await;
        }
        let deadline = Instant::now() + TIMEOUT;
        loop {
            match self.known.look_up(&spec.name).await {
                Ok(Some(found)) => {
                    return self.compare(spec, found.partitions, found.replicas).await;
                }
                Err(error) if !error.is_transient() => return Err(error),
                _ if Instant::now() >= deadline => {
                    let reason = format!("{doing}: it has no leaders after {TIMEOUT:?}");
                    return Err(LogError::Unavailable { reason });
                }
                _ => sleep(POLL).await,
            }
        }
    }

    /// Asks for a topic. A refusal comes with the brokers' code, if they gave one.
    async fn ask_for(
        &self,
        topic: &NewTopic<'_>,
        doing: &str,
    ) -> Result<(), (LogError, Option<Code>)> {
        let answer = self.admin.create_topics([topic], &options()).await;
        let outcomes = answer.map_err(|error| (self.fault(doing, &error), None))?;
        for outcome in outcomes {
            match outcome {
                // Another process of the fleet was quicker; its settings are checked all the same.
                Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                Err((_, code)) => {
                    return Err((self.fault(doing, &KafkaError::AdminOp(code)), Some(code)));
                }
            }
        }
        Ok(())
    }

    fn fault(&self, doing: &str, error: &KafkaError) -> LogError {
        self.admin.inner().context().fault(doing, error)
    }
}

/// How long a record of a compacted topic is left alone, about. Segments are as short, and small.
const COMPACTION_LAG: Duration = Duration::from_mins(1);
const COMPACTED_SEGMENT_BYTES: i64 = 16 << 20;

/// Compares a topic's settings, by Kafka's own names and in its units.
fn check(
    name: &str,
    spec: &TopicSpec,
    replication: u16,
    found: &HashMap<String, String>,
) -> Result<(), LogError> {
    let read = |key: &str| found.get(key).map_or("", String::as_str);
    let number = |key: &str| read(key).parse::<i64>().unwrap_or_default();
    let equal = |key, wanted: &str| match read(key) {
        found if found == wanted => Ok(()),
        found => Err(differ(name, key, &wanted, &found)),
    };
    let at_least = |key, wanted: i64, found: i64| match found {
        found if found >= wanted => Ok(()),
        _ => Err(differ(name, key, &wanted, &read(key))),
    };
    // Negative is for ever. Longer than wanted is somebody's wish, and does no harm.
    let kept = |key, wanted: Duration| {
        let found = number(key);
        at_least(key, ms(wanted), if found < 0 { i64::MAX } else { found })
    };
    // Up to ten times as much is somebody's wish, and does little harm.
    let at_most = |key, wanted: i64| match number(key) {
        found if found <= wanted.saturating_mul(10) => Ok(()),
        _ => Err(differ(name, key, &wanted, &read(key))),
    };
    equal("cleanup.policy", policy(spec.cleanup))?;
    equal("message.timestamp.type", "LogAppendTime")?;
    let largest = i64::try_from(MESSAGE_BYTES_MAX).unwrap_or(i64::MAX);
    at_least("max.message.bytes", largest, number("max.message.bytes"))?;
    // With three copies or more, a record that only one of them has must not be acknowledged.
    if replication >= 3 {
        at_least("min.insync.replicas", 2, number("min.insync.replicas"))?;
    }
    match spec.cleanup {
        Cleanup::Delete { retention } => {
            kept("retention.ms", retention)?;
            equal("retention.bytes", "-1")
        }
        Cleanup::Compact {
            tombstone_retention,
        } => {
            kept("delete.retention.ms", tombstone_retention)?;
            // A reader that has just begun must find what a newer owner's record took away.
            let lag = number("min.compaction.lag.ms");
            at_least("min.compaction.lag.ms", ms(COMPACTION_LAG), lag)?;
            // And whoever reads from the start is to read little.
            at_most("max.compaction.lag.ms", 2 * ms(COMPACTION_LAG))?;
            at_most("segment.ms", ms(COMPACTION_LAG))?;
            at_most("segment.bytes", COMPACTED_SEGMENT_BYTES)
        }
    }
}

/// What a topic is created with. The names are Kafka's own.
fn creation(spec: &TopicSpec, replication: u16) -> Vec<(&'static str, String)> {
    let ms = |duration| ms(duration).to_string();
    let mut settings = vec![
        ("cleanup.policy", policy(spec.cleanup).to_owned()),
        ("message.timestamp.type", "LogAppendTime".to_owned()),
        ("max.message.bytes", MESSAGE_BYTES_MAX.to_string()),
        ("compression.type", "producer".to_owned()),
    ];
    if replication >= 3 {
        settings.push(("min.insync.replicas", "2".to_owned()));
    }
    match spec.cleanup {
        Cleanup::Delete { retention } => {
            // Only whole segments go, so that they are an eighth of what is kept.
            let segment = (retention / 8).max(Duration::from_mins(1));
            settings.push(("retention.ms", ms(retention)));
            settings.push(("retention.bytes", "-1".to_owned()));
            settings.push(("segment.ms", ms(segment)));
        }
        Cleanup::Compact {
            tombstone_retention,
        } => {
            settings.push(("delete.retention.ms", ms(tombstone_retention)));
            settings.push(("segment.ms", ms(COMPACTION_LAG)));
            settings.push(("segment.bytes", COMPACTED_SEGMENT_BYTES.to_string()));
            settings.push(("min.compaction.lag.ms", ms(COMPACTION_LAG)));
            settings.push(("max.compaction.lag.ms", ms(2 * COMPACTION_LAG)));
            settings.push(("min.cleanable.dirty.ratio", "0.1".to_owned()));
        }
    }
    settings
}

fn check_spec(spec: &TopicSpec) -> Result<(), LogError> {
    let invalid = |reason| {
        let topic = spec.name.clone();
        Err(LogError::Invalid { topic, reason })
    };
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-_".contains(c);
    let begins_well = spec.name.starts_with(|c: char| c.is_ascii_alphanumeric());
    if !begins_well || spec.name.len() > 100 || !spec.name.chars().all(allowed) {
        return invalid("its name is lower-case letters, digits, `.`, `-` and `_`, at most 100");
    }
    if !(1..=1_024).contains(&spec.partitions) {
        return invalid("it has from 1 to 1,024 partitions");
    }
    Ok(())
}

fn ms(duration: Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}

const fn policy(cleanup: Cleanup) -> &'static str {
    match cleanup {
        Cleanup::Delete { .. } => "delete",
        Cleanup::Compact { .. } => "compact",
    }
}

/// `topic` is its name in Kafka, where it is mended.
fn differ(
    topic: &str,
    setting: &'static str,
    wanted: &dyn Display,
    found: &dyn Display,
) -> LogError {
    LogError::SettingsDiffer {
        topic: topic.to_owned(),
        setting,
        wanted: wanted.to_string(),
        found: found.to_string(),
    }
}

fn options() -> AdminOptions {
    AdminOptions::new().request_timeout(Some(TIMEOUT))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "fleet-observed";

    fn spec() -> TopicSpec {
        TopicSpec {
            name: "observed".to_owned(),
            partitions: 1,
            cleanup: Cleanup::Delete {
                retention: Duration::from_hours(2),
            },
        }
    }

    /// What a topic has that was made with three copies, but for one setting.
    fn but(key: &str, value: &str) -> HashMap<String, String> {
        let made = creation(&spec(), 3).into_iter();
        let mut found: HashMap<_, _> = made.map(|(key, value)| (key.to_owned(), value)).collect();
        found.insert(key.to_owned(), value.to_owned());
        found
    }

    #[test]
    fn a_refusal_has_the_topic_and_the_setting_by_the_names_that_kafka_knows() {
        let refusal = check(NAME, &spec(), 3, &but("retention.ms", "60000")).unwrap_err();
        assert_eq!(
            refusal,
            LogError::SettingsDiffer {
                topic: NAME.to_owned(),
                setting: "retention.ms",
                wanted: "7200000".to_owned(),
                found: "60000".to_owned(),
            }
        );
    }

    #[test]
    fn what_a_topic_is_made_with_is_accepted_and_so_is_more() {
        for (key, value) in [
            ("retention.ms", "7200000"),
            ("retention.ms", "7200001"),
            ("retention.ms", "-1"),
            ("max.message.bytes", "99999999"),
            ("min.insync.replicas", "3"),
        ] {
            assert_eq!(check(NAME, &spec(), 3, &but(key, value)), Ok(()), "{key}");
        }
    }

    #[test]
    fn p1_three_copies_of_which_one_may_acknowledge_alone_are_refused() {
        let alone = but("min.insync.replicas", "1");
        let refusal = check(NAME, &spec(), 3, &alone).unwrap_err().to_string();
        assert!(
            refusal.contains("min.insync.replicas 1 where 2 is wanted"),
            "{refusal}"
        );
        let trial = check(NAME, &spec(), 1, &alone);
        assert_eq!(trial, Ok(()), "a single broker for a trial");
    }
}
