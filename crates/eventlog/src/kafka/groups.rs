//! Consumer groups: who is a member, and where each group stands.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer as _};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset as At, TopicPartitionList};
use tokio::sync::{Mutex as Turn, oneshot};
use tokio::time::{Instant, sleep, timeout_at};

use super::client::{self, Context, apart};
use super::config::KafkaConfig;
use super::known::{TIMEOUT, Topic};
use super::member::{Joined, Known, Member, put_out};
use crate::{LogError, Offset, Position};

/// How often a member that leaves is looked at.
const POLL: Duration = Duration::from_millis(20);

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
    members: Vec<Known>,
    /// Asks and commits for a group of which this process is no member.
    stranger: Option<Arc<BaseConsumer<Context>>>,
    turn: Arc<Turn<()>>,
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

    pub(super) async fn join(&self, group: &str, topic: &Topic) -> Result<Member, LogError> {
        // Who joins under a name that is about to be free gets back what belonged to it.
        let deadline = Instant::now() + TIMEOUT;
        while self.is_being_left(group) && Instant::now() < deadline {
            sleep(POLL).await;
        }
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
        let reason = format!("{doing}: no answer after {TIMEOUT:?}");
        let late = |_| LogError::Unavailable {
            reason: reason.clone(),
        };
        let deadline = Instant::now() + TIMEOUT;
        let turn = self.turn(group).lock_owned();
        let turn = timeout_at(deadline, turn).await.map_err(late)?;
        let (answer, answered) = oneshot::channel();
        // Librdkafka knows no limit here: it waits until there is a coordinator. So this has a thread
        // that keeps nothing from ending, and its turn keeps a later commit from being overtaken.
        let thread = thread::Builder::new().name("kafka-commit".to_owned());
        let spawned = thread.spawn({
            let doing = doing.clone();
            move || {
                let committed = speaker.commit(&place);
                let committed = committed.map_err(|error| speaker.fault(&doing, &error));
                drop((turn, speaker));
                // Who asked may have stopped waiting.
                drop(answer.send(committed));
            }
        });
        spawned.map_err(|error| LogError::Unavailable {
            reason: format!("{doing}: starting a thread: {error}"),
        })?;
        let committed = timeout_at(deadline, answered).await.map_err(late)?;
        committed.unwrap_or(Err(LogError::Closed))
    }

    /// Who commits for a group waits for its turn.
    fn turn(&self, group: &str) -> Arc<Turn<()>> {
        let mut groups = self.known();
        Arc::clone(&groups.entry(group.to_owned()).or_default().turn)
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
        if let Some(member) = kept.members.iter().find_map(Known::consumer) {
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
        let groups = self.known();
        let strangers = groups.values().filter_map(|group| group.stranger.clone());
        let strangers: Vec<_> = strangers.collect();
        drop(groups);
        for stranger in strangers {
            client::serve(&stranger);
        }
    }

    fn is_being_left(&self, group: &str) -> bool {
        let groups = self.known();
        let kept = groups.get(group);
        kept.is_some_and(|kept| kept.members.iter().any(Known::is_leaving))
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
        let gone = self.members.iter().position(Known::has_ended);
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
            Self::Member(consumer) => match consumer.client().fatal_error() {
                Some((code, reason)) => put_out(code, &reason),
                None => consumer.context().client().fault(doing, error),
            },
            Self::Stranger(consumer) => consumer.context().fault(doing, error),
        }
    }
}
