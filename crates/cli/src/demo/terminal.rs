//! Shows a screen again and again, and leaves the terminal as it was.

use std::io::{self, IsTerminal as _, Stdout, Write};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use tokio::time::{Interval, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use super::screen::{self, Screen, Size};

/// How often a terminal is drawn over.
const DRAWN: Duration = Duration::from_secs(1);
/// How often a table is written to what is no terminal.
const WRITTEN: Duration = Duration::from_secs(10);

// As xterm and ECMA-48 have them: the alternate screen, the cursor's place and visibility, and
// what to erase. Nothing is read from the terminal, and its modes stay, so that ^C still works.
const ENTER: &str = "\x1b[?1049h\x1b[?25l";
const LEAVE: &str = "\x1b[?25h\x1b[?1049l";
const HOME: &str = "\x1b[H";
const ERASE_LINE: &str = "\x1b[K";
const ERASE_BELOW: &str = "\x1b[J";

/// Where a screen is shown.
#[derive(Debug)]
pub struct Terminal<W: Write = Stdout> {
    out: W,
    colour: bool,
    /// Tells how much room there is, where it can be drawn over.
    size: Option<fn() -> Size>,
    /// Whether it is in the state that [`LEAVE`] ends.
    is_entered: Arc<AtomicBool>,
}

impl Terminal {
    /// Standard output: drawn over if it is a terminal, else written to.
    pub fn stdout(colour: bool) -> Self {
        let out = io::stdout();
        let size = out.is_terminal().then_some(size as fn() -> Size);
        let is_entered = Arc::default();
        if size.is_some() {
            leave_on_panic(Arc::clone(&is_entered));
        }
        Self {
            out,
            colour,
            size,
            is_entered,
        }
    }
}

impl<W: Write + Send + 'static> Terminal<W> {
    /// Shows what `source` says until `stop` is cancelled or nobody reads it any more. What a
    /// terminal showed last stays there.
    ///
    /// # Errors
    /// If it can't be written to.
    pub async fn show(
        self,
        source: impl Fn() -> Screen,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let shown = match self.size {
            Some(size) => self.draw(size, source, stop).await,
            None => self.write(source, stop).await,
        };
        match shown {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            shown => shown,
        }
    }

    async fn draw(
        mut self,
        size: fn() -> Size,
        source: impl Fn() -> Screen,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let mut ticks = ticks(DRAWN);
        self.is_entered.store(true, SeqCst);
        self = self.put(ENTER.to_owned()).await?;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            // A panic has left it, to be seen.
            if self.is_entered.load(SeqCst) {
                let page = screen::page(&source(), size(), self.colour);
                self = self.put(over(&page)).await?;
            }
        }
        self.leave()?;
        let page = screen::page(&source(), Size::ENDLESS, self.colour);
        self.put(page).await.map(drop)
    }

    async fn write(
        mut self,
        source: impl Fn() -> Screen,
        stop: &CancellationToken,
    ) -> io::Result<()> {
        let mut ticks = ticks(WRITTEN);
        let mut whole = true;
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            let text = if std::mem::take(&mut whole) {
                screen::page(&source(), Size::ENDLESS, self.colour)
            } else {
                screen::tables(&source(), self.colour)
            };
            self = self.put(text).await?;
        }
        Ok(())
    }

    /// Writes on a thread that may wait: a terminal can be stopped, and a pipe full.
    async fn put(mut self, text: String) -> io::Result<Self> {
        let putting = tokio::task::spawn_blocking(move || {
            self.out.write_all(text.as_bytes())?;
            self.out.flush()?;
            Ok(self)
        });
        putting.await?
    }
}

impl<W: Write> Terminal<W> {
    fn leave(&mut self) -> io::Result<()> {
        if self.is_entered.swap(false, SeqCst) {
            self.out.write_all(LEAVE.as_bytes())?;
            self.out.flush()?;
        }
        Ok(())
    }
}

impl<W: Write> Drop for Terminal<W> {
    fn drop(&mut self) {
        // Who can't be written to has nothing to be left.
        self.leave().unwrap_or_default();
    }
}

/// Before a panic is told, the terminal must be such that it can be read.
fn leave_on_panic(is_entered: Arc<AtomicBool>) {
    let tell = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        if is_entered.swap(false, SeqCst) {
            let mut out = io::stdout();
            let left = out.write_all(LEAVE.as_bytes()).and_then(|()| out.flush());
            left.unwrap_or_default();
        }
        tell(panic);
    }));
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

fn size() -> Size {
    let (lines, columns) = console::Term::stdout().size();
    Size {
        columns: usize::from(columns),
        lines: usize::from(lines),
    }
}

/// A page as it is drawn over another, without a moment of emptiness.
fn over(page: &str) -> String {
    let lines: Vec<_> = page
        .lines()
        .map(|line| format!("{ERASE_LINE}{line}"))
        .collect();
    format!("{HOME}{}{ERASE_BELOW}", lines.join("\r\n"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::sleep;

    use super::super::view::ModelView;
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_terminal_is_drawn_over_each_second_and_left_with_the_last_page() {
        let text = shown_for(Duration::from_millis(2_500), true).await;
        let (entered, rest) = text.split_once(ENTER).unwrap();
        let (drawn, last) = rest.split_once(LEAVE).unwrap();
        assert_eq!((entered, drawn.matches(HOME).count()), ("", 3));
        assert!(
            drawn.contains("\x1b[Kmetrics  http://h/metrics\x1b[J"),
            "{drawn:?}"
        );
        assert!(last.ends_with("metrics  http://h/metrics\n"), "{last:?}");
        assert!(!last.contains('\x1b'), "{last:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn anything_else_gets_the_page_once_and_tables_from_then_on() {
        let text = shown_for(Duration::from_secs(25), false).await;
        assert_eq!(text.matches("http://h/metrics").count(), 1);
        assert_eq!(text.matches("author/slug").count(), 3);
        assert!(!text.contains('\x1b'), "{text:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_terminal_is_left_also_when_the_showing_is_dropped() {
        let out = Held::default();
        let stop = CancellationToken::new();
        let showing = terminal(out.clone(), true).show(example, &stop);
        tokio::select! {
            shown = showing => panic!("{shown:?}"),
            () = sleep(Duration::from_millis(1_500)) => {}
        }
        assert!(out.text().ends_with(LEAVE));
    }

    #[tokio::test]
    async fn a_reader_that_has_gone_ends_it_and_is_no_failure() {
        let stop = CancellationToken::new();
        for kind in [io::ErrorKind::BrokenPipe, io::ErrorKind::StorageFull] {
            let shown = terminal(Refusing(kind), false).show(example, &stop).await;
            assert_eq!(
                shown.is_ok(),
                kind == io::ErrorKind::BrokenPipe,
                "{shown:?}"
            );
        }
    }

    async fn shown_for(time: Duration, is_terminal: bool) -> String {
        let (out, stop) = (Held::default(), CancellationToken::new());
        let showing = terminal(out.clone(), is_terminal).show(example, &stop);
        let stopping = async {
            sleep(time).await;
            stop.cancel();
        };
        tokio::join!(showing, stopping).0.unwrap();
        out.text()
    }

    fn terminal<W: Write>(out: W, is_terminal: bool) -> Terminal<W> {
        let size = || Size {
            columns: 80,
            lines: 24,
        };
        Terminal {
            out,
            colour: false,
            size: is_terminal.then_some(size),
            is_entered: Arc::default(),
        }
    }

    fn example() -> Screen {
        let model = ModelView {
            id: "author/slug".to_owned(),
            name: "Name".to_owned(),
            cheapest: None,
            fastest: None,
            composite: None,
            breakdown: Vec::new(),
            endpoints: Vec::new(),
        };
        Screen {
            models: vec![model],
            places: vec![("metrics".to_owned(), "http://h/metrics".to_owned())],
        }
    }

    #[derive(Clone, Default)]
    struct Held(Arc<Mutex<Vec<u8>>>);

    impl Held {
        fn text(&self) -> String {
            String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
        }
    }

    impl Write for Held {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Refusing(io::ErrorKind);

    impl Write for Refusing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
}
