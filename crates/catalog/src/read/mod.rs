//! From TOML to values.

mod endpoint;
mod field;
mod model;
mod report;
mod text;

use std::collections::BTreeMap;

use sextant_measure::id::{ModelId, ProviderId};
use toml::Spanned;
use toml::de::DeTable;

use self::field::{Field, Table};
use self::report::{Path, Report};
use self::text::{Lines, not_an_identifier, text};
use crate::limits::{
    FILE_BYTES_MAX, MODELS_MAX, NAME_BYTES_MAX, PROVIDERS_MAX, RECOVERED_BYTES_MAX,
};
use crate::model::Model;
use crate::problem::CatalogError;

type Providers = BTreeMap<ProviderId, String>;
type Models = BTreeMap<ModelId, Model>;

/// Reads a catalog's text, or names everything that is wrong with it.
pub(crate) fn catalog(file: &str, text: &str) -> Result<(Providers, Models), CatalogError> {
    if text.len() > FILE_BYTES_MAX {
        let mut report = Report::new(file, "");
        let what = format!("the file has {} bytes", text.len());
        report.wrong(
            &(0..0),
            &Path::Root,
            what,
            format!("keep it to {FILE_BYTES_MAX}"),
        );
        return report.finish((Providers::new(), Models::new()));
    }
    let mut report = Report::new(file, text);
    let root = parse(text, &mut report);
    let root = Table::open(
        root.get_ref(),
        0..0,
        Path::Root,
        &["providers", "models"],
        &mut report,
    );
    let providers = root
        .get("providers")
        .map(|field| providers(&field, &mut report))
        .unwrap_or_default();
    let models = root
        .get("models")
        .map(|field| models(&field, &providers, &mut report))
        .unwrap_or_default();
    report.finish((providers, models))
}

/// The table that the text is, or what can be made out of it.
fn parse<'t>(text: &'t str, report: &mut Report<'_>) -> Spanned<DeTable<'t>> {
    let first = match DeTable::parse(text) {
        Ok(table) => return table,
        Err(first) => first.span().map_or(0, |span| span.start),
    };
    let read = whole_lines(text, first.saturating_add(RECOVERED_BYTES_MAX));
    let (table, errors) = DeTable::parse_recoverable(read);
    for error in &errors {
        report.syntax(error);
    }
    if read.len() < text.len() {
        report.unread(read.len());
    }
    table
}

/// As many whole lines of a text as fit; a part of the first if it alone doesn't.
fn whole_lines(text: &str, bytes_max: usize) -> &str {
    if text.len() <= bytes_max {
        return text;
    }
    let (fitting, _) = text.split_at(text.floor_char_boundary(bytes_max));
    fitting
        .rfind('\n')
        .map_or(fitting, |last| fitting.split_at(last + 1).0)
}

/// A provider whose slug is good is kept even if its name is bad, so that its endpoints aren't
/// blamed too.
fn providers(field: &Field<'_, '_>, report: &mut Report<'_>) -> Providers {
    let mut providers = Providers::new();
    for (slug, span, provider) in field.named(PROVIDERS_MAX, report) {
        let name = provider_name(&provider, report).unwrap_or_default();
        match ProviderId::new(slug) {
            Ok(id) => _ = providers.insert(id, name),
            Err(rule) => report.wrong(
                &span,
                provider.path(),
                not_an_identifier(slug),
                rule.to_string(),
            ),
        }
    }
    providers
}

fn provider_name(provider: &Field<'_, '_>, report: &mut Report<'_>) -> Option<String> {
    let table = provider.table(&["name"], report)?;
    let name = table.require("name", "\"Its Display Name\"", report)?;
    text(&name, NAME_BYTES_MAX, Lines::One, report)
}

fn models(field: &Field<'_, '_>, providers: &Providers, report: &mut Report<'_>) -> Models {
    let mut models = Models::new();
    let mut seen = BTreeMap::new();
    for item in field.items(MODELS_MAX, report) {
        if let Some(model) = model::model(&item, providers, &mut seen, report) {
            models.insert(model.id.clone(), model);
        }
    }
    models
}
