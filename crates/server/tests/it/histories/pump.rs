//! A stream as a connection reads it: what it has begun to ask for it goes on asking for, whether or
//! not anybody is there to take it, and it has at most one message that nobody has taken.

use futures::stream::{Stream, StreamExt as _};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

pub(super) struct Pump<T> {
    messages: mpsc::Receiver<T>,
    /// Ends with this.
    _reading: JoinSet<()>,
}

impl<T: Send + 'static> Pump<T> {
    pub(super) fn of(stream: impl Stream<Item = T> + Send + 'static) -> Self {
        let (taking, messages) = mpsc::channel(1);
        let mut reading = JoinSet::new();
        reading.spawn(async move {
            let mut stream = std::pin::pin!(stream);
            while let Ok(place) = taking.reserve().await {
                match stream.next().await {
                    Some(message) => place.send(message),
                    None => return,
                }
            }
        });
        Self {
            messages,
            _reading: reading,
        }
    }

    /// The next message; nothing once the stream has ended.
    pub(super) async fn next(&mut self) -> Option<T> {
        self.messages.recv().await
    }
}
