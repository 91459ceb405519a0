//! How spans of OpenTelemetry's GenAI conventions become observations.
//!
//! An application that is instrumented for OpenTelemetry sends its spans by OTLP; those of calls
//! to a model are attempts, and become observations with no code of ours in the application.
//!
//! - [`map`]: one span's facts, judged. Pure: it needs names and a span, no clock.
//!   `attributes` reads them under every name that they have had, `ending` and `errors` tell the
//!   outcome.
//! - [`names`]: what models and providers are called here.
//! - [`receiver`]: from the bytes of a request to its answer.
//! - [`grpc`], [`http`]: how requests come in, and what their senders are told.
//! - [`sink`]: where the observations go. An agent and a collector each have one of their own.
//! - [`config`], [`metrics`]: limits and counts.
//!
//! No text of a prompt, an answer or a status message is looked at. What is read of a span is
//! bounded, and so is what decoding may take: `weight` judges the bytes before it begins, and
//! `reading` lets few requests be decoded at a time.

mod attributes;
pub mod config;
mod decode;
mod ending;
mod errors;
pub mod grpc;
pub mod http;
pub mod left_out;
pub mod map;
pub mod metrics;
pub mod names;
mod reading;
pub mod receiver;
pub mod refused;
pub mod sink;
mod weight;

pub use config::Config;
pub use decode::Encoding;
pub use metrics::Metrics;
pub use receiver::{Receiver, Wiring};
pub use refused::{Refused, Why};
pub use sink::{SpanSink, Taken};
