//! Which models, providers, prices and benchmarks exist.
//!
//! A [`Catalog`] is read from one TOML text. Reading either succeeds as a whole or names every
//! problem at once, each with its file, line, column and key; `catalog.toml` beside this file is
//! the shipped one and shows the format.
//!
//! - [`catalog`]: the catalog and its look-ups; [`model`]: what it says of one model; [`facts`]: what
//!   of that a router must know; [`live`]: a catalog that may be replaced.
//! - [`price`], [`pricing`]: exact money, and which endpoint is cheaper.
//! - [`benchmark`]: published scores and the composite made of them.
//! - [`limits`]: how much a catalog may hold; [`problem`]: how a bad one is refused.

pub mod benchmark;
pub mod catalog;
mod decimal;
pub mod facts;
pub mod limits;
pub mod live;
pub mod model;
pub mod price;
pub mod pricing;
pub mod problem;
mod read;
mod revision;

pub use benchmark::{Benchmark, Benchmarks, Score};
pub use catalog::{Catalog, Revision};
pub use facts::EndpointFacts;
pub use live::LiveCatalog;
pub use model::{Architecture, Endpoint, Modality, Model};
pub use price::{Price, PriceError};
pub use pricing::{Mix, PriceRank, Pricing};
pub use problem::{CatalogError, Problem};
