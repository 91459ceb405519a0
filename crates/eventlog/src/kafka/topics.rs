//! Topics: made with their settings, or checked against them.

use std::collections::HashMap;
use std::fmt::Display;
use std::time::Duration;

use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, ResourceSpecifier, TopicReplication};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use tokio::time::{Instant, sleep};

use super::client::Context;
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
        if partitions != spec.partitions {
            return Err(differ(spec, "partitions", &spec.partitions, &partitions));
        }
        if replicas < self.replication {
            return Err(differ(spec, "replication", &self.replication, &replicas));
        }
        let name = self.known.full_name(&spec.name);
        let found = self.settings(&name).await?;
        let read = |setting: &str| found.get(setting).map_or("", String::as_str);
        let cleanup = policy(spec.cleanup);
        if read("cleanup.policy") != cleanup {
            return Err(differ(spec, "cleanup", &cleanup, &read("cleanup.policy")));
        }
        if read("message.timestamp.type") != "LogAppendTime" {
            let found = read("message.timestamp.type");
            return Err(differ(spec, "timestamps", &"LogAppendTime", &found));
        }
        let number = |setting| read(setting).parse::<i64>().unwrap_or_default();
        if number("max.message.bytes") < i64::try_from(MESSAGE_BYTES_MAX).unwrap_or(i64::MAX) {
            let found = number("max.message.bytes");
            return Err(differ(
                spec,
                "largest message in bytes",
                &MESSAGE_BYTES_MAX,
                &found,
            ));
        }
        check_in_sync(spec, self.replication, number("min.insync.replicas"))?;
        let (setting, key, wanted) = match spec.cleanup {
            Cleanup::Delete { retention } => ("retention", "retention.ms", retention),
            Cleanup::Compact {
                tombstone_retention,
            } => (
                "tombstone retention",
                "delete.retention.ms",
                tombstone_retention,
            ),
        };
        // Negative is for ever. Longer than wanted is somebody's wish, and does no harm.
        let found = u64::try_from(number(key)).map_or(Duration::MAX, Duration::from_millis);
        if found < wanted {
            return Err(differ(
                spec,
                setting,
                &format!("{wanted:?}"),
                &format!("{found:?}"),
            ));
        }
        if matches!(spec.cleanup, Cleanup::Delete { .. }) && number("retention.bytes") >= 0 {
            let found = number("retention.bytes");
            return Err(differ(spec, "retention in bytes", &"no limit", &found));
        }
        Ok(())
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
        let answer = self.admin.create_topics([&topic], &options()).await;
        let created = answer.map_err(|error| self.fault(&doing, &error))?;
        for outcome in created {
            match outcome {
                // Another process of the fleet was quicker; its settings are checked all the same.
                Ok(_) | Err((_, Code::TopicAlreadyExists)) => {}
                Err((_, Code::InvalidReplicationFactor)) => {
                    let copies = self.replication;
                    let reason =
                        format!("{doing}: {copies} copies need as many brokers (`replication`)");
                    return Err(LogError::Unavailable { reason });
                }
                Err((_, code)) => return Err(self.fault(&doing, &KafkaError::AdminOp(code))),
            }
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

    fn fault(&self, doing: &str, error: &KafkaError) -> LogError {
        self.admin.inner().context().fault(doing, error)
    }
}

/// With three copies or more, a record that only one of them has must not be acknowledged.
fn check_in_sync(spec: &TopicSpec, replication: u16, found: i64) -> Result<(), LogError> {
    if replication >= 3 && found < 2 {
        return Err(differ(spec, "least in-sync replicas", &2, &found));
    }
    Ok(())
}

/// What a topic is created with. The names are Kafka's own.
fn creation(spec: &TopicSpec, replication: u16) -> Vec<(&'static str, String)> {
    let ms = |duration: Duration| duration.as_millis().to_string();
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
            // Small segments and a short lag, so that whoever reads from the start reads little.
            let lag = Duration::from_mins(1);
            settings.push(("delete.retention.ms", ms(tombstone_retention)));
            settings.push(("segment.ms", ms(lag)));
            settings.push(("segment.bytes", (16 << 20).to_string()));
            settings.push(("min.compaction.lag.ms", ms(lag)));
            settings.push(("max.compaction.lag.ms", ms(2 * lag)));
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

const fn policy(cleanup: Cleanup) -> &'static str {
    match cleanup {
        Cleanup::Delete { .. } => "delete",
        Cleanup::Compact { .. } => "compact",
    }
}

fn differ(
    spec: &TopicSpec,
    setting: &'static str,
    wanted: &dyn Display,
    found: &dyn Display,
) -> LogError {
    LogError::SettingsDiffer {
        topic: spec.name.clone(),
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

    #[test]
    fn p1_three_copies_of_which_one_may_acknowledge_alone_are_refused() {
        let spec = TopicSpec {
            name: "observed".to_owned(),
            partitions: 1,
            cleanup: Cleanup::Delete {
                retention: Duration::from_hours(2),
            },
        };
        let refusal = check_in_sync(&spec, 3, 1).unwrap_err().to_string();
        assert!(
            refusal.contains("replicas 1 where 2 is wanted"),
            "{refusal}"
        );
        assert_eq!(check_in_sync(&spec, 3, 2), Ok(()));
        assert_eq!(
            check_in_sync(&spec, 1, 1),
            Ok(()),
            "a single broker for a trial"
        );
    }
}
