//! Senders and a watcher on a system.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use crate::ledger::Ledger;
use crate::options::Options;
use crate::sender::{Phase, Sender};
use crate::system::System;
use crate::traffic::{BATCH, Traffic};
use crate::watcher::{self, Coverage};

const LOOK: Duration = Duration::from_millis(20);
/// After everything was right: what counts twice has then shown.
const AFTERWARDS: Duration = Duration::from_secs(3);

/// Senders and a watcher; they end with the value.
pub(crate) struct Workload {
    pub(crate) ledger: Arc<Ledger>,
    pub(crate) coverage: watch::Receiver<Coverage>,
    phase: watch::Sender<Phase>,
    senders: JoinSet<Result<()>>,
    watcher: JoinSet<Result<()>>,
    patience: Duration,
}

impl Workload {
    /// Starts them, and waits until each series has been served once.
    pub(crate) async fn begin(options: &Options, system: &System) -> Result<Self> {
        let traffic = Arc::new(Traffic::new(options));
        let ledger = Arc::new(Ledger::new(traffic.endpoints()));
        let (phase, phases) = watch::channel(Phase::Begin);
        let (covers, coverage) = watch::channel(Coverage::default());
        let mut watcher = JoinSet::new();
        watcher.spawn(watcher::follow(
            system.server()?.grpc.clone(),
            Arc::clone(&traffic),
            Arc::clone(&ledger),
            covers,
        ));
        let interval = options.rate.map(|rate| {
            let batches_per_s = f64::from(rate) / f64::from(BATCH) / f64::from(options.senders);
            Duration::from_secs_f64(1.0 / batches_per_s)
        });
        let of = options.senders as usize;
        let mut senders = JoinSet::new();
        for index in 0..of {
            let sender = Sender {
                index,
                of,
                traffic: Arc::clone(&traffic),
                ledger: Arc::clone(&ledger),
                phase: phases.clone(),
                interval,
                in_flight_max: options.in_flight,
            };
            senders.spawn(sender.run(system.intake()?.grpc.clone()));
        }
        let mut workload = Self {
            ledger,
            coverage,
            phase,
            senders,
            watcher,
            patience: Duration::from_secs(options.patience),
        };
        let ledger = Arc::clone(&workload.ledger);
        let series = u64::from(options.series);
        let mut acknowledged = 0;
        let all = || {
            acknowledged += ledger.take().acknowledged;
            Ok(acknowledged == series && ledger.is_settled())
        };
        workload.until("every series to be served", all).await?;
        Ok(workload)
    }

    /// Lets them send from now on.
    pub(crate) fn send(&self) {
        self.phase.send_replace(Phase::Send);
    }

    /// Waits for so long.
    pub(crate) async fn stand(&mut self, time: Duration) -> Result<()> {
        tokio::select! {
            () = sleep(time) => Ok(()),
            error = self.failure() => Err(error),
        }
    }

    /// Waits until something is so, and says how long that took.
    ///
    /// # Errors
    /// It does not come; or a sender or the watcher has failed.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        mut is_so: impl FnMut() -> Result<bool>,
    ) -> Result<Duration> {
        let begun = Instant::now();
        while begun.elapsed() < self.patience {
            if is_so()? {
                return Ok(begun.elapsed());
            }
            self.stand(LOOK).await?;
        }
        let behind = self.ledger.behind();
        let coverage = *self.coverage.borrow();
        bail!(
            "waited {:?} for {what}; {behind} behind, {coverage:?}",
            self.patience
        )
    }

    /// Stops the senders and waits until everything is acknowledged.
    pub(crate) async fn end(&mut self) -> Result<()> {
        self.phase.send_replace(Phase::End);
        let ended = async {
            while let Some(ended) = self.senders.join_next().await {
                ended??;
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(self.patience, ended)
            .await
            .context("what is in flight is not acknowledged")?
    }

    /// Waits until every count served is what was acknowledged, and says how long that took.
    pub(crate) async fn settle(&mut self) -> Result<Duration> {
        let ledger = Arc::clone(&self.ledger);
        let settled = self.until("the last counts", || Ok(ledger.is_settled()));
        let settled = settled.await;
        settled.map_err(|error| ledger.check().err().unwrap_or(error))
    }

    /// Fails if a count served is not what was acknowledged, also a little later.
    pub(crate) async fn verify(&mut self) -> Result<()> {
        self.stand(AFTERWARDS).await?;
        self.ledger.check()
    }

    /// Waits until a sender or the watcher fails.
    async fn failure(&mut self) -> anyhow::Error {
        let ended = tokio::select! {
            Some(ended) = self.senders.join_next() => ended,
            Some(ended) = self.watcher.join_next() => ended,
            else => return std::future::pending().await,
        };
        match ended {
            Ok(Ok(())) => anyhow::anyhow!("a sender ended early"),
            Ok(Err(error)) => error,
            Err(error) => error.into(),
        }
    }
}
