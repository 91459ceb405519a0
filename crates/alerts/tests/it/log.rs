//! The log as a receiver.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;

use crate::desk::{Desk, closed, opened};

#[derive(Clone, Default)]
struct Lines(Arc<Mutex<Vec<u8>>>);

impl Write for Lines {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'l> MakeWriter<'l> for Lines {
    type Writer = Self;

    fn make_writer(&'l self) -> Self {
        self.clone()
    }
}

#[tokio::test]
async fn the_log_says_once_that_an_incident_is_opened_and_closed() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let desk = Desk::start("");
    let incident = opened("limits");
    desk.post(std::slice::from_ref(&incident));
    desk.until_heard(1).await;
    desk.post(&[closed(&incident)]);
    assert_eq!(
        desk.until_heard(2).await,
        ["log opened limits", "log closed limits"]
    );
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let said: Vec<_> = text.lines().filter(|it| it.contains("incident")).collect();
    let [first, second] = *said else {
        panic!("{text}");
    };
    assert!(
        first.contains("WARN") && first.contains("incident opened"),
        "{first}"
    );
    assert!(
        first.contains("reason=\"25.00 % were rate-limited\""),
        "{first}"
    );
    assert!(
        second.contains("INFO") && second.contains("incident closed"),
        "{second}"
    );
    let alert = "alert=limits/endpoint/meta-llama/llama-3.1/groq/fp8";
    assert!(first.contains(alert) && second.contains(alert), "{text}");
}

#[tokio::test]
async fn an_outage_of_a_receiver_is_said_once_with_where_and_what_to_do() {
    let lines = Lines::default();
    let subscriber = tracing_subscriber::fmt()
        .with_writer(lines.clone())
        .with_ansi(false)
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    // Nothing listens on the discard port.
    let away = "log = false\n[[webhooks]]\nname = \"oncall\"\nallow_private = true\n\
                secret = { env = \"SIGNS\" }\nurl = \"http://127.0.0.1:9/T0/a-secret-path\"\n";
    let desk = Desk::start(away);
    desk.post(&[opened("limits")]);
    let counted = "sextant_alerts_notices_failed_total{receiver=\"oncall\",reason=\"unreachable\"}";
    desk.until_count(counted, 2).await;
    let text = String::from_utf8(lines.0.lock().unwrap().clone()).unwrap();
    let said: Vec<_> = text.lines().filter(|it| it.contains("oncall")).collect();
    let [line] = *said else {
        panic!("{text}");
    };
    for part in [
        "http://127.0.0.1:9",
        "Connection refused",
        "correct its url",
    ] {
        assert!(line.contains(part), "{line}");
    }
    assert!(!text.contains("a-secret-path"), "{text}");
}
