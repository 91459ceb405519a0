use proptest::prelude::*;
use sextant_measure::observation::Measurement;
use sextant_measure::outcome::{Outcome, Source};
use sextant_measure::scale::Metric;
use sextant_measure::time::{Minute, STEP_US, Step, Timestamp};
use sextant_measure::window::{Filed, STEPS_30M, STEPS_KEPT, SlidingWindow};

use crate::oracle::Oracle;

const START: u32 = 170_000_000;

#[derive(Debug, Clone)]
enum Op {
    Advance(u32),
    /// So many alike but for their values, each completed so many steps before the open one.
    File {
        n: u32,
        steps_ago: u32,
        seed: Measurement,
    },
    Late {
        steps_ago: u32,
    },
}

fn measurement() -> impl Strategy<Value = Measurement> {
    let outcome = prop_oneof![
        6 => Just(Outcome::Ok),
        4 => (0_u8..13).prop_map(|code| Outcome::from_code(code).unwrap()),
    ];
    let source = prop_oneof![4 => Just(Source::Live), 1 => Just(Source::Probe)];
    let tokens = prop::option::of(0_u32..2_000);
    let times = (0_u64..5_000_000, 0_u64..5_000_000_000, any::<bool>());
    (outcome, source, tokens, times).prop_map(|(outcome, source, output_tokens, times)| {
        let (ttft, rest, streamed) = times;
        Measurement {
            completed_at: Timestamp::default(),
            outcome,
            source,
            streamed,
            ttft_us: streamed.then_some(ttft),
            duration_us: Some(ttft + rest),
            input_tokens: None,
            output_tokens,
            status_code: None,
            attempt: 1,
            is_final: true,
        }
    })
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let advance = prop_oneof![8 => 1_u32..4, 3 => 4_u32..60, 1 => 170_u32..400];
    let steps_ago = prop_oneof![5 => Just(0_u32), 3 => 1_u32..10, 3 => 0_u32..200];
    let file = (1_u32..40, steps_ago, measurement());
    let op = prop_oneof![
        3 => advance.prop_map(Op::Advance),
        6 => file.prop_map(|(n, steps_ago, seed)| Op::File { n, steps_ago, seed }),
        1 => (0_u32..200).prop_map(|steps_ago| Op::Late { steps_ago }),
    ];
    prop::collection::vec(op, 1..60)
}

/// Groups large enough for a status, all good or all bad, at the ends of the windows.
fn op_at_an_end() -> impl Strategy<Value = Op> {
    const STEPS_AGO: [u32; 14] = [0, 1, 2, 5, 6, 7, 29, 30, 31, 178, 179, 180, 181, 182];
    let advance = prop_oneof![
        6 => 1_u32..3,
        2 => prop::sample::select(&STEPS_AGO[2..]),
    ];
    let outcome = prop::sample::select(vec![Outcome::Ok, Outcome::Timeout, Outcome::RateLimited]);
    let file = (20_u32..60, prop::sample::select(&STEPS_AGO[..]), outcome);
    let seed = (measurement(), file).prop_map(|(seed, (n, steps_ago, outcome))| Op::File {
        n,
        steps_ago,
        seed: Measurement { outcome, ..seed },
    });
    prop_oneof![1 => advance.prop_map(Op::Advance), 1 => seed]
}

/// The `index`th of a group: values spread around the seed's, so that bins differ.
fn spread(seed: &Measurement, index: u32, completed_at: Timestamp) -> Measurement {
    let stretch = |value: u64| value + value / 97 * u64::from(index);
    Measurement {
        completed_at,
        ttft_us: seed.ttft_us.map(stretch),
        duration_us: seed.duration_us.map(stretch),
        ..*seed
    }
}

fn apply(op: &Op, window: &mut SlidingWindow, oracle: &mut Oracle) {
    match op {
        Op::Advance(steps) => {
            oracle.now += steps;
            window.advance(Step::from_index(oracle.now));
        }
        Op::File { n, steps_ago, seed } => {
            let start = Step::from_index(oracle.now - steps_ago).start();
            for index in 0..*n {
                let at = start.plus_micros(i64::from(index) * 7_919 % STEP_US);
                let measurement = spread(seed, index, at);
                let expected = match steps_ago {
                    0..STEPS_30M => Filed::Inside,
                    STEPS_30M..STEPS_KEPT => Filed::Kept,
                    _ => Filed::Gone,
                };
                assert_eq!(window.file(&measurement), expected);
                if expected != Filed::Gone {
                    oracle.file(measurement);
                }
            }
        }
        Op::Late { steps_ago } => {
            window.file_late(Step::from_index(oracle.now - steps_ago));
            oracle.file_late(oracle.now - steps_ago);
        }
    }
}

fn pair() -> (SlidingWindow, Oracle) {
    (
        SlidingWindow::new(Step::from_index(START)),
        Oracle::new(START),
    )
}

fn agree(window: &SlidingWindow, oracle: &Oracle) -> Result<(), TestCaseError> {
    let at = Step::from_index(oracle.now).start().plus_micros(1_234);
    prop_assert_eq!(window.figures(at), oracle.figures(at));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_window_equals_the_oracle_after_every_operation(ops in ops()) {
        let (mut window, mut oracle) = pair();
        for op in &ops {
            apply(op, &mut window, &mut oracle);
            agree(&window, &oracle)?;
        }
        // Expiry to the last step: one edge after the other until nothing is left.
        for _ in 0..STEPS_KEPT {
            apply(&Op::Advance(1), &mut window, &mut oracle);
        }
        agree(&window, &oracle)?;
        prop_assert!(window.is_empty());
    }

    #[test]
    fn every_step_edge_of_an_emptying_window_equals_the_oracle(ops in ops(), stride in 1_u32..9) {
        let (mut window, mut oracle) = pair();
        ops.iter().for_each(|op| apply(op, &mut window, &mut oracle));
        for _ in 0..=STEPS_30M / stride {
            apply(&Op::Advance(stride), &mut window, &mut oracle);
            agree(&window, &oracle)?;
        }
    }

    /// Every number of a short window and of an edge hangs on whether one step is inside.
    #[test]
    fn steps_at_the_ends_of_the_windows_are_inside_exactly_as_long_as_the_oracle_says(
        ops in prop::collection::vec(op_at_an_end(), 1..40),
    ) {
        let (mut window, mut oracle) = pair();
        for op in &ops {
            apply(op, &mut window, &mut oracle);
            agree(&window, &oracle)?;
        }
    }

    #[test]
    fn the_order_of_arrival_changes_nothing(
        group in prop::collection::vec((measurement(), 0_u32..180), 1..150),
        rotate in 0_usize..150,
    ) {
        let (mut forward, _) = pair();
        let (mut turned, _) = pair();
        let at = |steps_ago: u32| Step::from_index(START - steps_ago).start();
        for (seed, steps_ago) in &group {
            forward.file(&spread(seed, 0, at(*steps_ago)));
        }
        let split = rotate % group.len();
        for (seed, steps_ago) in group[split..].iter().rev().chain(&group[..split]) {
            turned.file(&spread(seed, 0, at(*steps_ago)));
        }
        let moment = at(0);
        prop_assert_eq!(forward.figures(moment), turned.figures(moment));
        for minute in 0..32 {
            let minute = moment.minute().minus(minute);
            prop_assert_eq!(forward.minute(minute), turned.minute(minute));
        }
    }

    #[test]
    fn minutes_equal_the_oracle_and_merge_to_the_window(ops in ops()) {
        let (mut window, mut oracle) = pair();
        ops.iter().for_each(|op| apply(op, &mut window, &mut oracle));
        let last = Step::from_index(oracle.now).minute();
        let kept_from = Step::from_index(oracle.now + 1 - STEPS_KEPT).minute().plus(1);
        for minute in kept_from.index()..=last.index() {
            let minute = Minute::from_index(minute);
            let (counts, values) = oracle.minute(minute);
            let Some(sums) = window.minute(minute) else {
                prop_assert_eq!(counts.all(), 0);
                continue;
            };
            prop_assert_eq!(sums.counts, counts);
            for ((metric, bins), values) in Metric::ALL.iter().zip(&sums.bins).zip(values) {
                let mut expected = sextant_measure::bins::Bins::empty(*metric);
                values.iter().for_each(|value| expected.record(*value));
                prop_assert_eq!(bins, &expected);
            }
        }
    }

    #[test]
    fn regions_filed_into_one_window_equal_the_oracle_of_all(first in ops(), second in ops()) {
        let (mut one_region, mut oracle) = pair();
        first.iter().for_each(|op| apply(op, &mut one_region, &mut oracle));
        // The merge of all regions begins as a copy when a second region is first seen.
        let mut global = one_region.clone();
        second.iter().for_each(|op| apply(op, &mut global, &mut oracle));
        agree(&global, &oracle)?;
    }
}

/// What a window holds on the heap after groups of observations have come, each at a step and for
/// a step, as so many steps after the start.
fn heap_bytes_after(groups: &[(u32, u32)]) -> usize {
    let step = |index: u32| Step::from_index(START + index);
    let mut window = SlidingWindow::new(step(0));
    for (at, of) in groups {
        window.advance(step(*at));
        let answered = Measurement {
            completed_at: step(*of).start(),
            outcome: Outcome::Ok,
            source: Source::Live,
            streamed: true,
            ttft_us: Some(200_000),
            duration_us: Some(900_000),
            input_tokens: None,
            output_tokens: Some(150),
            status_code: None,
            attempt: 1,
            is_final: true,
        };
        for _ in 0..20 {
            assert_eq!(window.file(&answered), Filed::Inside);
        }
    }
    window.advance(step(4));
    window.heap_bytes()
}

#[test]
fn steps_that_were_filled_late_are_as_small_as_others_once_the_window_moves_on() {
    let in_time = heap_bytes_after(&[(1, 1), (1, 1), (2, 2), (2, 2), (3, 3), (3, 3)]);
    for late in [
        // After its own step, and before the next one had anything.
        [(1, 1), (2, 1), (2, 2), (3, 2), (3, 3), (3, 3)],
        // Each before the one that was there.
        [(3, 3), (3, 2), (3, 1), (3, 3), (3, 2), (3, 1)],
        // All in one step, in order.
        [(3, 1), (3, 1), (3, 2), (3, 2), (3, 3), (3, 3)],
    ] {
        assert_eq!(heap_bytes_after(&late), in_time, "{late:?}");
    }
}
