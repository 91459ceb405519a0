//! What is known of topics, so that a wrong name is told from a broker that is away.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::metadata::MetadataTopic;

use super::client::{Context, apart, serve};
use crate::{Cleanup, LogError, TopicSpec};

pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Topics that exist, and their names in Kafka.
pub(super) struct Known {
    prefix: String,
    asked: Arc<BaseConsumer<Context>>,
    topics: Mutex<HashMap<String, Topic>>,
}

/// A topic that exists.
#[derive(Clone)]
pub(super) struct Topic {
    /// Its name in Kafka.
    pub(super) name: Arc<str>,
    pub(super) partitions: u32,
    pub(super) replicas: u16,
    pub(super) is_compacted: bool,
}

impl Known {
    pub(super) fn new(prefix: String, asked: Arc<BaseConsumer<Context>>) -> Self {
        Self {
            prefix,
            asked,
            topics: Mutex::default(),
        }
    }

    pub(super) fn full_name(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// A topic's partition.
    ///
    /// # Errors
    /// If there is none, or the brokers don't say.
    pub(super) async fn partition(
        &self,
        name: &str,
        partition: u32,
    ) -> Result<(Topic, i32), LogError> {
        let found = self.topics().get(name).cloned();
        let found = match found {
            Some(found) => found,
            None => self.first_look(name).await?,
        };
        match i32::try_from(partition) {
            Ok(number) if partition < found.partitions => Ok((found, number)),
            _ => Err(LogError::UnknownPartition {
                topic: name.to_owned(),
                partition,
                partitions: found.partitions,
            }),
        }
    }

    async fn first_look(&self, name: &str) -> Result<Topic, LogError> {
        let found = self
            .look_up(name)
            .await?
            .ok_or_else(|| LogError::UnknownTopic {
                topic: name.to_owned(),
            })?;
        let mut topics = self.topics();
        Ok(topics.entry(name.to_owned()).or_insert(found).clone())
    }

    /// Asks the brokers. Nothing if they have no such topic.
    ///
    /// # Errors
    /// If a partition has no leader, which passes, or the brokers don't answer.
    pub(super) async fn look_up(&self, name: &str) -> Result<Option<Topic>, LogError> {
        let (asked, full_name) = (Arc::clone(&self.asked), self.full_name(name));
        apart(move || {
            let metadata = asked.fetch_metadata(Some(&full_name), TIMEOUT);
            let metadata = metadata.map_err(|error| {
                // It may not have said yet why it failed.
                serve(&asked);
                let doing = format!("looking for topic {full_name:?}");
                asked.context().first_fault(&doing, &error)
            })?;
            let found = metadata.topics().first();
            match found.and_then(MetadataTopic::error).map(Code::from) {
                None | Some(Code::NoError) => {}
                Some(Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::InvalidTopic) => {
                    return Ok(None);
                }
                Some(code) => {
                    let doing = format!("looking for topic {full_name:?}");
                    let error = KafkaError::MetadataFetch(code);
                    return Err(asked.context().fault(&doing, &error));
                }
            }
            let Some(found) = found.filter(|topic| !topic.partitions().is_empty()) else {
                return Ok(None);
            };
            if found
                .partitions()
                .iter()
                .any(|partition| partition.leader() < 0)
            {
                let reason = format!("topic {full_name:?} has a partition without a leader");
                return Err(LogError::Unavailable { reason });
            }
            let replicas = found.partitions().iter().map(|p| p.replicas().len()).min();
            Ok(Some(Topic {
                name: full_name.into(),
                partitions: u32::try_from(found.partitions().len()).unwrap_or(u32::MAX),
                replicas: replicas
                    .and_then(|least| least.try_into().ok())
                    .unwrap_or(0),
                is_compacted: false,
            }))
        })
        .await
    }

    /// Keeps what a topic was made with.
    pub(super) fn keep(&self, spec: &TopicSpec) {
        let topic = Topic {
            name: self.full_name(&spec.name).into(),
            partitions: spec.partitions,
            replicas: 0,
            is_compacted: matches!(spec.cleanup, Cleanup::Compact { .. }),
        };
        self.topics().insert(spec.name.clone(), topic);
    }

    fn topics(&self) -> MutexGuard<'_, HashMap<String, Topic>> {
        self.topics.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
