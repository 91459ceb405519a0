//! All models at a glance, and all providers across them.

use askama::Template;

use crate::cell::Cell;
use crate::frame::{Frame, Part};
use crate::model::{Lead, Standing};

/// All models.
#[derive(Debug, Template)]
#[template(path = "overview.html")]
pub struct Overview {
    /// What stands on every page.
    pub frame: Frame,
    /// What was searched for.
    pub search: String,
    /// How many models there are, whatever was searched for.
    pub total: usize,
    /// Those that were found, by name.
    pub models: Vec<ModelRow>,
    /// How many more there are.
    pub unshown: usize,
}

/// A model.
#[derive(Debug, Clone)]
pub struct ModelRow {
    /// `author/slug`.
    pub id: String,
    /// The name shown to people.
    pub name: String,
    /// The intelligence composite, or a dash.
    pub composite: Cell,
    /// The lowest price among endpoints that are not down, blended, for sorting; with who asks it.
    pub cheapest: Option<(f64, Lead)>,
    /// The highest throughput p95, for sorting; with who has it.
    pub fastest: Option<(f64, Lead)>,
    /// How many endpoints serve it.
    pub endpoints: usize,
    /// The worst that any of them is in.
    pub worst: Standing,
}

/// All providers.
#[derive(Debug, Template)]
#[template(path = "providers.html")]
pub struct Providers {
    /// What stands on every page.
    pub frame: Frame,
    /// By name.
    pub providers: Vec<ProviderRow>,
    /// How many more there are.
    pub unshown: usize,
}

/// A provider, over all models that it serves.
#[derive(Debug, Clone)]
pub struct ProviderRow {
    /// Its slug.
    pub slug: String,
    /// The name shown to people.
    pub name: String,
    /// The models that it serves: id and name, by name.
    pub models: Vec<(String, String)>,
    /// How many more it serves.
    pub models_unshown: usize,
    /// Over all its endpoints, 30 minutes.
    pub uptime: Cell,
    /// The same.
    pub success: Cell,
    /// The same.
    pub rate_limited: Cell,
    /// The worst that any of its endpoints is in.
    pub worst: Standing,
}

impl ProviderRow {
    /// In the order of the table's columns.
    pub fn numbers(&self) -> impl Iterator<Item = &Cell> {
        [&self.uptime, &self.success, &self.rate_limited].into_iter()
    }
}
