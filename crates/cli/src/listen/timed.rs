//! A connection that ends by itself when its peer makes it wait.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

use super::{Limits, Protocol};

/// What an HTTP/2 client sends first: the preface (24 bytes) and the head of its settings
/// (9 bytes). RFC 9113, section 3.4.
const HTTP2_BEGINNING_BYTES: usize = 24 + 9;

/// A stream with two clocks. One runs until the peer has begun; HTTP/1 needs none, since every
/// head has a clock of its own there. The other runs while what is written isn't taken.
#[derive(Debug)]
pub(super) struct Timed<S> {
    stream: S,
    /// Bytes that the peer still owes before it has begun.
    owed: usize,
    begin: Pin<Box<Sleep>>,
    write_wait_max: Duration,
    writing: Option<Pin<Box<Sleep>>>,
}

impl<S> Timed<S> {
    pub(super) fn new(stream: S, protocol: Protocol, limits: &Limits) -> Self {
        Self {
            stream,
            owed: match protocol {
                Protocol::Http => 0,
                Protocol::Grpc => HTTP2_BEGINNING_BYTES,
            },
            begin: Box::pin(sleep(limits.head_wait_max)),
            write_wait_max: limits.write_wait_max,
            writing: None,
        }
    }

    /// Starts or stops the clock of writing, and ends the wait when it has run out.
    fn written<T>(
        &mut self,
        outcome: Poll<io::Result<T>>,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<T>> {
        if outcome.is_ready() {
            self.writing = None;
            return outcome;
        }
        let wait = self.write_wait_max;
        let clock = self.writing.get_or_insert_with(|| Box::pin(sleep(wait)));
        ready!(clock.as_mut().poll(context));
        Poll::Ready(Err(too_slow("nothing of what was written is taken")))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let outcome = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len() - before;
        self.owed = self.owed.saturating_sub(read);
        if outcome.is_pending() && self.owed > 0 {
            ready!(self.begin.as_mut().poll(context));
            return Poll::Ready(Err(too_slow("nothing was begun")));
        }
        outcome
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.written(outcome, context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.written(outcome, context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

fn too_slow(what: &'static str) -> io::Error {
    io::Error::new(ErrorKind::TimedOut, what)
}
