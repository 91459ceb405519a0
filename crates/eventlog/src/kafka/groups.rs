//! Consumer groups: who is a member, and where each group stands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset as At, TopicPartitionList};

use super::client::{Context, apart};
use super::config::KafkaConfig;
use super::known::{TIMEOUT, Topic};
use super::member::{Joined, Member};
use crate::{LogError, Offset, Position};

/// The groups that this process has to do with.
pub(super) struct Groups {
    config: KafkaConfig,
    client: ClientConfig,
    /// Tells this process from the others of a group, also after a restart.
    instance: String,
    known: Mutex<HashMap<String, Group>>,
}

#[derive(Default)]
struct Group {
    members: Vec<Weak<Joined>>,
    /// Asks and commits for a group of which this process is no member.
    stranger: Option<Arc<BaseConsumer<Context>>>,
}

/// Who asks and commits: brokers take a commit to a group with members from a member alone.
enum Speaker {
    Member(Arc<Joined>),
    Stranger(Arc<BaseConsumer<Context>>),
}

impl Groups {
    pub(super) fn new(config: KafkaConfig, client: ClientConfig, instance: String) -> Self {
        Self {
            config,
            client,
            instance,
            known: Mutex::default(),
        }
    }

    pub(super) fn join(&self, group: &str, topic: &Topic) -> Result<Member, LogError> {
        let mut groups = self.known();
        let kept = groups.entry(group.to_owned()).or_default();
        let number = kept.free_number();
        let instance = match number {
            0 => self.instance.clone(),
            number => format!("{}-{number}", self.instance),
        };
        let mut client = self.client_of(group);
        client
            .set("client.id", format!("sextant-{instance}-member"))
            .set("group.instance.id", instance)
            .set(
                "session.timeout.ms",
                self.config.session_timeout_ms.to_string(),
            )
            .set(
                "heartbeat.interval.ms",
                (self.config.session_timeout_ms / 5).to_string(),
            )
            .set("partition.assignment.strategy", "cooperative-sticky")
            // Paused partitions are not fetched; should one be for a moment, it is little.
            .set("queued.max.messages.kbytes", "1024");
        let (member, joined) = Member::join(&client, &topic.name)?;
        match kept.members.get_mut(number) {
            Some(place) => *place = joined,
            None => kept.members.push(joined),
        }
        Ok(member)
    }

    pub(super) async fn commit(
        &self,
        group: &str,
        topic: &Topic,
        partition: i32,
        position: Position,
    ) -> Result<(), LogError> {
        let doing = format!("committing {} [{partition}] for {group}", topic.name);
        let place = place_of(topic, partition, position);
        let place = place.map_err(|error| LogError::Unavailable {
            reason: format!("{doing}: {error}"),
        })?;
        let speaker = self.speaker(group)?;
        apart(move || {
            speaker
                .commit(&place)
                .map_err(|error| speaker.fault(&doing, &error))
        })
        .await
    }

    pub(super) async fn committed(
        &self,
        group: &str,
        topic: &Topic,
        partition: i32,
    ) -> Result<Option<Position>, LogError> {
        let doing = format!(
            "asking where {group} stands in {} [{partition}]",
            topic.name
        );
        let mut place = TopicPartitionList::with_capacity(1);
        place.add_partition(&topic.name, partition);
        let speaker = self.speaker(group)?;
        apart(move || {
            let found = speaker.committed(place);
            let found = found.map_err(|error| speaker.fault(&doing, &error))?;
            let elements = found.elements();
            let Some(element) = elements.first() else {
                return Ok(None);
            };
            element
                .error()
                .map_err(|error| speaker.fault(&doing, &error))?;
            let At::Offset(offset) = element.offset() else {
                return Ok(None);
            };
            Ok(Some(Position {
                offset: Offset(u64::try_from(offset).unwrap_or_default()),
                // One that another tool has set has no time: then all that is left counts.
                time_us: element.metadata().parse().unwrap_or_default(),
            }))
        })
        .await
    }

    fn speaker(&self, group: &str) -> Result<Speaker, LogError> {
        let mut groups = self.known();
        let kept = groups.entry(group.to_owned()).or_default();
        if let Some(member) = kept.members.iter().find_map(Weak::upgrade) {
            return Ok(Speaker::Member(member));
        }
        if let Some(stranger) = &kept.stranger {
            return Ok(Speaker::Stranger(Arc::clone(stranger)));
        }
        let stranger = self
            .client_of(group)
            .create_with_context(Context::default());
        let stranger = Arc::new(stranger.map_err(|error| LogError::Misconfigured {
            reason: error.to_string(),
        })?);
        kept.stranger = Some(Arc::clone(&stranger));
        Ok(Speaker::Stranger(stranger))
    }

    fn client_of(&self, group: &str) -> ClientConfig {
        let mut client = self.client.clone();
        client
            .set("group.id", format!("{}{group}", self.config.prefix))
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("allow.auto.create.topics", "false");
        client
    }

    /// Serves what clients have to say.
    pub(super) fn serve(&self) {
        for stranger in self
            .known()
            .values()
            .filter_map(|group| group.stranger.as_ref())
        {
            drop(stranger.poll(Duration::ZERO));
        }
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Group>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A position as Kafka keeps it: the time is what it calls metadata.
fn place_of(
    topic: &Topic,
    partition: i32,
    position: Position,
) -> Result<TopicPartitionList, KafkaError> {
    let mut place = TopicPartitionList::with_capacity(1);
    let offset = i64::try_from(position.offset.0).unwrap_or(i64::MAX);
    let mut element = place.add_partition(&topic.name, partition);
    element.set_metadata(position.time_us.to_string());
    element.set_offset(At::Offset(offset))?;
    Ok(place)
}

impl Group {
    /// The first number that no member has.
    fn free_number(&self) -> usize {
        let gone = self
            .members
            .iter()
            .position(|member| member.strong_count() == 0);
        gone.unwrap_or(self.members.len())
    }
}

impl Speaker {
    fn commit(&self, place: &TopicPartitionList) -> Result<(), KafkaError> {
        match self {
            Self::Member(consumer) => consumer.commit(place, CommitMode::Sync),
            Self::Stranger(consumer) => consumer.commit(place, CommitMode::Sync),
        }
    }

    fn committed(&self, place: TopicPartitionList) -> Result<TopicPartitionList, KafkaError> {
        match self {
            Self::Member(consumer) => consumer.committed_offsets(place, TIMEOUT),
            Self::Stranger(consumer) => consumer.committed_offsets(place, TIMEOUT),
        }
    }

    fn fault(&self, doing: &str, error: &KafkaError) -> LogError {
        match self {
            Self::Member(consumer) => consumer.context().client().fault(doing, error),
            Self::Stranger(consumer) => consumer.context().fault(doing, error),
        }
    }
}
