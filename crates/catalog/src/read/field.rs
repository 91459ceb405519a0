//! Typed reading of TOML tables that reports what it refuses.
//!
//! A reader that gives nothing has reported why, unless the value was optional and absent. A
//! catalog with any problem is refused as a whole, so what stands in for a bad value is never seen.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::report::{Path, Report, choices, quoted};

/// A table whose keys are known.
pub(super) struct Table<'a, 'i> {
    entries: &'a DeTable<'i>,
    span: Range<usize>,
    path: Path<'a>,
}

impl<'a, 'i> Table<'a, 'i> {
    /// Reports every key that isn't known.
    pub(super) fn open(
        entries: &'a DeTable<'i>,
        span: Range<usize>,
        path: Path<'a>,
        known: &[&str],
        report: &mut Report<'_>,
    ) -> Self {
        for key in entries.keys() {
            if !known.contains(&&**key.get_ref()) {
                let advice = nearest(key.get_ref(), known.iter().copied()).map_or_else(
                    || format!("remove it; known here: {}", known.join(", ")),
                    |known| format!("did you mean {}?", quoted(known)),
                );
                report.wrong(
                    &key.span(),
                    &Path::Key(&path, key.get_ref()),
                    "unknown key",
                    advice,
                );
            }
        }
        Self {
            entries,
            span,
            path,
        }
    }

    /// The value of this key.
    pub(super) fn get<'f>(&'f self, key: &'f str) -> Option<Field<'f, 'i>> {
        self.entries
            .get(key)
            .map(|value| Field::new(value, Path::Key(&self.path, key)))
    }

    /// The value of this key, which must be there.
    pub(super) fn require<'f>(
        &'f self,
        key: &'f str,
        example: &str,
        report: &mut Report<'_>,
    ) -> Option<Field<'f, 'i>> {
        let field = self.get(key);
        if field.is_none() {
            let advice = format!("add {key} = {example}");
            report.missing(&self.span, &Path::Key(&self.path, key), "missing", advice);
        }
        field
    }

    pub(super) fn path(&self) -> &Path<'a> {
        &self.path
    }

    pub(super) fn span(&self) -> &Range<usize> {
        &self.span
    }
}

/// A value, and where it stands.
pub(super) struct Field<'f, 'i> {
    value: &'f DeValue<'i>,
    span: Range<usize>,
    path: Path<'f>,
}

impl<'f, 'i> Field<'f, 'i> {
    pub(super) fn new(value: &'f Spanned<DeValue<'i>>, path: Path<'f>) -> Self {
        Self {
            value: value.get_ref(),
            span: value.span(),
            path,
        }
    }

    pub(super) fn value(&self) -> &'f DeValue<'i> {
        self.value
    }

    pub(super) fn span(&self) -> &Range<usize> {
        &self.span
    }

    pub(super) fn path(&self) -> &Path<'f> {
        &self.path
    }

    /// Reports that this value is wrong.
    pub(super) fn wrong(
        &self,
        report: &mut Report<'_>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        report.wrong(&self.span, &self.path, what, advice);
    }

    /// Reports that something this value names should be there.
    pub(super) fn missing(
        &self,
        report: &mut Report<'_>,
        what: impl Into<String>,
        advice: impl Into<String>,
    ) {
        report.missing(&self.span, &self.path, what, advice);
    }

    /// Reports that this value is of another type than the one expected.
    pub(super) fn not(&self, expected: &str, report: &mut Report<'_>) {
        let found = self.value.type_str();
        self.wrong(
            report,
            format!("is {} {found}", article(found)),
            format!("give {expected}"),
        );
    }

    pub(super) fn table<'s>(
        &'s self,
        known: &[&str],
        report: &mut Report<'_>,
    ) -> Option<Table<'s, 'i>> {
        let Some(entries) = self.value.as_table() else {
            self.not("a table", report);
            return None;
        };
        Some(Table::open(
            entries,
            self.span.clone(),
            self.path,
            known,
            report,
        ))
    }

    /// A table whose keys are names: each entry with the place of its key.
    pub(super) fn named<'s>(
        &'s self,
        count_max: usize,
        report: &mut Report<'_>,
    ) -> Vec<(&'s str, Range<usize>, Field<'s, 'i>)> {
        let Some(entries) = self.value.as_table() else {
            self.not("a table", report);
            return Vec::new();
        };
        self.check_count(entries.len(), count_max, report);
        entries
            .iter()
            .take(count_max)
            .map(|(key, value)| {
                let name: &str = key.get_ref();
                (
                    name,
                    key.span(),
                    Field::new(value, Path::Key(&self.path, name)),
                )
            })
            .collect()
    }

    /// The items of an array.
    pub(super) fn items<'s>(
        &'s self,
        count_max: usize,
        report: &mut Report<'_>,
    ) -> Vec<Field<'s, 'i>> {
        let Some(items) = self.value.as_array() else {
            if self.value.is_table() {
                self.wrong(
                    report,
                    "is a single table",
                    "begin each with [[ ]], in double brackets",
                );
            } else {
                self.not("an array", report);
            }
            return Vec::new();
        };
        self.check_count(items.len(), count_max, report);
        let path = &self.path;
        items
            .iter()
            .take(count_max)
            .enumerate()
            .map(|(i, value)| Field::new(value, Path::Index(path, i)))
            .collect()
    }

    pub(super) fn string(&self, report: &mut Report<'_>) -> Option<&'f str> {
        let string = self.value.as_str();
        if string.is_none() {
            self.not("a string in quotes", report);
        }
        string
    }

    /// A whole number from 1 to `max`.
    pub(super) fn count(&self, max: u32, report: &mut Report<'_>) -> Option<u32> {
        let Some(integer) = self.value.as_integer() else {
            self.not("a whole number", report);
            return None;
        };
        let count = u32::from_str_radix(integer.as_str(), integer.radix()).ok();
        let count = count.filter(|count| (1..=max).contains(count));
        if count.is_none() {
            self.wrong(report, "is out of range", format!("give 1 to {max}"));
        }
        count
    }

    fn check_count(&self, count: usize, count_max: usize, report: &mut Report<'_>) {
        if count > count_max {
            self.wrong(
                report,
                format!("has {count} entries"),
                format!("keep to {count_max}"),
            );
        }
    }
}

/// The one of `names` that a misspelt word can have meant; none if several are as near.
pub(super) fn nearest<'n>(word: &str, names: impl IntoIterator<Item = &'n str>) -> Option<&'n str> {
    /// Longer words are no misspelling of any name here.
    const WORD_BYTES_MAX: usize = 64;
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let word = word.to_ascii_lowercase();
    let mut close: Vec<_> = names
        .into_iter()
        .map(|name| (strsim::osa_distance(&word, name), name))
        .filter(|(distance, name)| *distance <= (name.len() / 3).max(1))
        .collect();
    close.sort_unstable();
    match close.as_slice() {
        [(best, _), (second, _), ..] if best == second => None,
        [(_, name), ..] => Some(name),
        [] => None,
    }
}

/// What to write instead of a word that isn't in the list.
pub(super) fn one_of<'n>(word: &str, names: impl IntoIterator<Item = &'n str> + Clone) -> String {
    let all = choices(names.clone());
    nearest(word, names).map_or_else(
        || format!("give {all}"),
        |name| format!("did you mean {}? The list is {all}", quoted(name)),
    )
}

fn article(noun: &str) -> &'static str {
    if noun.starts_with(['a', 'i']) {
        "an"
    } else {
        "a"
    }
}
