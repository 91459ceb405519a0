//! How a gateway follows snapshots and asks the router.
//!
//! A [`Gateway`] holds everything that servers know, in memory and fresh to the second, and chooses
//! from it without waiting. What it holds outlives its servers, and on disk itself: used unchanged
//! for a minute, with less trust for five, and then by catalog, gates and price alone.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use sextant_gateway::{Decision, Gateway, Options, Request, Tier};
//!
//! let options = Options::new(["grpc://sextant-1:8481", "grpc://sextant-2:8481"])?;
//! let gateway = Gateway::start(options.kept_in("/var/lib/gateway/snapshot"))?;
//! // For each request:
//! let request = Request::new("meta-llama/llama-4-scout".parse()?, Tier::Realtime);
//! let mut decision = Decision::default();
//! gateway.choose(&request, rand::random(), &mut decision);
//! for choice in &decision.candidates {
//!     let endpoint = decision.candidate(choice);
//!     println!("{endpoint:?}: {}", choice.reason.name());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! - `follow`: from one server after the other to what is held; `servers`: which is next; `picture`:
//!   what is held.
//! - `disk`: what outlives the process. `stats`: what has come and gone.

mod disk;
mod error;
mod follow;
mod gateway;
mod options;
mod picture;
mod saving;
mod servers;
mod stats;

pub use sextant_router::board::Board;
pub use sextant_router::decision::{Choice, Decision, Empty, Exclusion, Reason};
pub use sextant_router::freshness::{Ages, Freshness};
pub use sextant_router::request::{Request, RequestError};
pub use sextant_router::tag::Tag;
pub use sextant_router::tier::Tier;

pub use crate::error::{FileError, GatewayError};
pub use crate::gateway::Gateway;
pub use crate::options::Options;
pub use crate::picture::{Held, Source};
pub use crate::stats::Stats;
