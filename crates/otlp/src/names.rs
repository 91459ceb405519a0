//! What models and providers are called here, from what spans call them.
//!
//! A provider's name is, in this order: what the operator has set for the server's address, or for
//! the span's word; the provider behind a well-known address, since every client of an OpenAI-like
//! interface says `openai`; the slug for a word of the conventions; the word itself, as a slug.
//!
//! A model's name is, in this order: what the operator has set for the span's word; the catalog's
//! model of that id, or the one model with that slug, whatever the case; the word itself if it is
//! `author/slug`; the word behind the author whose own models the provider serves, or else behind
//! the provider's slug.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Arc;

use sextant_catalog::{Catalog, LiveCatalog};
use sextant_measure::id::{ModelId, ProviderId};

use crate::config::Config;

/// The names, for one state of the catalog.
#[derive(Debug)]
pub struct Names {
    config: Arc<Config>,
    catalog: Arc<Catalog>,
    /// By id and by slug in lower case; none where several share a slug.
    known: HashMap<String, Option<ModelId>>,
}

impl Names {
    /// The names that settings and a catalog give.
    pub fn new(config: Arc<Config>, catalog: Arc<Catalog>) -> Self {
        let mut known: HashMap<String, Option<ModelId>> = HashMap::new();
        for model in catalog.models() {
            let id = &model.id;
            for word in [id.as_str(), id.slug()] {
                match known.entry(word.to_ascii_lowercase()) {
                    Entry::Vacant(place) => {
                        place.insert(Some(id.clone()));
                    }
                    Entry::Occupied(mut place) => {
                        place.insert(None);
                    }
                }
            }
        }
        Self {
            config,
            catalog,
            known,
        }
    }

    /// Whether they go by the catalog in force.
    pub(crate) fn are_current(&self, catalog: &LiveCatalog) -> bool {
        catalog.is_in_force(&self.catalog)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// The provider that a span means.
    pub fn provider(&self, word: Option<&str>, server: Option<&str>) -> Option<ProviderId> {
        let set = |word: &str| self.config.providers.get(word).cloned();
        server
            .and_then(set)
            .or_else(|| word.and_then(set))
            .or_else(|| server.and_then(behind))
            .or_else(|| word.and_then(called))
    }

    /// The model that a span means, served by this provider.
    pub fn model(&self, word: &str, provider: &ProviderId) -> Option<ModelId> {
        if let Some(model) = self.config.models.get(word) {
            return Some(model.clone());
        }
        // What Google's interfaces put before each name.
        let word = word.strip_prefix("models/").unwrap_or(word);
        let known = self.known.get(&word.to_ascii_lowercase());
        if let Some(model) = known.and_then(Option::as_ref) {
            return Some(model.clone());
        }
        let authored = || ModelId::new(&format!("{}/{word}", author(provider.as_str())));
        ModelId::new(word).or_else(|_| authored()).ok()
    }
}

/// Who is reached at an address, where that is well known.
fn behind(server: &str) -> Option<ProviderId> {
    let server = server.to_ascii_lowercase();
    let is_at = |host: &&str| {
        let before = server.strip_suffix(*host);
        before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
    };
    let slug = ADDRESSES.iter().find(|(host, _)| is_at(host));
    slug.and_then(|(_, slug)| ProviderId::new(slug).ok())
}

/// The slug for a word.
fn called(word: &str) -> Option<ProviderId> {
    let word = word.to_ascii_lowercase();
    let known = WORDS.iter().find(|(known, _)| *known == word);
    if let Some((_, slug)) = known {
        return ProviderId::new(slug).ok();
    }
    ProviderId::new(&word.replace(['.', '_', ' '], "-")).ok()
}

/// Whose models a provider serves that serves its own, or those of one author.
fn author(provider: &str) -> &str {
    let known = AUTHORS.iter().find(|(slug, _)| *slug == provider);
    known.map_or(provider, |(_, author)| author)
}

const ADDRESSES: [(&str, &str); 18] = [
    ("api.openai.com", "openai"),
    ("openai.azure.com", "azure"),
    ("api.anthropic.com", "anthropic"),
    ("api.groq.com", "groq"),
    ("api.deepinfra.com", "deepinfra"),
    ("api.together.xyz", "together"),
    ("api.together.ai", "together"),
    ("api.fireworks.ai", "fireworks"),
    ("api.novita.ai", "novita"),
    ("api.mistral.ai", "mistral"),
    ("api.deepseek.com", "deepseek"),
    ("api.cerebras.ai", "cerebras"),
    ("api.x.ai", "xai"),
    ("api.perplexity.ai", "perplexity"),
    ("api.cohere.com", "cohere"),
    ("api.moonshot.ai", "moonshotai"),
    ("aiplatform.googleapis.com", "google-vertex"),
    ("generativelanguage.googleapis.com", "google-ai-studio"),
];

/// Words of the conventions, present and past, that are not their own slugs.
const WORDS: [(&str, &str); 17] = [
    ("aws.bedrock", "amazon-bedrock"),
    ("aws_bedrock", "amazon-bedrock"),
    ("azure.ai.inference", "azure"),
    ("azure.ai.openai", "azure"),
    ("az.ai.inference", "azure"),
    ("az.ai.openai", "azure"),
    ("gcp.gemini", "google-ai-studio"),
    ("gemini", "google-ai-studio"),
    ("gcp.gen_ai", "google-ai-studio"),
    ("gcp.vertex_ai", "google-vertex"),
    ("vertex_ai", "google-vertex"),
    ("ibm.watsonx.ai", "ibm-watsonx"),
    ("mistral_ai", "mistral"),
    ("moonshot_ai", "moonshotai"),
    ("together_ai", "together"),
    ("fireworks_ai", "fireworks"),
    ("x_ai", "xai"),
];

const AUTHORS: [(&str, &str); 6] = [
    ("azure", "openai"),
    ("google-ai-studio", "google"),
    ("google-vertex", "google"),
    ("mistral", "mistralai"),
    ("xai", "x-ai"),
    ("ibm-watsonx", "ibm"),
];

#[cfg(test)]
mod tests {
    use super::*;

    const CATALOG: &str = r#"
        [providers.groq]
        name = "Groq"
        [[models]]
        id = "meta-llama/llama-4-scout"
        name = "Llama 4 Scout"
        context_length = 1000
        [[models]]
        id = "one/twin"
        name = "Twin"
        context_length = 1000
        [[models]]
        id = "two/twin"
        name = "Twin"
        context_length = 1000
    "#;

    fn names(settings: &str) -> Names {
        let config: Config = toml::from_str(settings).unwrap();
        let catalog = Catalog::parse("catalog.toml", CATALOG).unwrap();
        Names::new(Arc::new(config), Arc::new(catalog))
    }

    fn provider(names: &Names, word: &str, server: &str) -> Option<String> {
        let some = |text: &'static str| (!text.is_empty()).then_some(text);
        let (word, server) = (word.to_owned().leak(), server.to_owned().leak());
        let provider = names.provider(some(word), some(server));
        provider.map(|provider| provider.to_string())
    }

    #[test]
    fn a_provider_is_known_by_its_word_or_by_its_address() {
        let names =
            names("providers = { 'openai' = 'mine', '10.0.0.1' = 'rack', 'Acme' = 'acme' }");
        for (word, server, expected) in [
            ("anthropic", "", Some("anthropic")),
            ("gcp.vertex_ai", "", Some("google-vertex")),
            ("az.ai.openai", "", Some("azure")),
            ("x_ai", "", Some("xai")),
            ("xai", "", Some("xai")),
            ("Together_AI", "", Some("together")),
            ("some.new_one", "", Some("some-new-one")),
            ("other", "api.groq.com", Some("groq")),
            ("other", "eu.api.openai.com", Some("openai")),
            ("other", "me.openai.azure.com", Some("azure")),
            ("other", "notapi.openai.com.example.com", Some("other")),
            ("other", "evilapi.groq.com", Some("other")),
            ("", "API.DeepInfra.com", Some("deepinfra")),
            ("Acme", "", Some("acme")),
            ("openai", "10.0.0.1", Some("rack")),
            ("openai", "api.groq.com", Some("mine")),
            ("", "127.0.0.1", None),
            ("", "", None),
            ("gröq", "", None),
        ] {
            let found = provider(&names, word, server);
            assert_eq!(found.as_deref(), expected, "{word} at {server}");
        }
    }

    #[test]
    fn a_model_is_known_by_what_is_set_then_listed_then_said() {
        let names = names("models = { 'gpt-4o' = 'mine/four', 'one/twin' = 'mine/twin' }");
        for (word, provider, expected) in [
            ("gpt-4o", "openai", Some("mine/four")),
            ("one/twin", "openai", Some("mine/twin")),
            (
                "meta-llama/Llama-4-Scout",
                "groq",
                Some("meta-llama/llama-4-scout"),
            ),
            ("llama-4-SCOUT", "groq", Some("meta-llama/llama-4-scout")),
            ("twin", "groq", Some("groq/twin")),
            ("acme/large", "groq", Some("acme/large")),
            ("gpt-5", "openai", Some("openai/gpt-5")),
            ("gpt-5", "azure", Some("openai/gpt-5")),
            (
                "models/gemini-2.5-pro",
                "google-ai-studio",
                Some("google/gemini-2.5-pro"),
            ),
            ("mistral-large", "mistral", Some("mistralai/mistral-large")),
            (
                "ft:gpt-4o:acme::x",
                "openai",
                Some("openai/ft:gpt-4o:acme::x"),
            ),
            ("accounts/fireworks/models/x", "fireworks", None),
            ("claude@2024", "google-vertex", None),
            ("", "openai", None),
            ("<script>", "openai", None),
        ] {
            let provider = ProviderId::new(provider).unwrap();
            let found = names.model(word, &provider);
            assert_eq!(found.as_ref().map(ModelId::as_str), expected, "{word}");
        }
    }
}
