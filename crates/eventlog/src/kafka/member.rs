//! Membership in a consumer group.
//!
//! A member only shares partitions out: it fetches nothing, for whoever owns a partition reads it
//! through a cursor. So nothing that is slow keeps its thread from polling, and no member is put
//! out of its group for being busy.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::Duration;

use async_trait::async_trait;
use rdkafka::client::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::TopicPartitionListElem;
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientConfig, Offset as At, TopicPartitionList};
use tokio::sync::Notify;

use super::client::{Context, apart};
use crate::{LogError, Membership, MembershipEvent};

const POLL: Duration = Duration::from_millis(100);

/// A consumer that is a member of its group.
pub(super) type Joined = BaseConsumer<Shares>;

/// A place in a group. It is given up when this is dropped.
pub(super) struct Member {
    consumer: Weak<Joined>,
    events: Arc<Events>,
}

/// What the group has said, in order.
#[derive(Default)]
pub(super) struct Events {
    waiting: Mutex<VecDeque<Event>>,
    /// Given out as revoked, and not let go yet. The group waits for it, even when it is left.
    revoked: Mutex<Option<TopicPartitionList>>,
    arrived: Notify,
    left: AtomicBool,
    ended: AtomicBool,
    /// The group has said once what is its own.
    is_member: AtomicBool,
}

enum Event {
    Assigned(Vec<u32>),
    Revoked(TopicPartitionList),
    Failed(LogError),
}

/// A member as its group knows it.
#[derive(Clone)]
pub(super) struct Known {
    consumer: Weak<Joined>,
    events: Arc<Events>,
}

impl Known {
    /// Who can speak for it, while it is there.
    pub(super) fn consumer(&self) -> Option<Arc<Joined>> {
        self.consumer.upgrade()
    }

    /// Whether it was dropped, and its client is about to end.
    pub(super) fn is_leaving(&self) -> bool {
        self.events.left.load(Ordering::Acquire) && !self.has_ended()
    }

    /// Whether nothing is left of it.
    pub(super) fn has_ended(&self) -> bool {
        self.events.ended.load(Ordering::Acquire)
    }
}

/// Takes what the group says.
pub(super) struct Shares {
    client: Context,
    events: Arc<Events>,
}

impl Member {
    /// Joins the group of the client's configuration.
    pub(super) fn join(client: &ClientConfig, topic: &str) -> Result<(Self, Known), LogError> {
        let events = Arc::<Events>::default();
        let shares = Shares {
            client: Context::default(),
            events: Arc::clone(&events),
        };
        let misconfigured = |error: KafkaError| LogError::Misconfigured {
            reason: error.to_string(),
        };
        let consumer: Joined = client.create_with_context(shares).map_err(misconfigured)?;
        consumer.subscribe(&[topic]).map_err(misconfigured)?;
        let consumer = Arc::new(consumer);
        let known = Known {
            consumer: Arc::downgrade(&consumer),
            events: Arc::clone(&events),
        };
        let following = Arc::clone(&events);
        let thread = thread::Builder::new().name("kafka-member".to_owned());
        let spawned = thread.spawn(move || {
            follow(&consumer, &following);
            drop(consumer);
            following.ended.store(true, Ordering::Release);
        });
        spawned.map_err(|error| LogError::Unavailable {
            reason: format!("starting a thread for the group: {error}"),
        })?;
        let member = Self {
            consumer: Weak::clone(&known.consumer),
            events,
        };
        Ok((member, known))
    }

    /// Lets go of what was revoked, so that others may have it.
    async fn let_go(&mut self) -> Result<(), LogError> {
        let revoked = self.events.revoked().take();
        let (Some(revoked), Some(consumer)) = (revoked, self.consumer.upgrade()) else {
            return Ok(());
        };
        apart(move || {
            let let_go = consumer.incremental_unassign(&revoked);
            let_go.map_err(|error| consumer.context().client.fault("letting go", &error))
        })
        .await
    }
}

#[async_trait]
impl Membership for Member {
    async fn next(&mut self) -> Result<MembershipEvent, LogError> {
        self.let_go().await?;
        loop {
            let arrived = self.events.arrived.notified();
            match self.events.pop() {
                None => arrived.await,
                Some(Event::Assigned(partitions)) => {
                    return Ok(MembershipEvent::Assigned(partitions));
                }
                Some(Event::Revoked(partitions)) => {
                    let numbers = numbers(&partitions);
                    *self.events.revoked() = Some(partitions);
                    return Ok(MembershipEvent::Revoked(numbers));
                }
                Some(Event::Failed(error)) => return Err(error),
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.events.left.store(true, Ordering::Release);
    }
}

/// Polls until the member leaves. Leaving and closing happen on this thread too.
fn follow(consumer: &Arc<Joined>, events: &Arc<Events>) {
    let mut said = None;
    while !events.left.load(Ordering::Acquire) {
        if let Some(Err(error)) = consumer.poll(POLL) {
            let fault = match consumer.client().fatal_error() {
                Some((code, reason)) => put_out(code, &reason),
                None => consumer
                    .context()
                    .client
                    .fault("following the group", &error),
            };
            if !fault.is_transient() {
                events.fail(fault);
            } else if said.as_ref() != Some(&fault) {
                // Librdkafka tries again by itself, for ever.
                tracing::warn!(error = %fault, "the group does not answer as it should");
                said = Some(fault);
            }
        }
    }
    // A client that owes its group an answer would never end.
    while let Some(owed) = events.owed() {
        if let Err(error) = consumer.incremental_unassign(&owed) {
            tracing::debug!(%error, "a member that leaves had nothing to let go");
        }
    }
}

/// What it means that a member's client has failed for good.
pub(super) fn put_out(code: Code, reason: &str) -> LogError {
    let reason = match code {
        Code::FencedInstanceId => {
            format!("another process has joined the group under this one's name: {reason}")
        }
        _ => format!("the group has put this process out: {reason}"),
    };
    LogError::Stopped { reason }
}

impl Events {
    fn push(&self, event: Event) {
        self.waiting().push_back(event);
        self.arrived.notify_one();
    }

    /// Says that the member failed, unless that is the last that was said.
    fn fail(&self, fault: LogError) {
        let said = matches!(self.waiting().back(), Some(Event::Failed(last)) if *last == fault);
        if !said {
            self.push(Event::Failed(fault));
        }
    }

    fn pop(&self) -> Option<Event> {
        self.waiting().pop_front()
    }

    /// What is still to be let go by a member that is gone.
    fn owed(&self) -> Option<TopicPartitionList> {
        let given = self.revoked().take();
        given.or_else(|| {
            let mut waiting = self.waiting();
            let is_revocation = |event: &Event| matches!(event, Event::Revoked(_));
            let at = waiting.iter().position(is_revocation)?;
            match waiting.remove(at)? {
                Event::Revoked(partitions) => Some(partitions),
                _ => None,
            }
        })
    }

    fn revoked(&self) -> MutexGuard<'_, Option<TopicPartitionList>> {
        self.revoked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn waiting(&self) -> MutexGuard<'_, VecDeque<Event>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ClientContext for Shares {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.client.log(level, facility, text);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        self.client.error(error, reason);
    }
}

impl ConsumerContext for Shares {
    fn rebalance(
        &self,
        consumer: &Joined,
        what: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let answered = match what {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => {
                self.assigned(consumer, partitions)
            }
            // Nobody is there any more who would let go.
            _ if self.events.left.load(Ordering::Acquire) => {
                consumer.incremental_unassign(partitions)
            }
            _ => {
                self.events.push(Event::Revoked(partitions.clone()));
                Ok(())
            }
        };
        if let Err(error) = answered {
            self.events.fail(LogError::Stopped {
                reason: format!("the group's word cannot be followed: {error}"),
            });
        }
    }
}

impl Shares {
    /// What the member shares with all clients.
    pub(super) fn client(&self) -> &Context {
        &self.client
    }

    fn assigned(&self, consumer: &Joined, partitions: &TopicPartitionList) -> KafkaResult<()> {
        let mut unread = partitions.clone();
        // Where to begin doesn't matter, for it is paused before it fetches; but a committed
        // position would have to be asked for.
        unread.set_all_offsets(At::End)?;
        consumer.incremental_assign(&unread)?;
        consumer.pause(&unread)?;
        // The first time also if there are none: a member that is not needed learns that it is one.
        let is_first = !self.events.is_member.swap(true, Ordering::AcqRel);
        if is_first || partitions.count() > 0 {
            self.events.push(Event::Assigned(numbers(partitions)));
        }
        Ok(())
    }
}

fn numbers(partitions: &TopicPartitionList) -> Vec<u32> {
    let elements = partitions.elements();
    let numbers = elements.iter().map(TopicPartitionListElem::partition);
    numbers
        .filter_map(|number| u32::try_from(number).ok())
        .collect()
}
