//! Evaluates while it leads; otherwise waits until it does.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use sextant_eventlog::{EventLog, LogError, Membership, MembershipEvent};
use sextant_incident::AlertKey;
use sextant_measure::time::Clock;
use sextant_wire::topics::{ALERTS, EVALUATORS};
use tokio::sync::{mpsc, watch};
use tokio::time::{MissedTickBehavior, interval, sleep};
use tokio_util::sync::CancellationToken;

use crate::book::{Book, Terms};
use crate::config::Resolved;
use crate::delivery::{Board, Delivered};
use crate::judge::Judge;
use crate::log::{AlertsLog, Tenure};
use crate::metrics::{Metrics, doing, seconds};
use crate::pulse::Pulse;
use crate::view::Sight;

const RETRY: Duration = Duration::from_secs(1);
const TOUCH: Duration = Duration::from_secs(1);
/// How long a leader that was displaced leaves the log to the other. One that was stalled learns
/// meanwhile that its group has given the lead away.
const CONTEST: Duration = Duration::from_secs(5);
/// What receivers have heard of, made durable at a time.
const HEARD_MAX: usize = 1_000;

/// Evaluates while it leads.
pub(crate) struct Leader {
    pub(crate) log: Arc<dyn EventLog>,
    pub(crate) sight: Arc<dyn Sight>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) name: String,
    pub(crate) config: Arc<Resolved>,
    pub(crate) terms: Terms,
    pub(crate) metrics: Metrics,
    pub(crate) pulse: Arc<Pulse>,
    pub(crate) board: watch::Sender<Board>,
    pub(crate) heard: mpsc::Receiver<Delivered>,
}

/// Why the log is to be claimed again.
enum End {
    /// Another has claimed it.
    Displaced,
    /// It was made anew: what is held here is all that there is.
    Anew(Book),
}

impl Leader {
    pub(crate) async fn run(mut self, stop: CancellationToken) {
        let pulse = Arc::clone(&self.pulse);
        let alive = async {
            loop {
                pulse.touch();
                sleep(TOUCH).await;
            }
        };
        tokio::select! {
            () = stop.cancelled() => {}
            () = self.follow() => {}
            () = alive => {}
        }
        self.step_down();
    }

    /// Joins the group, again if need be, and leads whenever it is its turn.
    async fn follow(&mut self) {
        let mut is_away = false;
        loop {
            let failure = match self.log.join(EVALUATORS, ALERTS).await {
                Ok(mut membership) => self.take_turns(&mut *membership).await,
                Err(error) => error,
            };
            self.step_down();
            self.failed(doing::FOLLOWING, &failure, &mut is_away);
            sleep(RETRY).await;
        }
    }

    async fn take_turns(&mut self, membership: &mut dyn Membership) -> LogError {
        loop {
            match membership.next().await {
                Ok(MembershipEvent::Assigned(partitions)) => {
                    self.pulse.joined();
                    if partitions.is_empty() {
                        continue;
                    }
                }
                Ok(MembershipEvent::Revoked(_)) => continue,
                Err(error) => return error,
            }
            let revoked = async {
                loop {
                    match membership.next().await {
                        Ok(MembershipEvent::Assigned(_)) => {}
                        Ok(MembershipEvent::Revoked(_)) => return Ok(()),
                        Err(error) => return Err(error),
                    }
                }
            };
            let ended = tokio::select! {
                ended = revoked => ended,
                never = self.lead() => match never {},
            };
            self.step_down();
            match ended {
                Ok(()) => tracing::info!("another evaluates alerts from here on"),
                Err(error) => return error,
            }
        }
    }

    /// Claims the log, again whenever it is lost, and evaluates.
    async fn lead(&mut self) -> std::convert::Infallible {
        let mut is_away = false;
        let mut kept = None;
        loop {
            match AlertsLog::claim(Arc::clone(&self.log), &self.name).await {
                Ok((log, left)) => {
                    is_away = false;
                    let book = kept.take().unwrap_or_else(|| {
                        let mut book = Book::new(self.terms.clone());
                        book.restore(left);
                        book
                    });
                    tracing::info!(open = book.open().count(), "evaluates alerts");
                    self.metrics.leading.set(1);
                    match self.evaluate(log, book).await {
                        End::Displaced => {
                            self.step_down();
                            tracing::warn!("another has claimed the alerts log");
                            sleep(CONTEST).await;
                        }
                        End::Anew(mut book) => {
                            tracing::warn!("the alerts log was made anew; it is written again");
                            book.all_changed();
                            kept = Some(book);
                        }
                    }
                }
                Err(error) => {
                    self.failed(doing::CLAIMING, &error, &mut is_away);
                    sleep(RETRY).await;
                }
            }
        }
    }

    async fn evaluate(&mut self, mut log: AlertsLog, mut book: Book) -> End {
        let mut ticks = interval(self.config.evaluate_interval);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut is_away = false;
        let (mut heard, mut is_anyone_left) = (Vec::new(), true);
        self.metrics.open(&book);
        self.board.send_replace(book.board(self.clock.now()));
        loop {
            tokio::select! {
                biased;
                n = self.heard.recv_many(&mut heard, HEARD_MAX), if is_anyone_left => {
                    is_anyone_left = n > 0;
                    for it in heard.drain(..) {
                        book.heard(&it.alert, it.opened_at, it.delivery);
                    }
                }
                _ = ticks.tick() => self.turn(&mut book).await,
            }
            match keep(&mut log, &mut book).await {
                Ok(Tenure::Held { stale }) => {
                    is_away = false;
                    book.changed_still(stale);
                    self.metrics.open(&book);
                    self.board.send_replace(book.board(self.clock.now()));
                }
                Ok(Tenure::Lost) => return End::Displaced,
                Ok(Tenure::Anew) => return End::Anew(book),
                // What could not be made durable is told to nobody; what stands on the board stays.
                Err(error) => self.failed(doing::WRITING, &error, &mut is_away),
            }
        }
    }

    async fn turn(&self, book: &mut Book) {
        let Some(view) = self.sight.look().await else {
            self.metrics.blind_evaluations.inc();
            return;
        };
        let now = self.clock.now();
        let age = view.as_of.map_or(0, |as_of| now.micros_since(as_of).max(0));
        self.metrics.views_age.set(seconds(age));
        let judge = Judge::new(&self.config, &view, now);
        let outcome = book.evaluate(&judge, now);
        self.metrics.looked();
        self.metrics.evaluated(outcome, now);
    }

    fn step_down(&self) {
        self.metrics.follows();
        self.board.send_replace(Board::from([]));
    }

    /// Told once for as long as it lasts.
    fn failed(&self, doing: &'static str, error: &LogError, is_away: &mut bool) {
        self.metrics.error(doing);
        if !std::mem::replace(is_away, true) {
            tracing::warn!(doing, %error, "the log refused; it is tried again");
        }
    }
}

/// Makes durable what changed.
async fn keep(log: &mut AlertsLog, book: &mut Book) -> Result<Tenure, LogError> {
    let changed: BTreeSet<AlertKey> = book.take_changed();
    if changed.is_empty() {
        return log.look().await;
    }
    let held = changed
        .iter()
        .map(|alert| (alert.clone(), book.held(alert).to_vec()));
    let kept = log.write(held.collect::<Vec<_>>().into_iter()).await;
    if kept.is_err() {
        book.changed_still(changed);
    }
    kept
}
