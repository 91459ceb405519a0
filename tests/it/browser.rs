//! The pages as people have them: in Chromium, before a running binary. What is looked at, and how,
//! stands in the scripts in `tests/browser`; here is what they look at.
//!
//! Each script fails as well if a page logs an error, breaks its content security policy, opens a
//! dialog or asks another host.

use std::fs;
use std::path::Path;

use serde_json::json;
use sextant_tests::browser::{play, play_with};
use sextant_tests::fleet::Fleet;
use sextant_tests::process::Process;
use tempfile::TempDir;

/// One process with a catalog of the tests' own.
struct Site {
    folder: TempDir,
    server: Process,
}

impl Site {
    fn new(catalog: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let catalog = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("browser")
            .join(catalog);
        let text = format!("[catalog]\nfile = {:?}\n", catalog.to_str().unwrap());
        fs::write(folder.path().join("sextant.toml"), text).unwrap();
        let (data, config) = paths(folder.path());
        let server = Process::standalone_with(Path::new(&data), &["--config", &config]);
        Self { folder, server }
    }

    /// Starts it again where it was.
    fn start_again(&mut self) {
        let (data, config) = paths(self.folder.path());
        let again = ["--config", config.as_str()];
        self.server = Process::standalone_again_with(Path::new(&data), &self.server, &again);
    }
}

/// The data and the settings in a folder.
fn paths(folder: &Path) -> (String, String) {
    let path = |name| folder.join(name).to_str().unwrap().to_owned();
    (path("data"), path("sextant.toml"))
}

/// Plays a script before endpoints in every state that a row can be in.
fn play_to_all_states(script: &str) {
    play(script, &Site::new("catalog.toml").server);
}

#[test]
fn without_javascript_every_number_is_there_and_links_and_forms_lead_on() {
    play_to_all_states("plain.mjs");
}

#[test]
fn the_twentieth_observation_turns_dashes_into_numbers_on_an_open_page() {
    play_to_all_states("live.mjs");
}

#[test]
fn each_heading_sorts_either_way_with_dashes_last_while_numbers_change() {
    play_to_all_states("sort.mjs");
}

#[test]
fn each_region_shows_its_own_numbers_in_the_table_the_charts_and_the_stream() {
    play_to_all_states("region.mjs");
}

#[test]
fn the_theme_is_the_systems_or_the_readers_and_never_flashes() {
    play_to_all_states("theme.mjs");
}

#[test]
fn the_keyboard_alone_reaches_and_does_everything() {
    play_to_all_states("keyboard.mjs");
}

#[test]
fn no_page_is_wider_than_a_screen_of_320_pixels() {
    play_to_all_states("narrow.mjs");
}

#[test]
fn axe_finds_nothing_on_any_page() {
    play_to_all_states("access.mjs");
}

#[test]
fn a_name_with_markup_or_letters_that_look_alike_is_shown_as_text() {
    play("names.mjs", &Site::new("names.toml").server);
}

#[test]
fn charts_and_the_tables_beside_them_show_what_the_store_answers() {
    play_to_all_states("chart.mjs");
}

#[test]
fn a_store_that_is_away_leaves_the_numbers_and_the_chart_says_what_is_missing() {
    play_to_all_states("away.mjs");
}

#[test]
fn an_open_page_says_that_its_server_is_gone_and_goes_on_when_it_is_back() {
    let mut site = Site::new("catalog.toml");
    let world = json!({"server": site.server.http});
    play_with("restart.mjs", &world, |wish| match wish {
        "kill the server" => site.server.kill(),
        "start the server again" => site.start_again(),
        _ => panic!("{wish}"),
    });
}

/// The numbers get old when nobody publishes any, whoever still serves them.
#[test]
fn a_banner_tells_the_age_of_numbers_whose_owner_stands_still_and_goes_when_it_goes_on() {
    let fleet = Fleet::new(2);
    let collector = fleet.start("collector", "collector");
    let aggregator = fleet.start("aggregator", "aggregator");
    let server = fleet.start("server", "server");
    let world = json!({"server": server.http, "collector": collector.http});
    play_with("stale.mjs", &world, |wish| match wish {
        "stop the aggregator" => aggregator.signal("-STOP"),
        "let the aggregator go on" => aggregator.signal("-CONT"),
        _ => panic!("{wish}"),
    });
}

#[test]
fn a_server_of_partitions_without_owners_says_so_on_every_page() {
    let fleet = Fleet::new(2);
    // Without an aggregator.
    play("starting.mjs", &fleet.starting_at_once("server", "server"));
}
