//! The thread that writes: the only one that appends, makes files and drops them.
//!
//! It takes what waits in the queue as one group, makes that durable and answers all of it. While
//! it does, the next group gathers.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::Duration;

use super::checkpoint::{self, Checkpointer};
use super::file::LogFile;
use super::group::{self, Answer, Call, Work};
use super::state::{Shared, StopOnPanic};
use super::storage::Storage;
use super::topic::{Place, Topic};
use super::{catalog, stats};
use crate::{Appended, LogError, TopicSpec};

/// How long the writer waits for readers when the write-ahead log should start anew.
const RESTART_PATIENCE: Duration = Duration::from_millis(20);

/// The same, when the write-ahead log has met its bound.
const RESTART_PATIENCE_MAX: Duration = Duration::from_secs(1);

/// After how many bytes the size of all files is looked at again.
const MEASURE_BYTES: u64 = 16 << 20;

/// What the writer is asked to do.
pub(super) enum Command {
    Call(Call),
    Prepare {
        specs: Vec<TopicSpec>,
        answer: Answer<()>,
    },
    Retain {
        now_us: i64,
        answer: Answer<()>,
    },
    Close {
        answer: Answer<()>,
    },
}

/// The writer's state.
pub(super) struct Writer {
    shared: Arc<Shared>,
    storage: Storage,
    checkpointer: Checkpointer,
    commands: Receiver<Command>,
    upkeep_at_us: i64,
    /// Bytes appended since the files were measured.
    unmeasured_bytes: u64,
}

impl Writer {
    pub(super) fn new(
        shared: Arc<Shared>,
        storage: Storage,
        commands: Receiver<Command>,
    ) -> Result<Self, LogError> {
        let checkpointer = Checkpointer::start(Arc::clone(&shared))?;
        let upkeep_at_us = shared.now_us();
        let unmeasured_bytes = MEASURE_BYTES;
        Ok(Self {
            shared,
            storage,
            checkpointer,
            commands,
            upkeep_at_us,
            unmeasured_bytes,
        })
    }

    /// Works until the log is closed or nobody is left who could ask.
    pub(super) fn run(mut self) {
        let _guard = StopOnPanic(Arc::clone(&self.shared));
        let closer = loop {
            let mut next = match self
                .commands
                .recv_timeout(self.shared.options.upkeep_interval)
            {
                Ok(command) => Some(command),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => break None,
            };
            if let Some(Command::Call(call)) = next {
                let (calls, following) = self.gather(call);
                self.write(calls);
                next = following;
            }
            match next {
                Some(Command::Close { answer }) => break Some(answer),
                Some(Command::Prepare { specs, answer }) => {
                    drop(answer.send(self.guarded(|writer| writer.prepare(&specs))));
                }
                Some(Command::Retain { now_us, answer }) => {
                    drop(answer.send(self.guarded(|writer| writer.retain(now_us))));
                }
                Some(Command::Call(_)) | None => {}
            }
            self.keep_up();
        };
        let outcome = self.finish();
        if let Some(answer) = closer {
            drop(answer.send(outcome));
        }
    }

    /// What waits, up to the bounds of a group, and the command that ended it.
    fn gather(&self, first: Call) -> (Vec<Call>, Option<Command>) {
        let options = &self.shared.options;
        let mut bytes = first.bytes;
        let mut calls = vec![first];
        while calls.len() < options.group_calls_max && bytes < options.group_bytes_max {
            match self.commands.try_recv() {
                Ok(Command::Call(call)) => {
                    bytes = bytes.saturating_add(call.bytes);
                    calls.push(call);
                }
                Ok(other) => return (calls, Some(other)),
                Err(_) => break,
            }
        }
        (calls, None)
    }

    fn write(&mut self, calls: Vec<Call>) {
        let now_us = self.shared.now_us();
        for (topic, calls) in by_file(calls) {
            let calls = self.admit(calls);
            if calls.is_empty() {
                continue;
            }
            match self.guarded(|writer| writer.write_to(topic.as_deref(), &calls, now_us)) {
                Ok(answers) => self.confirm(calls, answers),
                Err(error) => calls.into_iter().for_each(|call| self.refuse(call, &error)),
            }
        }
    }

    /// Refuses what would go over the log's share of the disk.
    fn admit(&mut self, calls: Vec<Call>) -> Vec<Call> {
        let bytes: u64 = calls.iter().map(|call| call.bytes as u64).sum();
        let counters = &self.shared.counters;
        let disk_bytes_max = self.shared.options.disk_bytes_max;
        let estimate = |unmeasured| counters.disk_bytes.load(Relaxed) + unmeasured + bytes;
        if self.unmeasured_bytes >= MEASURE_BYTES
            || estimate(self.unmeasured_bytes) > disk_bytes_max
        {
            counters
                .disk_bytes
                .store(self.storage.bytes(&self.shared), Relaxed);
            self.unmeasured_bytes = 0;
        }
        if estimate(self.unmeasured_bytes) <= disk_bytes_max {
            self.unmeasured_bytes += bytes;
            return calls;
        }
        let reason = format!("its files have reached {disk_bytes_max} bytes");
        let is_append = |call: &Call| matches!(call.work, Work::Append { .. });
        let (appends, commits): (Vec<_>, Vec<_>) = calls.into_iter().partition(is_append);
        for call in appends {
            self.refuse(
                call,
                &LogError::Full {
                    reason: reason.clone(),
                },
            );
        }
        commits
    }

    fn write_to(
        &mut self,
        topic: Option<&Topic>,
        calls: &[Call],
        now_us: i64,
    ) -> Result<Vec<Option<Appended>>, LogError> {
        if let Some(topic) = topic {
            self.storage.roll(topic, now_us, &self.checkpointer)?;
        }
        let target = match topic {
            Some(topic) => self.storage.file_of(topic),
            None => Some(self.storage.main()),
        };
        let (file, disk) = target.ok_or_else(|| LogError::Unavailable {
            reason: "the topic has no file to write to".to_owned(),
        })?;
        let answers = group::write(file, disk, calls, now_us)?;
        checkpoint_if_due(&self.shared, &self.checkpointer, file)?;
        Ok(answers)
    }

    fn confirm(&self, calls: Vec<Call>, answers: Vec<Option<Appended>>) {
        let counters = &self.shared.counters;
        stats::add(&counters.groups, 1);
        stats::add(&counters.calls, calls.len() as u64);
        counters
            .group_calls_max
            .fetch_max(calls.len() as u64, Relaxed);
        // Readers first, so that who is answered finds what was appended.
        for (call, appended) in calls.iter().zip(&answers) {
            if let (Work::Append { records, .. }, Some(appended)) = (&call.work, appended) {
                stats::add(&counters.records, records.len() as u64);
                stats::add(&counters.bytes, call.bytes as u64);
                call.topic
                    .publish(call.partition, appended.last.following().0);
            }
        }
        for (call, appended) in calls.into_iter().zip(answers) {
            call.confirm(appended);
        }
    }

    fn refuse(&self, call: Call, error: &LogError) {
        if matches!(error, LogError::Full { .. }) {
            stats::add(&self.shared.counters.full_refusals, 1);
        }
        call.refuse(error.clone());
    }

    fn prepare(&mut self, specs: &[TopicSpec]) -> Result<(), LogError> {
        let mut missing: Vec<&TopicSpec> = Vec::new();
        for spec in specs {
            catalog::check(spec)?;
            if let Ok(topic) = self.shared.topic(&spec.name) {
                catalog::compare(spec, &topic.spec)?;
            } else if let Some(twin) = missing.iter().find(|twin| twin.name == spec.name) {
                catalog::compare(spec, twin)?;
            } else {
                missing.push(spec);
            }
        }
        for spec in missing {
            let topic = self.storage.create(spec, self.shared.now_us())?;
            self.shared.add_topic(topic);
        }
        Ok(())
    }

    fn retain(&mut self, now_us: i64) -> Result<(), LogError> {
        self.storage
            .enforce_retention(&self.shared, &self.checkpointer, now_us)?;
        self.shared
            .counters
            .disk_bytes
            .store(self.storage.bytes(&self.shared), Relaxed);
        self.unmeasured_bytes = 0;
        Ok(())
    }

    /// Looks at retention now and then, by the log's clock.
    fn keep_up(&mut self) {
        let now_us = self.shared.now_us();
        let interval = self.shared.options.upkeep_interval.as_micros();
        let interval_us = i64::try_from(interval).unwrap_or(i64::MAX);
        let due_in_us = self.upkeep_at_us.saturating_sub(now_us);
        // A clock that was set back must not put it off.
        if (1..=interval_us).contains(&due_in_us) {
            return;
        }
        self.upkeep_at_us = now_us.saturating_add(interval_us);
        if let Err(error) = self.guarded(|writer| writer.retain(now_us)) {
            tracing::warn!(%error, "retention of the log was put off");
        }
    }

    /// Runs work that touches the disk. Whatever fails for good stops the log, and then nothing
    /// succeeds any more, not even what was written before the failure showed.
    fn guarded<T>(
        &mut self,
        work: impl FnOnce(&mut Self) -> Result<T, LogError>,
    ) -> Result<T, LogError> {
        self.shared.check()?;
        let outcome = work(self);
        if let Err(LogError::Stopped { reason }) = &outcome {
            self.shared.stop(reason.clone());
        }
        self.shared.check()?;
        outcome
    }

    /// Closes the files in good order, or as they are if the log has stopped.
    fn finish(self) -> Result<(), LogError> {
        let Self {
            shared,
            storage,
            checkpointer,
            ..
        } = self;
        drop(checkpointer);
        shared.readers.close();
        let outcome = shared.check().and_then(|()| ignore_full(storage.finish()));
        match &outcome {
            Err(LogError::Stopped { reason }) => {
                storage.leave_as_is();
                shared.stop(reason.clone());
            }
            _ => shared.close(),
        }
        outcome
    }
}

/// The calls by the file that they go to, in their order; none is the main file.
fn by_file(calls: Vec<Call>) -> Vec<(Option<Arc<Topic>>, Vec<Call>)> {
    let mut files: Vec<(Option<Arc<Topic>>, Vec<Call>)> = Vec::new();
    for call in calls {
        let has_own = matches!(call.topic.place, Place::Hours(_));
        let topic = match call.work {
            Work::Append { .. } if has_own => Some(Arc::clone(&call.topic)),
            _ => None,
        };
        let is_same = |held: &Option<Arc<Topic>>| match (held, &topic) {
            (Some(held), Some(topic)) => Arc::ptr_eq(held, topic),
            (held, topic) => held.is_none() && topic.is_none(),
        };
        match files.iter_mut().find(|(held, _)| is_same(held)) {
            Some((_, calls)) => calls.push(call),
            None => files.push((topic, vec![call])),
        }
    }
    files
}

fn checkpoint_if_due(
    shared: &Shared,
    checkpointer: &Checkpointer,
    file: &LogFile,
) -> Result<(), LogError> {
    let progress = checkpoint::progress(file)?;
    let is_over = progress.bytes >= shared.options.wal_bytes_max;
    if file.checkpoint.take_restart() || is_over {
        let patience = if is_over {
            RESTART_PATIENCE_MAX
        } else {
            RESTART_PATIENCE
        };
        stats::add(&shared.counters.checkpoint_pauses, 1);
        return ignore_full(checkpoint::restart(file, patience));
    }
    if progress.left_bytes >= shared.options.checkpoint_bytes {
        checkpointer.request(file);
    }
    Ok(())
}

/// A file that can't grow leaves its records in the write-ahead log, where they are durable.
fn ignore_full(outcome: Result<(), LogError>) -> Result<(), LogError> {
    match outcome {
        Err(LogError::Full { .. } | LogError::Unavailable { .. }) => Ok(()),
        other => other,
    }
}
