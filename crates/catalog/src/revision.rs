//! The hash of a catalog's contents.
//!
//! It is compared between processes, so it is made of a written form of its own and not of
//! `std::hash`, which may differ between platforms and versions. The form: every field in the
//! order written here; integers as 8 bytes, little-endian; texts and lists after their length;
//! something optional after one byte that says whether it is there. Every struct is taken apart
//! by name, so that a new field can't be forgotten.

use std::collections::BTreeMap;

use sextant_measure::id::{EndpointId, ModelId, ProviderId};
use xxhash_rust::xxh3::Xxh3Default;

use crate::benchmark::{Benchmarks, Score};
use crate::catalog::Revision;
use crate::model::{Architecture, Endpoint, Modality, Model};
use crate::price::Price;
use crate::pricing::Pricing;

pub(crate) fn of(
    providers: &BTreeMap<ProviderId, String>,
    models: &BTreeMap<ModelId, Model>,
) -> Revision {
    let mut form = Form(Xxh3Default::new());
    form.list(providers, |form, (id, name)| {
        form.text(id.as_str());
        form.text(name);
    });
    form.list(models.values(), Form::model);
    Revision(form.0.digest())
}

struct Form(Xxh3Default);

impl Form {
    fn model(&mut self, model: &Model) {
        let Model {
            id,
            name,
            description,
            created,
            context_length,
            architecture,
            native,
            benchmarks,
            endpoints,
        } = model;
        self.text(id.as_str());
        self.text(name);
        self.text(description);
        self.option(*created, |form, created| {
            form.bytes(&created.as_micros().to_le_bytes());
        });
        self.integer(u64::from(*context_length));
        self.architecture(architecture);
        self.list(native, |form, quantization| form.text(quantization.name()));
        self.option(benchmarks.as_ref(), Form::benchmarks);
        self.list(endpoints, Form::endpoint);
    }

    fn architecture(&mut self, architecture: &Architecture) {
        let Architecture {
            input_modalities,
            output_modalities,
            tokenizer,
            instruct_type,
        } = architecture;
        let modality = |form: &mut Self, modality: &Modality| form.text(modality.name());
        self.list(input_modalities, modality);
        self.list(output_modalities, modality);
        self.option(tokenizer.as_deref(), Form::text);
        self.option(instruct_type.as_deref(), Form::text);
    }

    fn benchmarks(&mut self, benchmarks: &Benchmarks) {
        let Benchmarks {
            mmlu_pro,
            code,
            math,
            gpqa,
            source,
        } = benchmarks;
        for score in [mmlu_pro, code, math, gpqa] {
            self.option(score.map(Score::as_tenths), |form, tenths| {
                form.integer(u64::from(tenths));
            });
        }
        self.text(source);
    }

    fn endpoint(&mut self, endpoint: &Endpoint) {
        let Endpoint {
            id:
                EndpointId {
                    model: _,
                    provider,
                    quantization,
                },
            // Follows from the model's native set.
            native: _,
            price,
            batch_price,
            context_length,
            max_completion_tokens,
            max_prompt_tokens,
            supported_parameters,
        } = endpoint;
        self.text(provider.as_str());
        self.text(quantization.name());
        for pricing in [price, batch_price] {
            self.option(pricing.as_ref(), |form, Pricing { input, output }| {
                form.integer(Price::as_nano_usd(*input));
                form.integer(Price::as_nano_usd(*output));
            });
        }
        for tokens in [context_length, max_completion_tokens, max_prompt_tokens] {
            self.option(*tokens, |form, tokens| form.integer(u64::from(tokens)));
        }
        self.list(supported_parameters, |form, parameter| form.text(parameter));
    }

    fn list<T>(
        &mut self,
        items: impl IntoIterator<Item = T, IntoIter: ExactSizeIterator>,
        mut each: impl FnMut(&mut Self, T),
    ) {
        let items = items.into_iter();
        self.length(items.len());
        for item in items {
            each(self, item);
        }
    }

    fn option<T>(&mut self, value: Option<T>, some: impl FnOnce(&mut Self, T)) {
        self.bytes(&[u8::from(value.is_some())]);
        if let Some(value) = value {
            some(self, value);
        }
    }

    fn text(&mut self, text: &str) {
        self.length(text.len());
        self.bytes(text.as_bytes());
    }

    fn length(&mut self, length: usize) {
        self.integer(u64::try_from(length).unwrap_or(u64::MAX));
    }

    fn integer(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }

    fn bytes(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }
}
