//! Where observations go.

use std::any::Any;

use async_trait::async_trait;
use http::Extensions;
use sextant_measure::observation::Observation;
use sextant_measure::refusal::Refusal;

use crate::refused::Refused;

/// What is held while a request is read; dropping it lets go.
pub type Room = Box<dyn Any + Send>;

/// Takes what spans became. Who sends is told by the request's extensions, as whoever controls
/// access has set them.
#[async_trait]
pub trait SpanSink: Send + Sync + 'static {
    /// Room for so many bytes of a request, until they have been read and judged.
    ///
    /// # Errors
    /// If this sender holds all that one may, or nothing is left.
    fn room(&self, from: &Extensions, bytes: u32) -> Result<Room, Refused>;

    /// Makes observations durable, and only then answers.
    ///
    /// # Errors
    /// If none was taken, as far as that can be known. What has no identity may count twice when
    /// it is sent again.
    async fn take(
        &self,
        from: &Extensions,
        observations: Vec<Observation>,
    ) -> Result<Taken, Refused>;
}

/// What became of observations that were taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Taken {
    /// Those that are durable.
    pub accepted: u32,
    /// Those that are not, by their index.
    pub refused: Vec<(u32, Refusal)>,
    /// Whether they have an identity from here on. OTLP gives none.
    pub has_identity: bool,
}
