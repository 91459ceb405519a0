//! One request over HTTP, watched.

use sextant_measure::outcome::Outcome;

use super::chunk::{self, Finish};
use super::events::{Event, Events};
use super::status::outcome_of_error;
use crate::attempt::Attempt;

/// Of a body that is no stream: enough for any that is meant to be read.
const BODY_BYTES_MAX: usize = 4 << 20;
/// What ends a stream.
const DONE: &[u8] = b"[DONE]";

/// Why nothing more comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The provider was silent for too long: at connecting, before the first token or between two.
    Timeout,
    /// The connection failed: DNS, TLS, refused, reset.
    Transport,
}

/// What became of an exchange.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// How the attempt was recorded.
    pub outcome: Outcome,
    /// Tokens of the prompt and of the answer together, if the provider said either.
    pub tokens: Option<u64>,
}

/// Watches what a provider answers, and records the attempt by it.
///
/// In the order of an HTTP exchange: [`dispatched`](Self::dispatched), [`answered`](Self::answered),
/// [`received`](Self::received) for each piece of the body as it comes, and one of
/// [`closed`](Self::closed) and [`failed`](Self::failed). Dropped before those, it is as if its
/// caller had gone away. Where the provider has told by then how the attempt ended, by a status that
/// is no success, an error or the answer's end, that stands, however the rest of it fares.
#[derive(Debug)]
pub struct Exchange {
    attempt: Attempt,
    status_code: Option<u16>,
    /// Whether the body is read as a stream of events.
    streamed: bool,
    events: Events,
    body: Vec<u8>,
    has_token: bool,
    is_done: bool,
    finish: Option<Finish>,
}

impl Exchange {
    /// Watches an attempt.
    pub fn new(attempt: Attempt) -> Self {
        Self {
            streamed: attempt.is_streamed(),
            attempt,
            status_code: None,
            events: Events::default(),
            body: Vec::new(),
            has_token: false,
            is_done: false,
            finish: None,
        }
    }

    /// The request leaves now.
    pub fn dispatched(&mut self) {
        self.attempt.dispatched();
    }

    /// The provider's status has come.
    pub fn answered(&mut self, status_code: u16) {
        self.status_code = Some(status_code);
        self.attempt.answered(status_code);
    }

    /// Another attempt of the same request follows.
    pub fn not_final(&mut self) {
        self.attempt.not_final();
    }

    /// A piece of the body has come.
    pub fn received(&mut self, bytes: &[u8]) {
        if self.streamed && self.is_success() {
            let mut events = std::mem::take(&mut self.events);
            events.feed(bytes, |event| self.event(event));
            self.events = events;
        } else {
            let room = BODY_BYTES_MAX.saturating_sub(self.body.len());
            self.body.extend(bytes.iter().take(room));
        }
    }

    /// The body has come to its end.
    pub fn closed(mut self) -> Ended {
        let outcome = self.told().unwrap_or(match self.status_code {
            None => Outcome::TransportError,
            Some(_) if self.has_token => Outcome::StreamError,
            Some(_) => Outcome::EmptyResponse,
        });
        self.end(outcome)
    }

    /// Nothing more comes, and that is not how it should be.
    pub fn failed(mut self, failure: Failure) -> Ended {
        let outcome = self.told().unwrap_or(match failure {
            Failure::Timeout => Outcome::Timeout,
            Failure::Transport if self.is_success() => Outcome::StreamError,
            Failure::Transport => Outcome::TransportError,
        });
        self.end(outcome)
    }

    fn event(&mut self, event: Event<'_>) {
        // What follows the end of a stream is no part of it.
        if self.is_done {
            return;
        }
        if event.data == DONE {
            self.is_done = true;
        } else if let Some(said) = chunk::read(event.data) {
            if said.has_token {
                self.has_token = true;
                self.attempt.token();
            }
            // The worst stands, of several choices as of what follows.
            self.finish = self.finish.max(said.finish);
            self.attempt.usage(said.input_tokens, said.output_tokens);
        }
        if event.is_error {
            self.finish = Some(Finish::Error);
        }
        if self.is_over() {
            self.attempt.complete();
        }
    }

    fn end(&mut self, outcome: Outcome) -> Ended {
        let tokens = self.attempt.tokens();
        let outcome = self.attempt.record(outcome);
        Ended { outcome, tokens }
    }

    fn is_success(&self) -> bool {
        self.status_code
            .is_some_and(|code| (200..300).contains(&code))
    }

    /// Whether the answer has said that it ends.
    fn is_over(&self) -> bool {
        self.is_done || self.finish.is_some()
    }

    /// How the attempt ended by what the provider has said, if it has said so.
    fn told(&mut self) -> Option<Outcome> {
        let status_code = self.status_code?;
        if !self.is_success() {
            return Some(outcome_of_error(status_code, &self.body));
        }
        if !self.streamed {
            self.read_whole();
        }
        if !self.is_over() {
            return None;
        }
        Some(match self.finish {
            Some(Finish::Error) => Outcome::StreamError,
            Some(Finish::Filtered) => Outcome::ContentFiltered,
            // All that was generated was thought and not shown.
            Some(Finish::Length) => Outcome::Ok,
            Some(Finish::Whole) | None if self.has_token => Outcome::Ok,
            Some(Finish::Whole) | None => Outcome::EmptyResponse,
        })
    }

    /// A body that is no stream has said all once it can be read.
    fn read_whole(&mut self) {
        if let Some(said) = chunk::read(&self.body) {
            self.has_token = said.has_token;
            self.finish = said.finish;
            self.is_done = true;
            self.attempt.usage(said.input_tokens, said.output_tokens);
        }
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if self.attempt.is_recorded() {
            return;
        }
        // Else the attempt itself knows what it is to be left alone.
        if let Some(outcome) = self.told() {
            self.attempt.record(outcome);
        }
    }
}
