//! Plays the closed loop, draws what became of the traffic, and prints the figures in
//! `docs/routing.md`.
//!
//! `cargo run --release -p sextant-router --example closed_loop`
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::print_stdout,
    reason = "a program for developers, which stops at the first surprise"
)]

mod cases;
mod figures;
mod plot;
#[path = "../../tests/simulation/mod.rs"]
mod simulation;

use std::fs;
use std::path::Path;

use simulation::world::World;

/// Figures are the least and the most over these.
const SEEDS: std::ops::RangeInclusive<u64> = 1..=10;

fn main() -> std::io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/routing");
    fs::create_dir_all(&folder)?;
    let worlds: Vec<_> = SEEDS.map(World::known).collect();
    for case in cases::all() {
        let history = worlds[0].play(&case.scenario);
        let picture = plot::draw(&case, &history);
        fs::write(folder.join(format!("{}.svg", case.name)), picture)?;
    }
    for line in figures::table(&worlds) {
        println!("{line}");
    }
    Ok(())
}
