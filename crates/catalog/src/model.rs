//! What the catalog says of one model and of who serves it.

use std::collections::BTreeSet;
use std::fmt;

use sextant_measure::id::{EndpointId, ModelId, ProviderId};
use sextant_measure::quantization::Quantization;
use sextant_measure::time::Timestamp;

use crate::benchmark::Benchmarks;
use crate::pricing::{Mix, PriceRank, Pricing};

/// A model and its endpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Model {
    /// `author/slug`.
    pub id: ModelId,
    /// The name shown to people.
    pub name: String,
    /// For people; empty if there is none. May hold line feeds.
    pub description: String,
    /// When it was released.
    pub created: Option<Timestamp>,
    /// The longest context it was made for, in tokens. Providers may serve less.
    pub context_length: u32,
    /// What goes in and what comes out.
    pub architecture: Architecture,
    /// The precisions its author published it in. Never [`Quantization::Unknown`].
    pub native: BTreeSet<Quantization>,
    /// Published scores.
    pub benchmarks: Option<Benchmarks>,
    /// In the order of their ids.
    pub endpoints: Vec<Endpoint>,
}

impl Model {
    /// Its endpoints, the cheapest first; those without a price last.
    pub fn endpoints_by_price(&self, mix: Mix) -> Vec<&Endpoint> {
        let mut endpoints: Vec<_> = self.endpoints.iter().collect();
        endpoints.sort_by_key(|endpoint| endpoint.price_rank(mix));
        endpoints
    }

    /// The cheapest of the endpoints that have a price and pass the filter.
    pub fn cheapest(&self, mix: Mix, filter: impl Fn(&Endpoint) -> bool) -> Option<&Endpoint> {
        self.endpoints
            .iter()
            .filter(|endpoint| endpoint.price.is_some() && filter(endpoint))
            .min_by_key(|endpoint| endpoint.price_rank(mix))
    }

    /// The endpoints that one provider has for this model.
    pub(crate) fn endpoints_of(&self, provider: &ProviderId) -> &[Endpoint] {
        let start = self
            .endpoints
            .partition_point(|endpoint| endpoint.id.provider < *provider);
        let end = self
            .endpoints
            .partition_point(|endpoint| endpoint.id.provider <= *provider);
        self.endpoints.get(start..end).unwrap_or_default()
    }
}

/// One provider's offer of a model at one precision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    /// Model, provider and quantization.
    pub id: EndpointId,
    /// Whether its quantization is one of the model's native ones. What a provider doesn't
    /// disclose is never native.
    pub native: bool,
    /// What a request costs.
    pub price: Option<Pricing>,
    /// What a request costs in the provider's batch interface.
    pub batch_price: Option<Pricing>,
    /// The longest context served, in tokens, if published.
    pub context_length: Option<u32>,
    /// The longest completion, in tokens, if published.
    pub max_completion_tokens: Option<u32>,
    /// The longest prompt, in tokens, if published.
    pub max_prompt_tokens: Option<u32>,
    /// Request parameters it understands, in alphabetical order.
    pub supported_parameters: BTreeSet<String>,
}

impl Endpoint {
    /// Where it stands among its model's endpoints by price.
    pub fn price_rank(&self, mix: Mix) -> PriceRank<'_> {
        PriceRank::new(self.price, mix, &self.id.provider, self.id.quantization)
    }
}

/// What a model takes and gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Architecture {
    /// What it reads. Never empty.
    pub input_modalities: Vec<Modality>,
    /// What it writes. Never empty.
    pub output_modalities: Vec<Modality>,
    /// The family of its tokenizer, e.g. `Llama4`.
    pub tokenizer: Option<String>,
    /// The chat template it was tuned on, e.g. `llama3`.
    pub instruct_type: Option<String>,
}

impl Architecture {
    /// Both lists in one text: `text+image->text`.
    pub fn modality(&self) -> String {
        let join = |modalities: &[Modality]| {
            modalities
                .iter()
                .map(|modality| modality.name())
                .collect::<Vec<_>>()
                .join("+")
        };
        format!(
            "{}->{}",
            join(&self.input_modalities),
            join(&self.output_modalities)
        )
    }
}

impl Default for Architecture {
    /// Text in, text out.
    fn default() -> Self {
        Self {
            input_modalities: vec![Modality::Text],
            output_modalities: vec![Modality::Text],
            tokenizer: None,
            instruct_type: None,
        }
    }
}

/// A kind of content.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Modality {
    /// Text.
    Text,
    /// Still images.
    Image,
    /// Documents.
    File,
    /// Sound.
    Audio,
    /// Moving images.
    Video,
    /// Vectors; output only.
    Embeddings,
}

impl Modality {
    /// What a model can read.
    pub const INPUTS: [Self; 5] = [
        Self::Text,
        Self::Image,
        Self::File,
        Self::Audio,
        Self::Video,
    ];
    /// What a model can write.
    pub const OUTPUTS: [Self; 5] = [
        Self::Text,
        Self::Image,
        Self::Audio,
        Self::Video,
        Self::Embeddings,
    ];

    /// The name used in every interface.
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Image => "image",
            Self::File => "file",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Embeddings => "embeddings",
        }
    }
}

impl fmt::Display for Modality {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
