//! `--demo`: simulated agents that report to this process, and a table of what comes out of it.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context as _;
use secrecy::SecretString;
use sextant_catalog::Catalog;
use sextant_measure::time::Clock;
use sextant_reporter::target::{Target, Token};
use sextant_server::hub::Hub;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::clock::SystemClock;
use crate::demo::screen::Screen;
use crate::demo::terminal::Terminal;
use crate::demo::world::World;
use crate::demo::{agents, view};
use crate::environment::Environment;

/// What the demonstration is about.
pub(super) struct Demonstration {
    pub(super) catalog: Arc<Catalog>,
    pub(super) hub: Arc<Hub>,
    pub(super) http: SocketAddr,
    pub(super) grpc: SocketAddr,
    /// What the agents show.
    pub(super) token: SecretString,
}

/// A demonstration that runs.
pub(super) struct Shown {
    agents: TaskTracker,
    screen: JoinHandle<std::io::Result<()>>,
}

impl Demonstration {
    pub(super) fn start(
        self,
        stop: &CancellationToken,
        environment: &Environment,
    ) -> anyhow::Result<Shown> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let world = World::new(&self.catalog, rand::random()).context("the simulated world")?;
        let target: Target = format!("grpc://{}", reachable(self.grpc)).parse()?;
        let agents = TaskTracker::new();
        let token = Token::new(self.token.clone());
        agents::start(&Arc::new(world), &target, &token, &clock, &agents, stop)?;
        agents.close();
        let terminal = Terminal::stdout(environment.colour_on(&std::io::stdout()));
        let stop = stop.clone();
        let screen = agents.spawn(async move { terminal.show(|| self.screen(), &stop).await });
        Ok(Shown { agents, screen })
    }

    fn screen(&self) -> Screen {
        let edition = self.hub.present();
        let row = |id: &_| {
            let snapshot = edition.as_ref()?.snapshot();
            snapshot.row(id).map(|row| &*row.value)
        };
        let http = format!("http://{}", reachable(self.http));
        let first = self.catalog.models().next();
        let places = first.into_iter().flat_map(|model| {
            let page = format!("{http}/models/{}", model.id);
            let json = format!("{http}/api/v1/models/{}/endpoints", model.id);
            [("this table as a page", page), ("this table as JSON", json)]
        });
        let more = [
            ("routing snapshot", format!("{http}/api/v1/snapshot")),
            ("metrics", format!("{http}/metrics")),
            ("gRPC", format!("http://{}", reachable(self.grpc))),
        ];
        let places = places.chain(more);
        Screen {
            models: view::models(&self.catalog, row),
            places: places
                .map(|(what, place)| (what.to_owned(), place))
                .collect(),
        }
    }
}

impl Shown {
    /// Waits until all of it has ended; it was told to.
    pub(super) async fn ended(self) -> anyhow::Result<()> {
        self.agents.wait().await;
        Ok(self.screen.await??)
    }
}

/// Where a listener on all addresses is reached from this machine.
pub(super) fn reachable(address: SocketAddr) -> SocketAddr {
    let ip = match address.ip() {
        ip if !ip.is_unspecified() => ip,
        ip if ip.is_ipv4() => Ipv4Addr::LOCALHOST.into(),
        _ => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, address.port())
}
