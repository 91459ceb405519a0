//! `sextant alerts test`: whether those hear of it who are to.

use anyhow::anyhow;
use sextant_alerts::delivery;
use sextant_measure::time::Clock as _;

use crate::args::ConfigFile;
use crate::clock::SystemClock;
use crate::config::{Engines, Settings};
use crate::environment::Environment;
use crate::exit::Failure;
use crate::{output, telemetry};

/// Tells every receiver of a test incident, and says how each took it.
pub(super) async fn test(file: &ConfigFile, environment: &Environment) -> Result<(), Failure> {
    let file = file.path(environment);
    let engines = Engines {
        receivers: true,
        ..Engines::NONE
    };
    let settings =
        Settings::load_for(engines, file.as_deref(), &environment.variables, Vec::new())?;
    telemetry::start(&settings.config.telemetry, environment)?;
    let Some(alerts) = &settings.alerts else {
        return Err(anyhow!("there are no receivers").into());
    };
    let told = delivery::test(&alerts.receivers, SystemClock.now()).await;
    let mut refused = 0;
    for (receiver, outcome) in told.map_err(anyhow::Error::from)? {
        match outcome {
            Ok(()) => output::line(format!("{receiver}: told"))?,
            Err(error) => {
                refused += 1;
                output::line(format!("{receiver}: {error}"))?;
            }
        }
    }
    if refused > 0 {
        return Err(anyhow!("{refused} receivers have not been told").into());
    }
    Ok(())
}
