//! How senders hand batches over, and what each may hold while they do.
//!
//! Whoever takes batches (a collector into the log, an agent into its spool) is a [`Keeper`]; what
//! comes before it is the same for all of them and stands here. A batch passes these, in this
//! order, and is refused as a whole by the first that it fails: its size, what its keeper wants to
//! know of a sender, its sender's rate, the keeper's own judgement. All of them come before
//! anything is kept, and a batch is acknowledged only once its keeper has made it durable.
//!
//! - [`intake`]: the checks and the acknowledgement.
//! - [`keeper`]: what one has to do who keeps batches.
//! - [`directory`]: what the endpoint ids of a stream stand for, worked out once each.
//! - [`submission`]: a batch as it came.
//! - [`grpc`], [`http`]: how batches come in.
//! - [`peer`]: who sends, for quotas. What a peer may hold is a share of what all may hold.
//! - [`limits`], [`metrics`], [`refusal`]: bounds, counts, and the words of a refusal.
//!
//! What is absent: access control, which is one layer in front of gRPC and HTTP and hands the
//! [`peer::PeerKey`] on as a request extension; and any task that nobody waits for.

pub mod budget;
pub mod directory;
pub mod grpc;
pub mod http;
pub mod intake;
pub mod keeper;
pub mod limiter;
pub mod limits;
pub mod metrics;
pub mod peer;
pub mod refusal;
mod region;
pub mod senders;
pub mod submission;

pub use intake::{Intake, Wiring};
pub use keeper::{Arrived, Keeper};
pub use limits::Limits;
pub use metrics::Metrics;
pub use peer::PeerKey;
