//! Questions to the store: few at a time, of which one caller has at most half, and none for long.

use sextant_store::StoreError;
use tokio::time::timeout;

use super::App;
use super::problem::{self, Problem};
use crate::seats::Caller;

impl App {
    /// The store's answer, if it comes in time.
    pub(super) async fn stored<T>(
        &self,
        caller: Caller,
        question: impl Future<Output = Result<T, StoreError>>,
    ) -> Result<T, Problem> {
        let seat = self.history_queries.take(caller);
        let _seat = seat.map_err(problem::history_busy)?;
        let answered = timeout(self.config.history_wait_max(), question).await;
        let answered = answered.unwrap_or_else(|_| {
            Err(StoreError::Unavailable {
                reason: "it did not answer in time".to_owned(),
            })
        });
        Ok(answered?)
    }
}
