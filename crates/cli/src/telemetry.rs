//! What a process says of itself: one event, one line, on standard error.

mod sparing;

use std::fmt::{self, Debug, Write as _};

use anyhow::Context as _;
use tracing::Subscriber;
use tracing::field::Field;
use tracing_subscriber::field::MakeExt as _;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::{EnvFilter, Layer as _, Registry, fmt as lines, reload};

use crate::config::{LogFormat, TelemetryConfig};
use crate::environment::Environment;
use crate::escape::Escaping;

pub use self::sparing::{LISTS, Sparing};

/// What is said, which may be changed while it is being said.
pub struct LiveFilter(reload::Handle<EnvFilter, Registry>);

type Said = Box<dyn Subscriber + Send + Sync>;

/// Says on standard error what happens from here on. Once in a process.
pub fn start(
    config: &TelemetryConfig,
    environment: &Environment,
) -> anyhow::Result<(LiveFilter, Sparing)> {
    let (colour, sparing) = (
        environment.colour_on(&std::io::stderr()),
        Sparing::default(),
    );
    let (subscriber, filter) = subscriber(config, std::io::stderr, colour, &sparing)?;
    tracing::subscriber::set_global_default(subscriber).context("cannot start telemetry")?;
    Ok((filter, sparing))
}

impl LiveFilter {
    /// Goes by another filter from here on.
    pub fn replace(&self, filter: &str) -> anyhow::Result<()> {
        Ok(self.0.reload(EnvFilter::try_new(filter)?)?)
    }
}

fn subscriber<W>(
    config: &TelemetryConfig,
    writer: W,
    colour: bool,
    sparing: &Sparing,
) -> anyhow::Result<(Said, LiveFilter)>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter).context("telemetry.filter")?;
    let (filter, handle) = reload::Layer::new(filter);
    let subscriber = Registry::default().with(filter);
    let layer = lines::layer().with_writer(writer).with_ansi(colour);
    let sparing = sparing.clone();
    let subscriber: Said = match config.format {
        // JSON escapes whatever would end a line.
        LogFormat::Json => {
            let layer = layer.json().flatten_event(true);
            Box::new(subscriber.with(layer.with_filter(sparing)))
        }
        LogFormat::Compact => {
            let fields = debug_fn(field).delimited(" ");
            let layer = layer.compact().fmt_fields(fields);
            Box::new(subscriber.with(layer.with_filter(sparing)))
        }
    };
    Ok((subscriber, LiveFilter(handle)))
}

/// Writes a field so that nothing a remote has sent can end the line or steer the terminal.
fn field(writer: &mut Writer<'_>, field: &Field, value: &dyn Debug) -> fmt::Result {
    if field.name() != "message" {
        write!(writer, "{}=", field.name())?;
    }
    write!(Escaping(writer), "{value:?}")
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn said(format: LogFormat, colour: bool, event: impl FnOnce()) -> String {
        let config = TelemetryConfig {
            filter: "info".to_owned(),
            format,
        };
        let written = Written::default();
        let writer = written.clone();
        let sparing = Sparing::default();
        let subscriber = subscriber(&config, move || writer.clone(), colour, &sparing);
        let (subscriber, _) = subscriber.unwrap();
        tracing::subscriber::with_default(subscriber, event);
        let bytes = written.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    fn hostile() {
        let name = "a\nERROR forged\u{1b}[2J\u{202e}";
        let span = tracing::info_span!("batch", agent = %name);
        let _entered = span.enter();
        tracing::info!(model = %name, provider = name, count = 3, "refused {name}");
        tracing::debug!("not asked for");
    }

    #[test]
    fn what_is_said_can_be_changed_on_the_way() {
        let config = TelemetryConfig {
            filter: "info".to_owned(),
            format: LogFormat::Json,
        };
        let written = Written::default();
        let writer = written.clone();
        let sparing = Sparing::default();
        let subscriber = subscriber(&config, move || writer.clone(), false, &sparing);
        let (subscriber, filter) = subscriber.unwrap();
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!("before");
            filter.replace("debug").unwrap();
            tracing::debug!("after");
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        assert!(text.contains("after") && !text.contains("before"), "{text}");
    }

    #[test]
    fn an_event_is_one_line_whatever_its_fields_hold() {
        for format in [LogFormat::Compact, LogFormat::Json] {
            let text = said(format, false, hostile);
            assert_eq!(text.matches('\n').count(), 1, "{text}");
            assert!(text.ends_with('\n'), "{text}");
            assert!(!text.contains('\u{1b}'), "{text}");
        }
    }

    #[test]
    fn a_compact_line_names_its_fields() {
        let text = said(LogFormat::Compact, false, hostile);
        let escaped = "a\\nERROR forged\\u{1b}[2J\\u{202e}";
        for part in [
            &format!("refused {escaped}"),
            &format!("model={escaped}"),
            &format!("agent={escaped}"),
            "count=3",
            "INFO",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn json_can_be_read_again() {
        let text = said(LogFormat::Json, false, hostile);
        let event: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(event["count"], 3);
        assert_eq!(event["model"], "a\nERROR forged\u{1b}[2J\u{202e}");
    }

    #[test]
    fn colours_are_there_only_if_asked_for() {
        let event = || tracing::info!("plain");
        assert!(said(LogFormat::Compact, true, event).contains('\u{1b}'));
        assert!(!said(LogFormat::Compact, false, event).contains('\u{1b}'));
    }

    #[test]
    fn what_repeats_is_said_ten_times_and_the_rest_is_counted() {
        let config = TelemetryConfig {
            filter: "info".to_owned(),
            format: LogFormat::Compact,
        };
        let (written, sparing) = (Written::default(), Sparing::default());
        let writer = written.clone();
        let subscriber = subscriber(&config, move || writer.clone(), false, &sparing);
        tracing::subscriber::with_default(subscriber.unwrap().0, || {
            for n in 0..25 {
                tracing::warn!(n, "refused");
                tracing::info!(n, "asked for");
                tracing::error!(target: LISTS, n, "a problem");
            }
            tracing::warn!("something else");
            sparing.report();
            sparing.report();
        });
        let text = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
        let count = |part: &str| text.matches(part).count();
        assert_eq!((count("refused"), count("asked for")), (10, 25), "{text}");
        assert_eq!(count("a problem"), 25, "a list is whole: {text}");
        assert_eq!(
            (count("something else"), count("lines=15 ")),
            (1, 1),
            "{text}"
        );
    }
}
