//! `sextant replay`: sends recorded observations.

mod progress;
mod summary;

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use sextant_measure::id::AgentId;
use sextant_measure::time::Clock as _;
use sextant_reporter::options::Options;
use sextant_reporter::replay::lines::Lines;
use sextant_reporter::replay::schedule::{Pace, Schedule, Speed};
use sextant_reporter::replay::{Survey, replay};
use sextant_reporter::sender::Sender;
use sextant_reporter::target::Token;
use tokio::time::{Instant, interval};

use crate::args::ReplayArgs;
use crate::clock::SystemClock;
use crate::environment::Environment;
use crate::exit::Failure;

use self::progress::Progress;
use self::summary::Summary;
use super::token;

/// What it calls itself. Its epoch is another each time.
const AGENT: &str = "sextant-replay";
const PROGRESS_INTERVAL: Duration = Duration::from_millis(200);

pub(super) async fn run(args: &ReplayArgs, environment: &Environment) -> Result<(), Failure> {
    let token = token::of(&args.token, environment)?.map(Token::new);
    let clock = Arc::new(SystemClock);
    let transport = args
        .to
        .transport(token.as_ref(), None, Arc::clone(&clock) as _)
        .context("cannot reach the target")?;

    let survey = Survey::of(open(&args.file)?).context("cannot read the observations")?;
    let mut schedule = Schedule::new(pace(args)?, &survey);
    if args.rebase {
        schedule = schedule.rebased(&survey, clock.now());
    }
    let agent = AgentId::new(AGENT).context("the agent's name")?;
    let options = Options {
        patience: Some(Duration::from_secs(args.patience_seconds)),
        ..Options::new(agent)
    };
    let sender = Sender::start(options, transport, clock).context("cannot send")?;

    let mut progress = Progress::new(survey.observations, environment)?;
    let counters = sender.counters();
    let began = Instant::now();
    let lines = open(&args.file)?;
    let work = async {
        let replayed = replay(lines, &schedule, &sender).await;
        // The sender's own patience says when to stop waiting.
        (replayed, sender.finish(Duration::MAX).await)
    };
    let mut work = std::pin::pin!(work);
    let mut ticks = interval(PROGRESS_INTERVAL);
    let (replayed, report) = loop {
        tokio::select! {
            biased;
            done = &mut work => break done,
            _ = ticks.tick() => {
                let counters = *counters.borrow();
                progress.show(&counters)?;
            }
        }
    };
    progress.end();
    Summary::new(&survey, replayed, report, began.elapsed()).tell(args.output, environment)
}

fn open(path: &Path) -> anyhow::Result<Lines<BufReader<File>>> {
    let file = File::open(path).with_context(|| format!("cannot open {}", path.display()))?;
    Ok(Lines::new(BufReader::new(file)))
}

fn pace(args: &ReplayArgs) -> anyhow::Result<Pace> {
    if args.at_once {
        return Ok(Pace::AtOnce);
    }
    let speed = Speed::new(args.speed).context("--speed must be a number above 0")?;
    Ok(Pace::Speed(speed))
}
