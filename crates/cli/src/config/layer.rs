//! The four layers, each on its own: which settings it has, and where they stand.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use serde::Deserialize as _;
use toml::Spanned;
use toml::de::{DeTable, DeValue, ValueDeserializer};

use crate::environment::PREFIX;

use super::key::{Key, Keys, nearest};
use super::problem::{Problem, Problems};
use super::source::Source;

const DEFAULTS_FILE: &str = "defaults.toml";
const DEFAULTS: &str = include_str!("../defaults.toml");
/// What parts section and name in the name of a variable.
const SEPARATOR: &str = "__";
/// Any real file is a hundredth of it.
const FILE_BYTES_MAX: u64 = 256 * 1024;
/// Mistakes of syntax of one file that are listed.
const SYNTAX_LISTED_MAX: usize = 10;

/// A value and where it comes from.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    pub(super) value: toml::Value,
    pub(super) source: Source,
}

/// What a layer says, or several of them together.
pub(super) type Entries = BTreeMap<Key, Entry>;

/// A setting that is given as an argument.
#[derive(Debug, Clone, PartialEq)]
pub struct Flag {
    /// The argument, with its dashes.
    pub name: &'static str,
    /// The setting, as `section.name`.
    pub key: &'static str,
    /// What it is set to.
    pub value: toml::Value,
}

/// What comes with the program.
pub(super) fn defaults(keys: &Keys, problems: &mut Problems) -> Entries {
    let mut entries = read(DEFAULTS_FILE, DEFAULTS, keys, problems);
    for entry in entries.values_mut() {
        entry.source = Source::Default;
    }
    entries
}

/// What a file says.
pub(super) fn file(path: &Path, keys: &Keys, problems: &mut Problems) -> Entries {
    let name = path.display().to_string();
    match text_of(path, FILE_BYTES_MAX) {
        Ok(text) => read(&name, &text, keys, problems),
        Err(what) => {
            problems.push(Problem {
                source: Source::File {
                    path: name,
                    line: None,
                },
                key: None,
                what,
                advice: "name a file that can be read with --config or SEXTANT_CONFIG".to_owned(),
            });
            Entries::new()
        }
    }
}

/// The text of a file that a setting or an argument names.
pub(super) fn text_of(path: &Path, bytes_max: u64) -> Result<String, String> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(bytes_max + 1).read_to_end(&mut bytes))
        .map_err(|error| format!("can't be read: {error}"))?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > bytes_max) {
        return Err(format!("is larger than {bytes_max} bytes"));
    }
    String::from_utf8(bytes).map_err(|_| "is not a text in UTF-8".to_owned())
}

/// What the environment says. Variables of the same prefix may have been set by others, as
/// Kubernetes does for a service called `sextant`; so only those that look like settings count.
pub(super) fn environment(
    variables: &BTreeMap<String, String>,
    keys: &Keys,
    problems: &mut Problems,
) -> Entries {
    let mut entries = Entries::new();
    for (variable, text) in variables {
        let Some(name) = variable.strip_prefix(PREFIX) else {
            continue;
        };
        let source = Source::Environment {
            variable: variable.clone(),
        };
        let Some((section, name)) = name.split_once(SEPARATOR) else {
            if let Some(key) = keys.names().find(|key| single(key) == *variable) {
                problems.push(Problem {
                    source,
                    key: None,
                    what: "is not read".to_owned(),
                    advice: format!("call it {}, with two underscores", variable_of(key)),
                });
            }
            continue;
        };
        let key = Key::new(&section.to_ascii_lowercase(), &name.to_ascii_lowercase());
        if let Some(shape) = keys.shape(&key) {
            let value = shape.read(text);
            entries.insert(key, Entry { value, source });
        } else {
            let names: Vec<_> = keys.names().map(Key::to_string).collect();
            let near = nearest(&key.to_string(), names.iter().map(String::as_str));
            let meant = keys.names().find(|key| Some(&*key.to_string()) == near);
            let advice = meant.or_else(|| keys.meant_by(&key)).map_or_else(
                || "unset it".to_owned(),
                |key| format!("did you mean {}?", variable_of(key)),
            );
            problems.push(unknown(source, key, advice));
        }
    }
    entries
}

/// What the command line says.
pub(super) fn flags(flags: Vec<Flag>) -> Entries {
    let entry = |flag: Flag| {
        let (section, name) = flag.key.split_once('.')?;
        let (value, name_of_flag) = (flag.value, flag.name);
        let source = Source::Flag { name: name_of_flag };
        Some((Key::new(section, name), Entry { value, source }))
    };
    flags.into_iter().filter_map(entry).collect()
}

fn read(path: &str, text: &str, keys: &Keys, problems: &mut Problems) -> Entries {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut reading = Reading {
        path,
        text,
        keys,
        problems,
        broken_lines: BTreeSet::new(),
        entries: Entries::new(),
    };
    reading.syntax(&errors);
    for (section, value) in root.get_ref() {
        reading.section(section, value);
    }
    reading.entries
}

struct Reading<'r> {
    path: &'r str,
    text: &'r str,
    keys: &'r Keys,
    problems: &'r mut Problems,
    /// What the parser made of them means nothing.
    broken_lines: BTreeSet<usize>,
    entries: Entries,
}

impl Reading<'_> {
    fn syntax(&mut self, errors: &[toml::de::Error]) {
        for (i, error) in errors.iter().enumerate() {
            let line = self.line(error.span().map_or(0, |span| span.start));
            self.broken_lines.insert(line);
            if i < SYNTAX_LISTED_MAX {
                self.problems.push(Problem {
                    source: self.source(line),
                    key: None,
                    what: format!("not valid TOML: {}", error.message()),
                    advice: "correct the syntax".to_owned(),
                });
            } else {
                self.problems.add_unlisted(1);
            }
        }
    }

    fn section(&mut self, section: &Spanned<impl AsRef<str>>, value: &Spanned<DeValue<'_>>) {
        let line = self.line(section.span().start);
        let section = section.get_ref().as_ref();
        if self.broken_lines.contains(&line) {
            return;
        }
        let is_known = self.keys.sections().any(|known| known == section);
        let (what, advice) = match value.get_ref().as_table() {
            Some(table) if is_known => return self.names(section, table),
            None if is_known => (
                format!("{section} is a section, not a value"),
                format!("begin it with [{section}]"),
            ),
            Some(_) => (
                format!("unknown section {section}"),
                self.meant_by_section(section),
            ),
            None => (
                format!("{section} stands in no section"),
                self.meant_by_setting(section),
            ),
        };
        self.problems.push(Problem {
            source: self.source(line),
            key: None,
            what,
            advice,
        });
    }

    fn meant_by_section(&self, unknown: &str) -> String {
        let near = nearest(unknown, self.keys.sections());
        near.map_or_else(
            || {
                let all: Vec<_> = self.keys.sections().collect();
                format!("remove it; the sections are {}", all.join(", "))
            },
            |near| format!("did you mean [{near}]?"),
        )
    }

    fn meant_by_setting(&self, name: &str) -> String {
        let its_own = self.keys.names().find(|key| key.name == name);
        its_own.map_or_else(
            || "begin a section above it, as [http]".to_owned(),
            |key| format!("did you mean {key}? Begin [{}] above it", key.section),
        )
    }

    fn names(&mut self, section: &str, table: &DeTable<'_>) {
        for (name, value) in table {
            let line = self.line(name.span().start);
            if self.broken_lines.contains(&line) {
                continue;
            }
            let key = Key::new(section, name.get_ref());
            let source = self.source(line);
            if self.keys.shape(&key).is_none() {
                let advice = self.keys.meant_by(&key).map_or_else(
                    || "remove it".to_owned(),
                    |meant| format!("did you mean {meant}?"),
                );
                self.problems.push(unknown(source, key, advice));
                continue;
            }
            match toml::Value::deserialize(ValueDeserializer::from(value.clone())) {
                Ok(value) => _ = self.entries.insert(key, Entry { value, source }),
                Err(error) => self.problems.push(Problem {
                    source,
                    key: Some(key),
                    what: error.message().to_owned(),
                    advice: "correct it".to_owned(),
                }),
            }
        }
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.get(..at).unwrap_or(self.text);
        before.matches('\n').count() + 1
    }

    fn source(&self, line: usize) -> Source {
        Source::File {
            path: self.path.to_owned(),
            line: Some(line),
        }
    }
}

fn unknown(source: Source, key: Key, advice: String) -> Problem {
    Problem {
        source,
        key: Some(key),
        what: "unknown setting".to_owned(),
        advice,
    }
}

/// The variable that a setting is read from.
fn variable_of(key: &Key) -> String {
    format!("{PREFIX}{}{SEPARATOR}{}", key.section, key.name).to_ascii_uppercase()
}

/// What one writes for it by mistake.
fn single(key: &Key) -> String {
    format!("{PREFIX}{}_{}", key.section, key.name).to_ascii_uppercase()
}
