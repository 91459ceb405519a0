//! From the spool to a collector: loads in order, hands to the courier, lets go of what has ended.

use std::sync::Arc;
use std::time::Duration;

use sextant_reporter::courier::Courier;
use sextant_reporter::parcel::{Parcel, Settled};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::passing::{PASSING, Passing, totals};
use crate::spool::{Spool, State};

/// Bytes loaded at once.
const LOAD_BYTES_MAX: u64 = 1 << 20;
/// Ends that are heard of at once.
const SETTLED_MAX: usize = 256;
/// How long ends wait for others before the file is written: they cost an fsync together.
const SETTLE_DELAY: Duration = Duration::from_millis(50);
/// How often the spool looks for what is too old.
const TICK: Duration = Duration::from_secs(1);
/// How long a spool that can't be read is left alone.
const LOAD_RETRY: Duration = Duration::from_secs(1);

/// Brings what the spool holds, and what passes, to the courier. Ends when it is told to.
pub(crate) async fn carry(
    spool: Spool,
    courier: Arc<Courier>,
    passing: Arc<Passing>,
    mut parcels: mpsc::Receiver<Parcel>,
    stop: CancellationToken,
) {
    let mut state = spool.state();
    let mut carried = 0;
    loop {
        let next = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            Some(parcel) = parcels.recv() => Some(vec![parcel]),
            loaded = load(&spool, &mut state, carried) => loaded.map(|(parcels, through)| {
                carried = through;
                parcels
            }),
        };
        let Some(next) = next else {
            return;
        };
        for parcel in next {
            // Who was told to come again brings it again.
            if parcel.ticket() & PASSING != 0 && !passing.is_awaited(parcel.ticket()) {
                continue;
            }
            let handed = tokio::select! {
                biased;
                () = stop.cancelled() => return,
                handed = courier.carry(parcel) => handed,
            };
            if handed.is_err() {
                return;
            }
        }
    }
}

/// What came after the ticket, once there is something that may go; nothing once the spool is closed. To be
/// dropped at any time loses nothing: what was loaded and not handed over is loaded again.
async fn load(
    spool: &Spool,
    state: &mut watch::Receiver<State>,
    carried: u64,
) -> Option<(Vec<Parcel>, u64)> {
    let mut is_told = false;
    loop {
        if state
            .wait_for(|state| state.newest > carried && state.has_way)
            .await
            .is_err()
        {
            return None;
        }
        match spool.load(carried, LOAD_BYTES_MAX).await {
            Ok(load) => {
                let batches = load.batches.into_iter();
                let parcels = batches.map(|it| Parcel::new(it.ticket, it.held, it.bytes));
                return Some((parcels.collect(), load.through));
            }
            Err(error) => {
                if std::mem::replace(&mut is_told, true) {
                    tracing::debug!(%error, "the spool still can't be read");
                } else {
                    tracing::error!(%error, "the spool can't be read; trying again each second");
                }
                tokio::time::sleep(LOAD_RETRY).await;
            }
        }
    }
}

/// Lets go of what has ended. Ends when the courier has, and all was heard.
pub(crate) async fn settle(
    spool: Spool,
    passing: Arc<Passing>,
    mut settled: mpsc::Receiver<Settled>,
) {
    let mut ticks = interval(TICK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut heard = Vec::with_capacity(SETTLED_MAX);
    loop {
        tokio::select! {
            count = settled.recv_many(&mut heard, SETTLED_MAX) => {
                if count == 0 {
                    return;
                }
            }
            _ = ticks.tick() => {
                spool.tick().await;
                continue;
            }
        }
        let (passed, kept): (Vec<_>, Vec<_>) =
            heard.drain(..).partition(|settled| passing.hear(*settled));
        for settled in passed {
            spool.count(totals(settled)).await;
        }
        if !kept.is_empty() {
            spool.settle(kept).await;
            tokio::time::sleep(SETTLE_DELAY).await;
        }
    }
}
