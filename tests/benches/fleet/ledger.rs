//! What was sent, what was acknowledged and what is served, endpoint by endpoint.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Result, bail, ensure};

use crate::traffic::{Batch, Counts};
use sextant_tests::spread::Spread;

/// Endpoints that a failure names.
const NAMED_MAX: usize = 5;

/// What was sent, what was acknowledged and what is served.
pub(crate) struct Ledger(Mutex<Books>);

struct Books {
    accounts: Vec<Account>,
    measured: Measured,
    /// Of what counts for uptime.
    acknowledged: u64,
    served: u64,
}

#[derive(Default)]
struct Account {
    /// Of what counts for uptime.
    sent: u64,
    acknowledged: Counts,
    served: Counts,
    /// When those completed that are not served yet, and how many; of what counts for uptime.
    due: VecDeque<(i64, u64)>,
}

/// What happened since it was last taken.
#[derive(Debug, Default)]
pub(crate) struct Measured {
    /// Observations.
    pub(crate) acknowledged: u64,
    /// Of messages with batches, with their frames.
    pub(crate) bytes: u64,
    pub(crate) observations_sent: u64,
    /// Batches that had to be sent again because the collector had no room.
    pub(crate) refusals: u64,
    /// From a batch's sending to its acknowledgement.
    pub(crate) acknowledgements: Spread,
    /// From an observation's completion to the watcher.
    pub(crate) delays: Spread,
}

impl Ledger {
    pub(crate) fn new(endpoints: usize) -> Self {
        Self(Mutex::new(Books {
            accounts: (0..endpoints).map(|_| Account::default()).collect(),
            measured: Measured::default(),
            acknowledged: 0,
            served: 0,
        }))
    }

    /// A batch goes out.
    pub(crate) fn sent(&self, batch: &Batch, first_at_us: i64, bytes: usize) {
        let mut books = self.books();
        books.measured.bytes += bytes as u64;
        books.measured.observations_sent += batch.observations();
        for share in &batch.shares {
            let account = &mut books.accounts[share.endpoint];
            account.sent += share.counts.uptime.1;
            let due = (first_at_us + share.first_us, share.counts.uptime.1);
            account.due.push_back(due);
        }
    }

    /// All of a batch is durable.
    pub(crate) fn acknowledged(&self, batch: &Batch, took: Duration) {
        let mut books = self.books();
        books.measured.acknowledged += batch.observations();
        let took_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        books.measured.acknowledgements.add(took_us, 1);
        for share in &batch.shares {
            let account = &mut books.accounts[share.endpoint];
            account.acknowledged.add(&share.counts);
            books.acknowledged += share.counts.uptime.1;
        }
    }

    pub(crate) fn refused(&self) {
        self.books().measured.refusals += 1;
    }

    /// What a watcher was told of an endpoint.
    ///
    /// # Errors
    /// More is served than was sent, or less than before.
    pub(crate) fn served(&self, endpoint: usize, counts: Counts, at_us: i64) -> Result<()> {
        let mut books = self.books();
        let Books {
            accounts,
            measured,
            served,
            ..
        } = &mut *books;
        let account = &mut accounts[endpoint];
        let (before, now) = (account.served.uptime.1, counts.uptime.1);
        ensure!(
            now <= account.sent,
            "endpoint {endpoint}: {now} served where {} were sent: something counted twice",
            account.sent
        );
        ensure!(
            now >= before,
            "endpoint {endpoint}: {before} were served, now {now}"
        );
        let mut news = now - before;
        *served += news;
        account.served = counts;
        // As many turns as there are entries, at most.
        while let Some((completed_us, n)) = account.due.front_mut() {
            let took = news.min(*n);
            let delay_us = u64::try_from(at_us - *completed_us).unwrap_or(0);
            measured.delays.add(delay_us, took);
            (*n, news) = (*n - took, news - took);
            if *n > 0 {
                break;
            }
            account.due.pop_front();
        }
        Ok(())
    }

    /// Acknowledged and not served, of what counts for uptime.
    pub(crate) fn behind(&self) -> u64 {
        let books = self.books();
        books.acknowledged.saturating_sub(books.served)
    }

    /// Whether every count served is what was acknowledged.
    pub(crate) fn is_settled(&self) -> bool {
        let books = self.books();
        let mut accounts = books.accounts.iter();
        accounts.all(|account| account.served == account.acknowledged)
    }

    /// # Errors
    /// A count served is not what was acknowledged; with the first few.
    pub(crate) fn check(&self) -> Result<()> {
        let books = self.books();
        let accounts = books.accounts.iter().enumerate();
        let wrong = accounts.filter(|(_, it)| it.served != it.acknowledged);
        let (named, n) = (wrong.clone().take(NAMED_MAX), wrong.count());
        if n == 0 {
            return Ok(());
        }
        let lines = named.map(|(endpoint, it)| {
            let Account {
                served,
                acknowledged,
                ..
            } = it;
            format!("endpoint {endpoint}: served {served:?}, acknowledged {acknowledged:?}")
        });
        let lines: Vec<_> = lines.collect();
        bail!("{n} endpoints are served wrong:\n{}", lines.join("\n"))
    }

    /// What happened since this was last asked.
    pub(crate) fn take(&self) -> Measured {
        std::mem::take(&mut self.books().measured)
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
