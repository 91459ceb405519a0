//! From bytes to spans, and from an answer to bytes.

use std::io::Read as _;

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message as _;
use serde_json::json;

use crate::config::{Config, length};
use crate::refused::{Refused, Why};
use crate::weight::{self, TooHeavy};

/// How messages are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As protobuf.
    Protobuf,
    /// As JSON, in OTLP's own way.
    Json,
}

/// Reads a request, if what it becomes is within bounds.
pub(crate) fn request(
    bytes: &[u8],
    encoding: Encoding,
    config: &Config,
) -> Result<ExportTraceServiceRequest, Refused> {
    let (bytes_max, spans_max) = (config.bytes_max(), length(config.spans_max));
    let heavy = |heavy: TooHeavy| {
        let why = match heavy {
            TooHeavy::Malformed(_) => Why::Invalid,
            TooHeavy::Spans(_) | TooHeavy::Parts => Why::TooLarge,
        };
        Refused::never(why, heavy.to_string())
    };
    let invalid = |what: String| Refused::never(Why::Invalid, what);
    match encoding {
        Encoding::Protobuf => {
            weight::protobuf(bytes, bytes_max, spans_max).map_err(heavy)?;
            let request = ExportTraceServiceRequest::decode(bytes);
            request.map_err(|error| invalid(format!("not an ExportTraceServiceRequest: {error}")))
        }
        Encoding::Json => {
            weight::json(bytes, bytes_max).map_err(heavy)?;
            let request: ExportTraceServiceRequest =
                serde_json::from_slice(bytes).map_err(|error| {
                    invalid(format!("not an ExportTraceServiceRequest in JSON: {error}"))
                })?;
            if spans(&request) > spans_max {
                return Err(heavy(TooHeavy::Spans(spans_max)));
            }
            Ok(request)
        }
    }
}

/// How many spans there are in a request.
pub(crate) fn spans(request: &ExportTraceServiceRequest) -> usize {
    let scopes = request.resource_spans.iter().flat_map(|of| &of.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

/// Unpacks what was packed with gzip, up to `bytes_max`.
pub(crate) fn gunzip(bytes: &[u8], bytes_max: usize) -> Result<Bytes, Refused> {
    let limit = u64::try_from(bytes_max).unwrap_or(u64::MAX);
    let mut unpacked = Vec::new();
    MultiGzDecoder::new(bytes)
        .take(limit.saturating_add(1))
        .read_to_end(&mut unpacked)
        .map_err(|error| Refused::never(Why::Invalid, format!("not packed with gzip: {error}")))?;
    if unpacked.len() > bytes_max {
        return Err(too_large(bytes_max));
    }
    Ok(unpacked.into())
}

pub(crate) fn too_large(bytes_max: usize) -> Refused {
    let message = format!("more than the {bytes_max} bytes of a request; send smaller batches");
    Refused::never(Why::TooLarge, message)
}

/// The answer to a request that was taken: how many of its spans were not, and why.
pub(crate) fn response(encoding: Encoding, rejected: u64, message: &str) -> Bytes {
    let rejected_spans = i64::try_from(rejected).unwrap_or(i64::MAX);
    let is_whole = rejected == 0 && message.is_empty();
    match encoding {
        Encoding::Protobuf => {
            let partial_success = (!is_whole).then(|| ExportTracePartialSuccess {
                rejected_spans,
                error_message: message.to_owned(),
            });
            ExportTraceServiceResponse { partial_success }
                .encode_to_vec()
                .into()
        }
        Encoding::Json => {
            // 64-bit numbers are texts in protobuf's JSON, for readers that would round them.
            let partial = json!({
                "rejectedSpans": rejected_spans.to_string(),
                "errorMessage": message,
            });
            let answer = if is_whole {
                json!({})
            } else {
                json!({ "partialSuccess": partial })
            };
            answer.to_string().into()
        }
    }
}
