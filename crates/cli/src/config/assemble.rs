//! From what the layers say to one typed configuration.

use serde_path_to_error::Segment;

use super::key::{Key, Keys};
use super::layer::{Entries, Entry};
use super::problem::{Problem, Problems};
use super::sections::Config;
use super::source::Source;

pub(super) struct Assembled {
    pub(super) config: Config,
    /// Those that were taken: a refused one has given way to its default.
    pub(super) entries: Entries,
}

/// Reads the entries as the types want them.
///
/// A type's own reader stops at the first value that it refuses. So each refused value is
/// reported and gives way to its default, until the rest is taken; the next problem shows each
/// time, and the last reading is one that rules can be checked on.
pub(super) fn assemble(
    mut entries: Entries,
    defaults: &Entries,
    keys: &Keys,
    problems: &mut Problems,
) -> Option<Assembled> {
    refuse_out_of_range(&mut entries, defaults, keys, problems);
    // Each turn takes back one entry that is not a default, so this ends.
    for _ in 0..=entries.len() {
        let (path, what) = match serde_path_to_error::deserialize(tree(&entries, keys)) {
            Ok(config) => return Some(Assembled { config, entries }),
            Err(error) => (key_of(error.path()), error.inner().message().to_owned()),
        };
        let refused = path.filter(|key| entries.get(key) != defaults.get(key));
        let Some(key) = refused else {
            // Only the defaults themselves can be to blame.
            problems.push(Problem {
                source: Source::Default,
                key: None,
                what,
                advice: "report this as a defect of the program".to_owned(),
            });
            return None;
        };
        give_way(&key, what, &mut entries, defaults, keys, problems);
    }
    None
}

fn refuse_out_of_range(
    entries: &mut Entries,
    defaults: &Entries,
    keys: &Keys,
    problems: &mut Problems,
) {
    let is_out = |key: &Key, entry: &Entry| {
        keys.shape(key)
            .is_some_and(|shape| shape.is_out_of_range(&entry.value))
    };
    let refused: Vec<_> = entries
        .iter()
        .filter(|(key, entry)| is_out(key, entry))
        .map(|(key, entry)| (key.clone(), format!("{} is out of range", entry.value)))
        .collect();
    for (key, what) in refused {
        give_way(&key, what, entries, defaults, keys, problems);
    }
}

/// Reports an entry and puts the default in its place.
fn give_way(
    key: &Key,
    what: String,
    entries: &mut Entries,
    defaults: &Entries,
    keys: &Keys,
    problems: &mut Problems,
) {
    let Some(refused) = entries.remove(key) else {
        return;
    };
    let default = defaults.get(key);
    let advice = keys.shape(key).map_or_else(
        || "remove it".to_owned(),
        |shape| shape.advice(&refused.value, default.map(|entry| &entry.value)),
    );
    problems.push(Problem {
        source: refused.source,
        key: Some(key.clone()),
        what,
        advice,
    });
    if let Some(default) = default {
        entries.insert(key.clone(), default.clone());
    }
}

/// A section is there even if none of its settings is.
fn tree(entries: &Entries, keys: &Keys) -> toml::Table {
    let section = |name: &str| {
        let of_section = entries.iter().filter(|(key, _)| key.section == name);
        of_section
            .map(|(key, entry)| (key.name.clone(), entry.value.clone()))
            .collect()
    };
    keys.sections()
        .map(|name| (name.to_owned(), toml::Value::Table(section(name))))
        .collect()
}

fn key_of(path: &serde_path_to_error::Path) -> Option<Key> {
    let mut names = path.iter().map(|segment| match segment {
        Segment::Map { key } => Some(key.as_str()),
        _ => None,
    });
    Some(Key::new(names.next()??, names.next()??))
}
