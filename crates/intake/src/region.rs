//! The header that says where a sender is: `Sextant-Region`, over HTTP and gRPC alike.
//!
//! It holds for observations that name no region, before the keeper's own, and is no part of what a
//! batch is known by: a batch stays what it is by whatever way it comes.

use http::HeaderMap;
use sextant_measure::id::Region;
use sextant_wire::identity::REGION_HEADER;

/// The region that the headers give, if they give one; else what is wrong with it.
pub(crate) fn of(headers: &HeaderMap) -> Result<Option<Region>, String> {
    let Some(value) = headers.get(REGION_HEADER) else {
        return Ok(None);
    };
    let text = value
        .to_str()
        .map_err(|_| "Sextant-Region: no ASCII".to_owned())?;
    let region = Region::new(text);
    region
        .map(Some)
        .map_err(|error| format!("Sextant-Region: {error}"))
}
