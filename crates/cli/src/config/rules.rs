//! What must hold between settings, and of the files they name.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use secrecy::SecretString;
use sextant_catalog::Catalog;
use sextant_eventlog::RECORD_BYTES_MAX;
use sextant_measure::id::Operation;
use sextant_prober::config::{Resolved, SecretSource};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

use crate::access::{Access, Tokens};
use crate::environment::variable;

use super::Engines;
use super::alerting::AlertSettings;
use super::fleet;
use super::key::Key;
use super::layer::{Entries, text_of};
use super::problem::{Problem, Problems};
use super::sections::Config;
use super::source::Source;

/// The longest that a loop takes between two turns with nothing to do.
const LONGEST_TURN_MS: u32 = 1_000;
const TOKEN_FILE_BYTES_MAX: u64 = 1024 * 1024;
/// A chain of certificates is a few kilobytes, all authorities of a system a few hundred.
const SECRET_FILE_BYTES_MAX: u64 = 1024 * 1024;
const CATALOG_FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Reports what does not hold. Nothing is said of a setting that was refused already.
pub(super) fn check(
    config: &Config,
    entries: &Entries,
    engines: Engines,
    problems: &mut Problems,
) -> Option<Checked> {
    let mut rules = Rules {
        config,
        entries,
        problems,
    };
    rules.data_dir();
    rules.addresses();
    rules.same_address();
    rules.record_size();
    rules.room_for_a_batch();
    rules.room_for_spans();
    rules.ticks();
    rules.operations();
    rules.filter();
    rules.fleet(engines);
    rules.fleet_files(engines);
    let access = rules.access();
    let catalog = rules.catalog();
    let prober = engines.providers.then(|| rules.prober());
    let alerts = rules.alerts(engines);
    Some(Checked {
        access: access?,
        catalog: catalog?,
        prober: prober.flatten(),
        alerts: alerts.filter(|_| engines.receivers),
    })
}

/// What was read of the files that settings name.
pub(super) struct Checked {
    pub(super) access: Access,
    pub(super) catalog: Catalog,
    pub(super) prober: Option<Resolved>,
    pub(super) alerts: Option<AlertSettings>,
}

pub(super) struct Rules<'r> {
    pub(super) config: &'r Config,
    entries: &'r Entries,
    problems: &'r mut Problems,
}

impl Rules<'_> {
    fn data_dir(&mut self) {
        let directory = &self.config.standalone.data_dir;
        if directory.exists() && !directory.is_dir() {
            let what = format!("{} is not a directory", directory.display());
            self.blame("standalone", "data_dir", what, "name a directory");
        }
    }

    /// Without tokens nobody can be told from anybody else, so nobody may come from elsewhere.
    fn addresses(&mut self) {
        let access = &self.config.access;
        let is_settled = access.token_file.is_some() || access.insecure;
        if is_settled || self.is_refused("access", "token_file") {
            return;
        }
        for (section, address) in self.listeners() {
            if !address.ip().to_canonical().is_loopback() {
                let what = format!("{address} is not loopback, and there is no token file");
                let advice = "set access.token_file, listen on 127.0.0.1, or let everyone in with \
                              --insecure";
                self.blame(section, "listen", what, advice);
            }
        }
    }

    fn same_address(&mut self) {
        let [(_, http), (_, grpc)] = self.listeners();
        let (one, other) = (http.ip().to_canonical(), grpc.ip().to_canonical());
        let overlap = one == other || one.is_unspecified() || other.is_unspecified();
        if http.port() == grpc.port() && http.port() != 0 && overlap {
            let what = format!("{grpc} takes the port of http.listen, {http}");
            self.blame("grpc", "listen", what, "give each a port of its own");
        }
    }

    /// A record that the log refuses would fail each time it is sent again.
    fn record_size(&mut self) {
        let given = self.config.collector.record_bytes_max;
        if usize::try_from(given.get()).is_ok_and(|given| given > RECORD_BYTES_MAX) {
            let what = format!("{given} is more than the log takes");
            let advice = format!("give at most {RECORD_BYTES_MAX}");
            self.blame("collector", "record_bytes_max", what, &advice);
        }
    }

    /// Of each of these one peer gets half, which must be enough for the largest that it may send,
    /// or it would be told for ever to come again later.
    fn room_for_a_batch(&mut self) {
        let (agent, collector) = (&self.config.agent, &self.config.collector);
        for (section, largest, body, in_flight) in [
            (
                "agent",
                agent.message_bytes_max,
                agent.body_bytes_max,
                agent.in_flight_bytes_max,
            ),
            (
                "collector",
                collector.message_bytes_max,
                collector.body_bytes_max,
                collector.in_flight_bytes_max,
            ),
        ] {
            let needed = largest.get().saturating_mul(2);
            for (name, given) in [("body_bytes_max", body), ("in_flight_bytes_max", in_flight)] {
                if given.get() < needed {
                    let what = format!("{given} is less than two messages of message_bytes_max");
                    self.blame(section, name, what, &format!("give at least {needed}"));
                }
            }
        }
    }

    /// Requests of spans are read within what the collector has for bodies.
    fn room_for_spans(&mut self) {
        let given = self.config.otlp.message_bytes_max.get();
        let collector = &self.config.collector;
        let most = collector.body_bytes_max.get() / 2;
        let is_settled = most < collector.message_bytes_max.get();
        if given > most && !is_settled {
            let what = format!("{given} is more than half of collector.body_bytes_max");
            let advice = format!("give at most {most}");
            self.blame("otlp", "message_bytes_max", what, &advice);
        }
    }

    /// A loop that turns more seldom than is asked for would look as if it had stopped.
    fn ticks(&mut self) {
        let server = &self.config.server;
        let interval = server.publish_interval_ms.get().max(LONGEST_TURN_MS);
        let (given, needed) = (server.tick_age_ms_max.get(), interval.saturating_mul(2));
        if given < needed {
            let what = format!("{given} is less than two turns of the slowest loop");
            let advice = format!("give at least {needed}");
            self.blame("server", "tick_age_ms_max", what, &advice);
        }
    }

    /// A name that no request can have would keep nothing out and let nothing in.
    fn operations(&mut self) {
        let names = &self.config.server.operations;
        let wrong = names.iter().find(|name| Operation::new(name).is_err());
        if let Some(name) = wrong {
            let what = format!("{name:?} cannot name an operation");
            let advice = "give 1 to 128 bytes without control characters";
            self.blame("server", "operations", what, advice);
        }
    }

    fn filter(&mut self) {
        let advice = "give levels by target, as in \"info,sextant_collector=debug\"";
        let filter = &self.config.telemetry.filter;
        if let Err(error) = EnvFilter::try_new(filter) {
            self.blame("telemetry", "filter", error.to_string(), advice);
            return;
        }
        // A word alone is a level, or else the name of a target, and then nothing else is logged.
        let is_level = |word: &str| word.parse::<LevelFilter>().is_ok();
        let words = filter.split(',').map(str::trim);
        let mistyped = |word: &&str| {
            !word.is_empty() && !is_level(word) && !word.contains(['=', '[', ':', '_'])
        };
        if let Some(word) = words.clone().find(mistyped) {
            let what = format!("{word:?} is not a level");
            let advice = "give off, error, warn, info, debug or trace, or target=level";
            self.blame("telemetry", "filter", what, advice);
        }
    }

    fn fleet(&mut self, engines: Engines) {
        let config = self.config;
        let (kafka, clickhouse) = (&config.kafka, &config.clickhouse);
        let (process, agent) = (&config.process, &config.agent);
        let problems = fleet::problems(engines, process, agent, kafka, clickhouse);
        for (section, name, what, advice) in problems {
            self.blame(section, name, what, advice);
        }
    }

    fn fleet_files(&mut self, engines: Engines) {
        let config = self.config;
        let (kafka, clickhouse) = (&config.kafka, &config.clickhouse);
        let files = fleet::files(engines, &config.agent, kafka, clickhouse);
        for (section, name, file) in files {
            let text = self.text(section, name, file, SECRET_FILE_BYTES_MAX);
            if text.is_some_and(|text| text.trim().is_empty()) {
                let what = format!("{} is empty", file.display());
                self.blame(section, name, what, "write into it what it is to say");
            }
        }
    }

    /// Reads the keys as well: one that is missing is better known before than from a provider.
    fn prober(&mut self) -> Option<Resolved> {
        let wrong = match self.config.prober.resolve(&secret) {
            Ok(resolved) => return Some(resolved),
            Err(wrong) => wrong,
        };
        for one in wrong {
            self.blame_also("prober", one.setting, &one.what, one.advice);
        }
        None
    }

    fn access(&mut self) -> Option<Access> {
        let access = &self.config.access;
        let Some(path) = &access.token_file else {
            return Some(Access::Open);
        };
        if access.insecure {
            let what = "everyone is let in, and access.token_file says who may come";
            self.blame("access", "insecure", what.to_owned(), "set one of them");
        }
        let text = self.text("access", "token_file", path, TOKEN_FILE_BYTES_MAX)?;
        match Tokens::parse(&text) {
            Ok(tokens) => Some(Access::Tokens(Arc::new(tokens))),
            Err(wrong) => {
                for one in wrong {
                    self.problems.push(Problem {
                        source: Source::File {
                            path: path.display().to_string(),
                            line: one.line,
                        },
                        key: Some(Key::new("access", "token_file")),
                        what: one.what,
                        advice: one.advice.to_owned(),
                    });
                }
                None
            }
        }
    }

    fn catalog(&mut self) -> Option<Catalog> {
        let key = || Some(Key::new("catalog", "file"));
        let read = match &self.config.catalog.file {
            None => Catalog::shipped(),
            Some(path) => {
                let text = self.text("catalog", "file", path, CATALOG_FILE_BYTES_MAX)?;
                Catalog::parse(&path.display().to_string(), &text)
            }
        };
        let error = match read {
            Ok(catalog) => return Some(catalog),
            Err(error) => error,
        };
        for problem in error.problems() {
            let place = if problem.key.is_empty() {
                String::new()
            } else {
                format!("{}: ", problem.key)
            };
            self.problems.push(Problem {
                source: Source::File {
                    path: problem.file.clone(),
                    line: Some(problem.line),
                },
                key: key(),
                what: format!("{place}{}", problem.what),
                advice: problem.advice.clone(),
            });
        }
        self.problems.add_unlisted(error.unlisted());
        None
    }

    fn text(&mut self, section: &str, name: &str, path: &Path, bytes_max: u64) -> Option<String> {
        let text = text_of(path, bytes_max);
        let refused = |what| format!("{} {what}", path.display());
        text.map_err(|what| {
            let advice = "name a file that this process can read";
            self.blame(section, name, refused(what), advice);
        })
        .ok()
    }

    fn listeners(&self) -> [(&'static str, SocketAddr); 2] {
        [
            ("http", self.config.http.listen),
            ("grpc", self.config.grpc.listen),
        ]
    }

    /// Says what is wrong with a setting, at the place where its value comes from.
    fn blame(&mut self, section: &str, name: &str, what: String, advice: &str) {
        let key = Key::new(section, name);
        if self.problems.mention(&key) {
            return;
        }
        let entry = self.entries.get(&key);
        self.problems.push(Problem {
            source: entry.map_or(Source::Default, |entry| entry.source.clone()),
            key: Some(key),
            what,
            advice: advice.to_owned(),
        });
    }

    /// The same, also of a setting that something was said of, or of a part of one, as `list[0].name`.
    pub(super) fn blame_also(&mut self, section: &str, setting: &str, what: &str, advice: &str) {
        let name = setting.split(['[', '.']).next().unwrap_or(setting);
        let place = if name == setting {
            String::new()
        } else {
            format!("{setting}: ")
        };
        let key = Key::new(section, name);
        let entry = self.entries.get(&key);
        self.problems.push(Problem {
            source: entry.map_or(Source::Default, |entry| entry.source.clone()),
            key: Some(key),
            what: format!("{place}{what}"),
            advice: advice.to_owned(),
        });
    }

    fn is_refused(&self, section: &str, name: &str) -> bool {
        self.problems.mention(&Key::new(section, name))
    }
}

pub(super) fn secret(source: &SecretSource) -> Result<SecretString, String> {
    match source {
        SecretSource::File(path) => text_of(path, SECRET_FILE_BYTES_MAX).map(Into::into),
        SecretSource::Env(name) => variable(name).ok_or_else(|| "is not set".to_owned()),
    }
}
