//! A batch that someone keeps between two hops: as it came, with what its ids stand for.

use bytes::Bytes;
use prost::Message as _;
use sextant_measure::observation::Definition;

use crate::batch::{Batch, definition_message};
use crate::{DecodeError, v1};

/// A batch and what its endpoint ids stand for. Nothing of it is stamped or corrected, so that it
/// is judged and hashed as if it had come at once.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct HeldBatch {
    /// The batch.
    pub batch: Batch,
    /// Ids and their meanings, each id once.
    pub definitions: Vec<(u32, Definition)>,
}

impl HeldBatch {
    /// As bytes: a `ReportBatchRequest`.
    pub fn encode(self) -> Bytes {
        let definitions = self.definitions.iter();
        let definitions = definitions.map(|(id, definition)| definition_message(*id, definition));
        let request = v1::ReportBatchRequest {
            definitions: definitions.collect(),
            batch: Some(self.batch.into()),
        };
        request.encode_to_vec().into()
    }

    /// About as many bytes as [`encode`](Self::encode) makes of it.
    pub fn bytes_about(&self) -> usize {
        const DEFINITION_BYTES: usize = 128;
        self.batch.columns.encoded_len() + self.definitions.len() * DEFINITION_BYTES
    }

    /// Reads the bytes again.
    ///
    /// # Errors
    /// They are not what [`encode`](Self::encode) wrote.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let request = v1::ReportBatchRequest::decode(bytes)?;
        let batch = request.batch.unwrap_or_default().try_into()?;
        let definitions = request.definitions.iter().map(|definition| {
            let endpoint = definition.endpoint.as_ref();
            let endpoint = endpoint.ok_or(DecodeError::field("endpoint", "required"))?;
            let meaning = Definition::try_from(endpoint)
                .map_err(|refusal| DecodeError::field("endpoint", refusal))?;
            Ok((definition.id, meaning))
        });
        Ok(Self {
            batch,
            definitions: definitions.collect::<Result<_, DecodeError>>()?,
        })
    }
}
