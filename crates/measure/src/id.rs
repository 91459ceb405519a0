//! Identifiers. All are plain ASCII with a bound, so that look-alike characters, control
//! characters and markup cannot pass for a name anywhere downstream.

use std::fmt;
use std::sync::Arc;

use crate::quantization::Quantization;

/// Longest model id, in bytes.
pub const MODEL_BYTES_MAX: usize = 128;
/// Longest provider slug or region, in bytes.
pub const SLUG_BYTES_MAX: usize = 64;
/// Longest text given for people (request id, operation, agent id), in bytes.
pub const TEXT_BYTES_MAX: usize = 128;
/// The name under which the exact merge of all regions is published; no agent may use it.
pub const GLOBAL_REGION: &str = "global";

/// Why a text is not an identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// A model that is not `author/slug`.
    #[error(
        "model must be author/slug, each of letters, digits, '.', '_', '-' or ':', \
         at most {MODEL_BYTES_MAX} bytes in all"
    )]
    Model,
    /// A provider that is not a slug.
    #[error("provider must be 1 to {SLUG_BYTES_MAX} of a-z, 0-9 and '-'")]
    Provider,
    /// A region that is not a slug, or the reserved one.
    #[error(
        "region must be 1 to {SLUG_BYTES_MAX} of letters, digits, '.', '_' and '-', \
         and not '{GLOBAL_REGION}', which names the merge of all regions"
    )]
    Region,
    /// A quantization that is not in the closed list.
    #[error(
        "quantization must be one of int4, int8, fp4, mxfp4, nvfp4, fp6, fp8, mxfp8, fp16, bf16, \
         fp32 or unknown"
    )]
    Quantization,
    /// A free text that is too long, empty or has control characters.
    #[error("text must be 1 to {TEXT_BYTES_MAX} bytes without control characters")]
    Text,
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $valid:path, $error:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks the text and keeps it.
            pub fn new(text: &str) -> Result<Self, IdError> {
                if $valid(text) { Ok(Self(Arc::from(text))) } else { Err($error) }
            }

            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Self::new(text)
            }
        }
    };
}

name_type!(
    /// `author/slug`, e.g. `meta-llama/llama-4-scout`.
    ModelId, is_model, IdError::Model
);
name_type!(
    /// A provider's slug, e.g. `deepinfra`.
    ProviderId, is_provider, IdError::Provider
);
name_type!(
    /// Where an edge agent runs, e.g. `us-west-2`.
    Region, is_region, IdError::Region
);
name_type!(
    /// A caller's named task, to which eval gates belong.
    Operation, is_text, IdError::Text
);
name_type!(
    /// A text for people that names a request across its attempts; it never deduplicates.
    RequestId, is_text, IdError::Text
);
name_type!(
    /// The name a sender gives itself.
    AgentId, is_text, IdError::Text
);

impl ModelId {
    /// The part before the slash.
    pub fn author(&self) -> &str {
        self.0.split_once('/').map_or("", |(author, _)| author)
    }

    /// The part after the slash.
    pub fn slug(&self) -> &str {
        self.0.split_once('/').map_or("", |(_, slug)| slug)
    }
}

impl Default for Region {
    fn default() -> Self {
        Self(Arc::from("local"))
    }
}

/// (model, provider, quantization): one row of the page, one routing candidate.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EndpointId {
    /// The model served.
    pub model: ModelId,
    /// Who serves it.
    pub provider: ProviderId,
    /// At which precision.
    pub quantization: Quantization,
}

impl EndpointId {
    /// `provider/quantization`, the short name of an endpoint within its model.
    pub fn tag(&self) -> String {
        format!("{}/{}", self.provider, self.quantization)
    }
}

impl fmt::Display for EndpointId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}/{}", self.model, self.provider, self.quantization)
    }
}

/// An endpoint as seen from one region.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SeriesId {
    /// The endpoint.
    pub endpoint: EndpointId,
    /// Where it was measured.
    pub region: Region,
}

/// Whether the text may stand where people read it: bounded, not empty, no control characters.
pub fn is_text(text: &str) -> bool {
    !text.is_empty() && text.len() <= TEXT_BYTES_MAX && !text.chars().any(char::is_control)
}

fn is_model(text: &str) -> bool {
    let part = |part: &str| {
        part.bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-:".contains(&b))
            && part.starts_with(|c: char| c.is_ascii_alphanumeric())
    };
    text.len() <= MODEL_BYTES_MAX
        && text
            .split_once('/')
            .is_some_and(|(author, slug)| part(author) && part(slug))
}

fn is_provider(text: &str) -> bool {
    (1..=SLUG_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

fn is_region(text: &str) -> bool {
    (1..=SLUG_BYTES_MAX).contains(&text.len())
        && text != GLOBAL_REGION
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn model_ids_are_author_slash_slug_in_ascii() {
        for good in [
            "meta-llama/llama-4-scout",
            "a/b",
            "anthropic/claude-3.5:free",
            "A/B_c",
        ] {
            assert!(ModelId::new(good).is_ok(), "{good}");
        }
        let long = format!("a/{}", "b".repeat(MODEL_BYTES_MAX));
        for bad in [
            "", "a", "/", "a/", "/b", "a/b/c", "a/b c", "a/\u{0}", "а/b", "a/<b>", &long, "../x",
        ] {
            assert_eq!(ModelId::new(bad), Err(IdError::Model), "{bad}");
        }
    }

    #[test]
    fn providers_and_regions_are_slugs() {
        assert!(ProviderId::new("google-vertex").is_ok());
        for bad in ["", "Groq", "a b", "groq\n", "gröq", &"x".repeat(65)] {
            assert_eq!(ProviderId::new(bad), Err(IdError::Provider), "{bad}");
        }
        assert!(Region::new("us-west-2").is_ok());
        assert_eq!(Region::new("global"), Err(IdError::Region));
    }

    #[test]
    fn texts_are_bounded_and_hold_no_control_characters() {
        assert!(RequestId::new("réq 1").is_ok());
        for bad in ["", "a\nb", "\u{7f}", &"x".repeat(129)] {
            assert_eq!(RequestId::new(bad), Err(IdError::Text), "{bad}");
        }
    }
}
