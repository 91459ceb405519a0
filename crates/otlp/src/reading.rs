//! What is decoded takes many times the bytes that came, so only a few requests are decoded at a
//! time; the others wait as bytes, for which there is room.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;

/// Requests that are read at a time. Each takes up to ten times what a request may have in bytes:
/// unpacked, decoded and mapped.
const READS_MAX: usize = 4;

/// Where requests are read, each on a thread that may take its time.
#[derive(Debug)]
pub(crate) struct Reading(Arc<Semaphore>);

impl Reading {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Semaphore::new(READS_MAX)))
    }

    /// Reads once it is its turn. None if that ended badly.
    pub(crate) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let turn = Arc::clone(&self.0).acquire_owned().await.ok()?;
        // Megabytes of spans would keep the other tasks of this thread waiting. The turn goes on
        // to its end, also when nobody waits for it any more.
        let reading = spawn_blocking(move || {
            let read = read();
            drop(turn);
            read
        });
        reading.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread::sleep;
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn only_a_few_are_read_at_a_time_and_all_in_the_end() {
        static PRESENT: AtomicUsize = AtomicUsize::new(0);
        static MOST: AtomicUsize = AtomicUsize::new(0);
        let reading = Arc::new(Reading::new());
        let mut all = tokio::task::JoinSet::new();
        for number in 0..64 {
            let reading = Arc::clone(&reading);
            all.spawn(async move {
                let read = reading.read(move || {
                    let present = PRESENT.fetch_add(1, Ordering::SeqCst) + 1;
                    MOST.fetch_max(present, Ordering::SeqCst);
                    sleep(Duration::from_millis(2));
                    PRESENT.fetch_sub(1, Ordering::SeqCst);
                    number
                });
                read.await.unwrap()
            });
        }
        let mut read = all.join_all().await;
        read.sort_unstable();
        assert_eq!(read, (0..64).collect::<Vec<_>>());
        assert!(MOST.load(Ordering::SeqCst) <= READS_MAX);
    }

    #[tokio::test]
    async fn a_turn_outlives_who_waits_for_it() {
        let reading = Reading::new();
        let (begun, begins) = tokio::sync::oneshot::channel();
        let (ends, end) = std::sync::mpsc::sync_channel::<()>(0);
        let left = reading.read(move || {
            begun.send(()).unwrap();
            end.recv().unwrap();
        });
        tokio::select! {
            _ = left => unreachable!("it waits for its end"),
            begun = begins => begun.unwrap(),
        }
        assert_eq!(reading.0.available_permits(), READS_MAX - 1);
        ends.send(()).unwrap();
        let all = u32::try_from(READS_MAX).unwrap();
        drop(reading.0.acquire_many(all).await.unwrap());
    }
}
