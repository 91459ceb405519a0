//! How a process asks HTTP servers of others: at which addresses, over TLS or not, with which
//! secrets, and following no redirect.

mod client;
mod error;
mod place;
mod reach;
pub mod secret;
pub mod tls;

pub use crate::client::{Answer, Call, Client, retry_after};
pub use crate::error::OutboundError;
pub use crate::place::{Place, hosts, shown};
pub use crate::reach::Reach;
pub use crate::secret::SecretSource;
