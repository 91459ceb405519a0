//! One upstream attempt, watched from its beginning to its end.
//!
//! The guard keeps the rules that are easily got wrong: the clock starts when the request is
//! dispatched and not before; the first *generated* token ends the wait, not headers nor keep-alives;
//! the last token ends the duration; an attempt that nobody ends is one whose caller went away.

use sextant_measure::id::{Operation, RequestId};
use sextant_measure::observation::{Definition, Measurement, Observation, Tier};
use sextant_measure::outcome::{Outcome, Source};
use tokio::time::Instant;

use crate::recorder::Recorder;

/// What an attempt is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct About {
    /// Model, provider, quantization and region.
    pub definition: Definition,
    /// Who causes it.
    pub source: Source,
    /// Whether the answer is asked for as a stream.
    pub streamed: bool,
    /// Which attempt of its request it is, from 1.
    pub attempt: u32,
    /// Names the request, for people.
    pub request_id: Option<RequestId>,
    /// The tier asked for, for drill-down.
    pub tier: Option<Tier>,
    /// The caller's task, for drill-down.
    pub operation: Option<Operation>,
}

impl About {
    /// The first attempt of a live request whose answer is streamed.
    pub fn new(definition: Definition) -> Self {
        Self {
            definition,
            source: Source::Live,
            streamed: true,
            attempt: 1,
            request_id: None,
            tier: None,
            operation: None,
        }
    }
}

/// An attempt under way. It is recorded once: by [`end`](Self::end), or when it is dropped.
///
/// Dropped before it was dispatched it is a [`Outcome::GatewayError`]; after its terminal chunk it is
/// [`Outcome::Ok`]; else [`Outcome::ClientCancelled`], since a gateway drops what nobody waits for.
#[derive(Debug)]
pub struct Attempt {
    recorder: Recorder,
    /// Nothing once it is recorded.
    about: Option<About>,
    dispatched: Option<Instant>,
    first_token: Option<Instant>,
    last_token: Option<Instant>,
    /// When the terminal chunk came.
    completed: Option<Instant>,
    is_final: bool,
    input_tokens: Option<u32>,
    output_tokens: Option<u32>,
    status_code: Option<u16>,
}

impl Attempt {
    pub(crate) fn new(recorder: Recorder, about: About) -> Self {
        Self {
            recorder,
            about: Some(about),
            dispatched: None,
            first_token: None,
            last_token: None,
            completed: None,
            is_final: true,
            input_tokens: None,
            output_tokens: None,
            status_code: None,
        }
    }

    /// The request leaves for the provider now. The first time counts.
    pub fn dispatched(&mut self) {
        self.dispatched.get_or_insert_with(Instant::now);
    }

    /// The provider answered with this HTTP status.
    pub fn answered(&mut self, status_code: u16) {
        self.status_code = Some(status_code);
    }

    /// A generated token has come, of whatever channel: content, reasoning, a tool call.
    pub fn token(&mut self) {
        let now = Instant::now();
        self.first_token.get_or_insert(now);
        self.last_token = Some(now);
    }

    /// The provider says how many tokens there were: of the prompt, and generated with reasoning.
    pub fn usage(&mut self, input_tokens: Option<u32>, output_tokens: Option<u32>) {
        self.input_tokens = input_tokens.or(self.input_tokens);
        self.output_tokens = output_tokens.or(self.output_tokens);
    }

    /// The terminal chunk has come: whoever goes away now leaves a whole answer behind.
    /// The first time counts.
    pub fn complete(&mut self) {
        self.completed.get_or_insert_with(Instant::now);
    }

    /// Another attempt of the same request follows.
    pub fn not_final(&mut self) {
        self.is_final = false;
    }

    /// Records how it ended, and gives the outcome as it was recorded.
    pub fn end(mut self, outcome: Outcome) -> Outcome {
        self.record(outcome)
    }

    /// Whether its answer is asked for as a stream.
    pub(crate) fn is_streamed(&self) -> bool {
        self.about.as_ref().is_some_and(|about| about.streamed)
    }

    pub(crate) fn is_recorded(&self) -> bool {
        self.about.is_none()
    }

    /// What the provider has said of tokens so far, in all.
    pub(crate) fn tokens(&self) -> Option<u64> {
        let told = [self.input_tokens, self.output_tokens];
        told.into_iter()
            .flatten()
            .map(u64::from)
            .reduce(u64::saturating_add)
    }

    /// The same as [`end`](Self::end), for one that stands in something else. It is recorded once.
    pub(crate) fn record(&mut self, outcome: Outcome) -> Outcome {
        let Some(about) = self.about.take() else {
            return outcome;
        };
        let now = Instant::now();
        let (outcome, dispatched) = match self.dispatched {
            Some(dispatched) => (outcome, dispatched),
            // What never left can't have failed at the provider.
            None => (Outcome::GatewayError, now),
        };
        let since = |at: Instant| {
            let elapsed = at.saturating_duration_since(dispatched);
            u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX)
        };
        // A good answer took until its last token, or its end if none was shown; of all others the end
        // itself tells more.
        let ended = match outcome {
            Outcome::Ok => self.last_token.or(self.completed).unwrap_or(now),
            _ => now,
        };
        let is_dispatched = self.dispatched.is_some();
        let measurement = Measurement {
            completed_at: self.recorder.clock().now(),
            outcome,
            source: about.source,
            streamed: about.streamed,
            ttft_us: self.first_token.filter(|_| about.streamed).map(since),
            duration_us: is_dispatched.then(|| since(ended)),
            input_tokens: self.input_tokens,
            output_tokens: self.output_tokens,
            status_code: self.status_code,
            attempt: about.attempt,
            is_final: self.is_final,
        };
        self.recorder.record(Observation {
            definition: about.definition,
            measurement,
            request_id: about.request_id,
            tier: about.tier,
            operation: about.operation,
        });
        outcome
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        let outcome = match self.completed {
            Some(_) => Outcome::Ok,
            None => Outcome::ClientCancelled,
        };
        self.record(outcome);
    }
}
