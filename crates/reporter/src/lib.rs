//! How a program hands observations over.
//!
//! - [`recorder`], [`attempt`]: what a gateway embeds: takes what it sees without ever holding it up.
//!   [`openai`]: what answers mean as outcomes.
//! - [`sender`]: takes observations and sends them until they are acknowledged.
//! - [`courier`], [`parcel`], [`relay`]: carries for others what they have numbered.
//! - [`target`], [`transport`]: where to, and by which protocol.
//! - [`report`]: what became of them.
//! - [`replay`]: observations from a file, moved in time and paced.
//!
//! A batch gets its number (agent, epoch, sequence) when it is first sent and never changes after
//! that: whatever is uncertain is sent again under the same number with the same content, so that
//! every observation arrives at least once and counts once.

pub mod attempt;
pub mod batch;
mod clock_offset;
pub mod courier;
mod driver;
mod endpoints;
pub mod error;
mod flights;
mod gathering;
mod link;
mod loose;
pub mod openai;
pub mod options;
mod outbox;
pub mod parcel;
mod pause;
pub mod recorder;
pub mod relay;
pub mod replay;
pub mod report;
mod run;
pub mod sender;
mod stock;
mod tally;
pub mod target;
pub mod transport;
