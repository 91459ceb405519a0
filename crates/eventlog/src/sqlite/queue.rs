//! The way to the writer: bounded in calls and bytes, so that who appends faster than the disk
//! takes waits, and is refused after a while.

use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::options::SqliteOptions;
use crate::LogError;

/// Room in the channel beyond the calls, for the few commands that come without a permit.
const COMMANDS_BESIDE: usize = 64;

/// The senders' end.
pub(super) struct Queue<T> {
    commands: SyncSender<T>,
    calls: Arc<Semaphore>,
    bytes: Arc<Semaphore>,
    bytes_max: usize,
    wait_max: std::time::Duration,
}

/// A place in the queue; given back when it is dropped.
pub(super) struct Permit {
    _call: OwnedSemaphorePermit,
    _bytes: OwnedSemaphorePermit,
}

impl<T> Queue<T> {
    pub(super) fn new(options: &SqliteOptions) -> (Self, Receiver<T>) {
        let calls_max = options.queue_calls_max.clamp(1, 1 << 16);
        let bytes_max = options.queue_bytes_max.clamp(1, u32::MAX as usize);
        let (commands, receiver) = sync_channel(calls_max + COMMANDS_BESIDE);
        let queue = Self {
            commands,
            calls: Arc::new(Semaphore::new(calls_max)),
            bytes: Arc::new(Semaphore::new(bytes_max)),
            bytes_max,
            wait_max: options.queue_wait_max,
        };
        (queue, receiver)
    }

    /// Waits for room.
    pub(super) async fn enter(&self, bytes: usize) -> Result<Permit, LogError> {
        let bytes = u32::try_from(bytes.min(self.bytes_max)).unwrap_or(u32::MAX);
        let room = async {
            let call = Arc::clone(&self.calls).acquire_owned().await?;
            let bytes = Arc::clone(&self.bytes).acquire_many_owned(bytes).await?;
            Ok(Permit {
                _call: call,
                _bytes: bytes,
            })
        };
        let waited = timeout(self.wait_max, room).await;
        let entered: Result<Permit, tokio::sync::AcquireError> = waited.map_err(|_| {
            let reason = format!(
                "the queue to the writer stayed full for {:?}",
                self.wait_max
            );
            LogError::Unavailable { reason }
        })?;
        entered.map_err(|_| LogError::Closed)
    }

    /// Puts a command into the queue.
    pub(super) fn send(&self, command: T) -> Result<(), LogError> {
        self.commands
            .try_send(command)
            .map_err(|error| match error {
                TrySendError::Full(_) => LogError::Unavailable {
                    reason: "too many commands wait for the writer".to_owned(),
                },
                TrySendError::Disconnected(_) => LogError::Closed,
            })
    }
}
