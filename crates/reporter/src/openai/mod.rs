//! Answers in the manner of `OpenAI`'s chat completions: what they mean as outcomes.
//!
//! Format: <https://platform.openai.com/docs/api-reference/chat-streaming>; what providers add to it
//! (keep-alive comments, errors after 200) as `OpenRouter` describes:
//! <https://openrouter.ai/docs/api-reference/streaming>.
//!
//! - [`Exchange`] watches one request over HTTP. `status`: answers that are none. `chunk`: pieces of
//!   an answer. `events`: from bytes to the events that they hold.

mod chunk;
mod events;
mod exchange;
mod status;

pub use self::exchange::{Ended, Exchange, Failure};
pub use self::status::outcome_of_error;
