//! One request over HTTP, watched.

use sextant_measure::outcome::Outcome;

use super::chunk::{self, Finish};
use super::events::Events;
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
/// caller had gone away.
#[derive(Debug)]
pub struct Exchange {
    attempt: Attempt,
    streamed: bool,
    status_code: Option<u16>,
    events: Events,
    body: Vec<u8>,
    has_token: bool,
    is_done: bool,
    finish: Option<Finish>,
}

impl Exchange {
    /// Watches an attempt whose answer is asked for as a stream, or not.
    pub fn new(attempt: Attempt, streamed: bool) -> Self {
        Self {
            attempt,
            streamed,
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
            let Self {
                attempt,
                events,
                has_token,
                is_done,
                finish,
                ..
            } = self;
            events.feed(bytes, |data| {
                if data == DONE {
                    *is_done = true;
                } else if let Some(said) = chunk::read(data) {
                    if said.has_token {
                        *has_token = true;
                        attempt.token();
                    }
                    // The first error stands.
                    if *finish != Some(Finish::Error) {
                        *finish = said.finish.or(*finish);
                    }
                    attempt.usage(said.input_tokens, said.output_tokens);
                }
            });
            if self.has_token && self.is_over() && self.finish != Some(Finish::Error) {
                self.attempt.complete();
            }
        } else {
            let room = BODY_BYTES_MAX.saturating_sub(self.body.len());
            self.body.extend(bytes.iter().take(room));
        }
    }

    /// The body has come to its end.
    pub fn closed(mut self) -> Ended {
        let outcome = self.outcome();
        self.end(outcome)
    }

    /// Nothing more comes, and that is not how it should be.
    pub fn failed(mut self, failure: Failure) -> Ended {
        let is_whole = self.has_token && self.is_over();
        let outcome = match failure {
            // What breaks behind the end of an answer takes nothing from it.
            _ if is_whole => self.outcome(),
            Failure::Timeout => Outcome::Timeout,
            Failure::Transport if self.is_success() => Outcome::StreamError,
            Failure::Transport => Outcome::TransportError,
        };
        self.end(outcome)
    }

    fn end(self, outcome: Outcome) -> Ended {
        let tokens = self.attempt.tokens();
        let outcome = self.attempt.end(outcome);
        Ended { outcome, tokens }
    }

    fn is_success(&self) -> bool {
        self.status_code
            .is_some_and(|code| (200..300).contains(&code))
    }

    /// Whether a stream has said that it ends.
    fn is_over(&self) -> bool {
        self.is_done || self.finish.is_some()
    }

    fn outcome(&mut self) -> Outcome {
        match self.status_code {
            None => return Outcome::TransportError,
            Some(code) if !self.is_success() => return outcome_of_error(code, &self.body),
            Some(_) => {}
        }
        if !self.streamed {
            if let Some(said) = chunk::read(&self.body) {
                self.has_token = said.has_token;
                self.finish = said.finish;
                self.attempt.usage(said.input_tokens, said.output_tokens);
            }
            // A body that is whole has said all.
            self.is_done = true;
        }
        match self.finish {
            Some(Finish::Error) => Outcome::StreamError,
            Some(Finish::Filtered) => Outcome::ContentFiltered,
            _ if !self.has_token => Outcome::EmptyResponse,
            _ if !self.is_over() => Outcome::StreamError,
            _ => Outcome::Ok,
        }
    }
}
