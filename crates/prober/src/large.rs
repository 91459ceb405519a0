//! Reading what may be large.

/// What takes well below a millisecond to read.
const BYTES_MAX: usize = 128 << 10;

/// Reads a body, beside the runtime's threads if it is large. Nothing if that is lost.
pub(crate) async fn read_aside<T: Send + 'static>(
    body: Vec<u8>,
    read: impl FnOnce(&[u8]) -> T + Send + 'static,
) -> Option<T> {
    if body.len() <= BYTES_MAX {
        return Some(read(&body));
    }
    let read = tokio::task::spawn_blocking(move || read(&body)).await;
    read.inspect_err(|error| tracing::error!(%error, "what was said could not be read"))
        .ok()
}
