//! Several agents, who know of each other only what a server says.

use super::world::World;

const HOUR: u64 = 3_600;

/// Requests for each endpoint in an interval.
fn rate(world: &World, endpoints: u64, seconds: u64) -> f64 {
    let expected = u32::try_from(endpoints * seconds / 60).unwrap();
    f64::from(u32::try_from(world.requests).unwrap()) / f64::from(expected)
}

#[test]
fn ten_agents_together_ask_about_as_often_as_one_though_agents_die_and_join() {
    let mut world = World::new(50, 10, 1);
    let mut churn = 0;
    for quarter in 0..96 {
        world.run(HOUR / 4);
        // Between 5 and 12 agents, of whom any may die at any time.
        if quarter % 3 == 0 && world.agents() < 12 {
            world.join();
        } else if world.agents() > 5 {
            world.kill_one();
            churn += 1;
        }
    }
    assert!(churn >= 30, "{churn} deaths");
    assert!(world.longest_gap() <= 120, "{} s", world.longest_gap());
    let rate = rate(&world, 50, 24 * HOUR);
    assert!((0.9..1.25).contains(&rate), "{rate} requests an interval");
    assert!(world.burst <= 20, "{} at once", world.burst);
}

#[test]
fn whoever_is_left_alone_goes_on() {
    let mut world = World::new(20, 10, 2);
    world.run(HOUR);
    (0..9).for_each(|_| world.kill_one());
    world.run(HOUR);
    assert!(world.longest_gap() <= 120, "{} s", world.longest_gap());
    world.forget();
    world.run(HOUR);
    let rate = rate(&world, 20, HOUR);
    assert!((0.9..1.1).contains(&rate), "{rate} requests an interval");
}

#[test]
fn a_fleet_that_starts_at_once_neither_bursts_nor_stays_manifold() {
    let mut world = World::new(50, 100, 3);
    world.run(60);
    // A hundred agents alone would ask 5,000 times, 83 in each second. So they do until the first
    // answers show, and hardly at all from then on.
    assert!(world.requests <= 500, "{} requests", world.requests);
    assert!(world.burst <= 120, "{} at once", world.burst);
    world.run(600);
    world.forget();
    world.run(HOUR);
    let rate = rate(&world, 50, HOUR);
    assert!((0.9..2.0).contains(&rate), "{rate} requests an interval");
}

#[test]
fn answers_that_take_longer_than_any_backoff_do_not_make_all_ask() {
    let mut world = World::new(20, 10, 4);
    world.run(HOUR);
    world.answer_s = 30;
    world.run(1_200);
    world.forget();
    world.run(2 * HOUR);
    let rate = rate(&world, 20, 2 * HOUR);
    assert!((0.8..2.0).contains(&rate), "{rate} requests an interval");
}

#[test]
fn live_traffic_takes_the_place_of_probes_and_they_are_back_when_it_ends() {
    let mut world = World::new(4, 5, 5);
    world.run(HOUR);
    world.forget();
    for second in 0..HOUR {
        // Users of endpoint 0 come every 20 seconds, of the others never.
        if second % 20 == 0 {
            world.live(0);
        }
        world.run(1);
    }
    let others = rate(&world, 3, HOUR);
    assert!(
        (0.9..1.3).contains(&others),
        "{others}: none is of endpoint 0"
    );
    assert!(world.skipped[0] >= 5 * 30, "{} skips", world.skipped[0]);
    world.run(HOUR);
    assert!(world.longest_gap() <= 120, "{} s", world.longest_gap());
}

#[test]
fn the_blind_ask_as_if_alone_and_share_again_when_they_see() {
    let mut world = World::new(10, 5, 6);
    world.run(HOUR);
    assert_eq!(world.blind, 0);
    world.blind_all(true);
    world.run(600);
    world.forget();
    world.run(HOUR);
    let alone = rate(&world, 10, HOUR);
    assert!((4.5..5.5).contains(&alone), "{alone} of five agents");
    assert_eq!(world.blind, world.requests);
    world.blind_all(false);
    world.run(1_200);
    world.forget();
    world.run(HOUR);
    let shared = rate(&world, 10, HOUR);
    assert!(
        (0.9..1.3).contains(&shared),
        "{shared} requests an interval"
    );
    assert_eq!(world.blind, 0);
}

#[test]
fn what_says_nothing_of_uptime_is_asked_less_and_less() {
    let mut world = World::new(10, 1, 7);
    world.counts = false;
    world.run(1_200);
    world.forget();
    world.run(8 * HOUR);
    let rate = rate(&world, 10, 8 * HOUR);
    assert!((0.1..0.15).contains(&rate), "{rate}: an eighth");
    world.counts = true;
    world.run(1_200);
    world.forget();
    world.run(HOUR);
    let rate = super::sharing::rate(&world, 10, HOUR);
    assert!((0.9..1.1).contains(&rate), "{rate} requests an interval");
}
